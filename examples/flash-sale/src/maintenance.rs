//! What goes on beside requests.

use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval};

use crate::app::App;

/// How often what is past its time is freed, and how many entries are looked at.
const FREE_EACH: Duration = Duration::from_millis(100);
const LOOKS: usize = 2_000;

/// How often a sample is taken, and the files of lists are looked at.
const SAMPLE_EACH: Duration = Duration::from_secs(1);

/// Starts everything that goes on until the process ends.
pub(crate) fn start(app: &Arc<App>) {
    let each = |app: &Arc<App>, time, what: fn(&App)| {
        let app = Arc::clone(app);
        tokio::spawn(async move {
            let mut ticks = interval(time);
            // After a stall there is nothing to catch up with.
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                what(&app);
            }
        })
    };
    each(app, FREE_EACH, |app| _ = app.gate.maintain(LOOKS));
    each(app, SAMPLE_EACH, |app| app.stats.sample(app));
    tokio::spawn(refresh(Arc::clone(app)));
    if app.config.orders.fulfil {
        tokio::spawn(crate::workers::work(Arc::clone(app)));
    }
}

/// Reads lists when their files change, and on SIGHUP. Makes what everybody may see anew.
async fn refresh(app: Arc<App>) {
    let mut ticks = interval(SAMPLE_EACH);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut hangup = match signal(SignalKind::hangup()) {
        Ok(hangup) => hangup,
        Err(error) => return eprintln!("no lists are read again: {error}"),
    };
    loop {
        let anyway = tokio::select! {
            _ = ticks.tick() => false,
            _ = hangup.recv() => true,
        };
        if let Err(error) = app.refresh_lists(anyway).await {
            eprintln!("{error:#}");
        }
        app.refresh_public().await;
        if let Some(nodes) = &app.nodes {
            // One of them is down, or all is well.
            let looked = nodes.look().await.map_err(anyhow::Error::from);
            if let Err(error) = looked.and(app.follow().await) {
                eprintln!("no news from Redis: {error:#}");
            }
        }
    }
}
