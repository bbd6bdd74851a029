//! Connections: how many, how long, and how they end.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;

use crate::app::App;
use crate::routes::{Peer, router};
use crate::{Config, Keys, maintenance};

/// The most headers of a request, and the most bytes of all of them. More is answered with 431.
const MOST_HEADERS: usize = 64;
const LARGEST_HEAD: usize = 16 << 10;

/// The wait after an accept that failed, as when there are no file descriptors left.
const PAUSE: Duration = Duration::from_millis(50);

/// Runs the service until it is told to stop. Then it takes no more requests, answers those it has, waits until every order is
/// settled, and closes the books.
///
/// # Errors
///
/// If the data directory cannot be used, or an order is not settled in time.
pub async fn serve(config: Config, keys: Keys, listener: TcpListener) -> Result<()> {
    let app = Arc::new(App::open(config, keys).await?);
    let stop = Duration::from_millis(app.config.limits.stop_ms);
    maintenance::start(&app);
    // Requests are answered before everything is loaded: a probe must not take a start for a failure.
    let warming = tokio::spawn({
        let app = Arc::clone(&app);
        async move { app.warm_up().await }
    });
    let open = GracefulShutdown::new();
    let accepting = accept(&app, &listener, &open);
    tokio::select! {
        () = accepting => {}
        warmed = async {
            match warming.await {
                // Ready. Only a failure ends the service.
                Ok(Ok(())) => std::future::pending().await,
                Ok(Err(error)) => Err(error),
                Err(panicked) => Err(panicked.into()),
            }
        } => return warmed.context("the service cannot start"),
        stopped = stopped() => stopped?,
    }
    // Nobody is admitted any more. Connections that wait in the listener are refused.
    app.stop();
    drop(listener);
    if tokio::time::timeout(stop, open.shutdown()).await.is_err() {
        eprintln!("some requests are still open after {} ms and are cut off", stop.as_millis());
    }
    let unsettled = app.desk.drain(stop).await;
    app.desk.books().close().await.context("the books cannot be closed")?;
    if unsettled > 0 {
        bail!("{unsettled} orders are not settled: the books say what became of them");
    }
    Ok(())
}

async fn accept(app: &Arc<App>, listener: &TcpListener, open: &GracefulShutdown) {
    let limits = &app.config.limits;
    let places = Arc::new(Semaphore::new(limits.connections));
    let router = router(app);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.request())
        // Answers are short: one copy costs less than a vectored write.
        .writev(false)
        .max_headers(MOST_HEADERS)
        .max_buf_size(LARGEST_HEAD);
    loop {
        // The semaphore is never closed.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                eprintln!("no connection: {error}");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let _ = stream.set_nodelay(true);
        let router = TowerToHyperService::new(router.clone());
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(Peer(peer.ip()));
            router.call(request)
        });
        let connection = open.watch(http.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            // Clients that break off are no news.
            let _ = connection.await;
            drop(place);
        });
    }
}

/// Ends when the process is asked to stop, by Ctrl-C or by whoever runs it.
async fn stopped() -> Result<()> {
    let mut terminated = signal(SignalKind::terminate()).context("cannot listen to signals")?;
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminated.recv() => {}
    }
    Ok(())
}
