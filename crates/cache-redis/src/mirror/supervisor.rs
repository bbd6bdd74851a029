//! Sessions are begun, and begun again when they end.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::{Context, session, trace};
use crate::Error;
use crate::server::{Backoff, Topology};

/// Keeps the mirror going until it is told to stop.
pub(super) async fn run(context: Arc<Context>, mut stop: watch::Receiver<bool>) {
    let mut sessions = JoinSet::new();
    tokio::select! {
        () = epochs(&context, &mut sessions) => {}
        // The sender is gone if the mirror was dropped.
        _ = stop.wait_for(|stop| *stop) => {}
    }
    // Waits for their end: a session may be storing values.
    sessions.shutdown().await;
    context.board.stop();
}

/// Waits for the end of what keeps a mirror going. If that is a panic of the user's code, tells those who wait.
pub(super) async fn watch(context: Arc<Context>, run: JoinHandle<()>) {
    if let Err(error) = run.await {
        let error = Error::SessionEnded { reason: error.to_string() };
        trace::ended(&context, &error);
        context.board.lost(0, error);
        context.board.stop();
    }
}

async fn epochs(context: &Arc<Context>, sessions: &mut JoinSet<session::Ended>) {
    let mut backoff = Backoff::new(context.settings.longest_wait);
    // Whether there can be nothing in the cache that Redis does not have.
    let mut virgin = context.target.is_empty();
    loop {
        match context.server.topology().await {
            Ok(topology) => {
                epoch(context, Arc::new(topology), virgin, sessions, &mut backoff).await;
                virgin = false;
            }
            Err(error) => {
                trace::ended(context, &error);
                context.board.lost(0, error);
            }
        }
        tokio::time::sleep(backoff.next()).await;
    }
}

/// Runs a session with each primary, until the topology may be another.
async fn epoch(
    context: &Arc<Context>,
    topology: Arc<Topology>,
    virgin: bool,
    sessions: &mut JoinSet<session::Ended>,
    backoff: &mut Backoff,
) {
    let mut epoch = Epoch { context, topology, sessions, indices: HashMap::new() };
    context.board.begin(epoch.topology.primaries.len());
    (0..epoch.topology.primaries.len()).for_each(|index| epoch.begin(index, virgin));
    let topology = Arc::clone(&epoch.topology);
    let mut replaced = false;
    loop {
        let ended = tokio::select! {
            ended = epoch.ended() => ended,
            // The old primary may not know yet that it is none, and be written to no more.
            () = other_primary(context, &topology), if context.server.is_sentinel() => {
                replaced = true;
                break;
            }
        };
        let Some((index, error, was_ready)) = ended else { break };
        trace::ended(context, &error);
        context.board.lost(index, error);
        if was_ready {
            backoff.reset();
        }
        if !context.server.is_cluster() {
            break;
        }
        tokio::time::sleep(backoff.next()).await;
        match context.server.topology().await {
            Ok(topology) if !topology.is_same(&epoch.topology) => break,
            // Also if no node answers: the other sessions may be well.
            _ => epoch.begin(index, false),
        }
    }
    // Waits for their end: the sessions of the next epoch must be alone.
    epoch.sessions.shutdown().await;
    if replaced {
        // Only now: a session that runs would say again that it is ready.
        let error = Error::SessionEnded { reason: "the Sentinels name another primary".to_owned() };
        trace::ended(context, &error);
        context.board.lost(0, error);
    }
}

/// Waits until the Sentinels name another primary.
pub(super) async fn other_primary(context: &Arc<Context>, topology: &Topology) {
    loop {
        tokio::time::sleep(session::CHECK).await;
        if context.server.topology().await.is_ok_and(|now| !now.is_same(topology)) {
            return;
        }
    }
}

struct Epoch<'a> {
    context: &'a Arc<Context>,
    topology: Arc<Topology>,
    sessions: &'a mut JoinSet<session::Ended>,
    indices: HashMap<tokio::task::Id, usize>,
}

impl Epoch<'_> {
    fn begin(&mut self, index: usize, virgin: bool) {
        let run = session::run(Arc::clone(self.context), Arc::clone(&self.topology), index, virgin);
        self.indices.insert(self.sessions.spawn(run).id(), index);
    }

    /// Waits for the end of a session.
    async fn ended(&mut self) -> Option<(usize, Error, bool)> {
        let (id, error, was_ready) = match self.sessions.join_next_with_id().await? {
            Ok((id, ended)) => (id, ended.error, ended.was_ready),
            // A target or a codec of the user's.
            Err(error) => (error.id(), Error::SessionEnded { reason: error.to_string() }, false),
        };
        Some((self.indices.remove(&id).unwrap_or_default(), error, was_ready))
    }
}
