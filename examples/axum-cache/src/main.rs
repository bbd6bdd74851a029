//! `cargo run -p axum-cache`, and `cargo run -p axum-cache -- --help`.
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use axum_cache::Config;
use clap::Parser;
use hotcache::policy::SystemClock;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// How long requests that are open at the end may take.
const GRACE: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() -> Result<()> {
    let config = Config::parse();
    let app = axum_cache::app(&config, SystemClock).context("cannot use the database")?;
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    let listener = TcpListener::bind(config.listen).await;
    let listener = listener.with_context(|| format!("cannot listen on {}", config.listen))?;
    println!("listening on http://{}", listener.local_addr()?);
    tokio::select! {
        served = axum::serve(listener, app).with_graceful_shutdown(stopped()) => served?,
        () = async { stopped().await; tokio::time::sleep(GRACE).await } => {
            eprintln!("some requests are still open after {} s and are cut off", GRACE.as_secs());
        }
    }
    Ok(())
}

/// Ends when the process is asked to stop, by Ctrl-C or by whoever runs it.
async fn stopped() {
    let mut terminated = signal(SignalKind::terminate()).expect("a signal can be listened to");
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminated.recv() => {}
    }
}
