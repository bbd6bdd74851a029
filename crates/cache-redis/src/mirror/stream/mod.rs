//! Mirrors that follow a change log.
//!
//! A session with the log is begun, and begun again when it ends. If the next one reads the same history, it goes on where the
//! last one ended, without a load.

mod engine;
mod load;
mod loading;
mod session;

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;

use self::session::Ended;
use super::{Context, supervisor, trace};
use crate::Error;
use crate::feed::ChangeFeed;
use crate::server::Backoff;

/// Keeps the mirror going until it is told to stop.
pub(super) async fn run<F: ChangeFeed>(context: Arc<Context>, feed: F, mut stop: watch::Receiver<bool>) {
    let (feed, mut sessions) = (Arc::new(feed), JoinSet::new());
    tokio::select! {
        () = follow(&context, &feed, &mut sessions) => {}
        // The sender is gone if the mirror was dropped.
        _ = stop.wait_for(|stop| *stop) => {}
    }
    sessions.shutdown().await;
    context.board.stop();
}

async fn follow<F: ChangeFeed>(context: &Arc<Context>, feed: &Arc<F>, sessions: &mut JoinSet<Ended>) {
    let mut backoff = Backoff::new(context.settings.longest_wait);
    // Whether there can be nothing in the cache that Redis does not have.
    let mut virgin = context.target.is_empty();
    let mut resume = None;
    context.board.begin(1);
    loop {
        match context.server.topology().await {
            Ok(topology) => {
                let begin = session::run(Arc::clone(context), Arc::clone(feed), virgin, resume.take());
                sessions.spawn(begin);
                virgin = false;
                let ended = tokio::select! {
                    ended = sessions.join_next() => ended,
                    // The old primary may not know yet that it is none, and be written to no more.
                    () = supervisor::other_primary(context, &topology), if context.server.is_sentinel() => {
                        sessions.shutdown().await;
                        let reason = "the Sentinels name another primary".to_owned();
                        Some(Ok(Ended { error: Error::SessionEnded { reason }, was_ready: false, resume: None }))
                    }
                };
                let ended = match ended {
                    Some(Ok(ended)) => ended,
                    // A target or a codec of the user's.
                    Some(Err(error)) => Ended {
                        error: Error::SessionEnded { reason: error.to_string() },
                        was_ready: false,
                        resume: None,
                    },
                    None => unreachable!("a session was begun"),
                };
                if ended.was_ready {
                    backoff.reset();
                }
                resume = ended.resume;
                trace::ended(context, &ended.error);
                context.board.lost(0, ended.error);
            }
            Err(error) => {
                trace::ended(context, &error);
                context.board.lost(0, error);
            }
        }
        tokio::time::sleep(backoff.next()).await;
    }
}
