//! The end of a load.

use std::sync::Arc;

use super::{Session, track};
use crate::Error;

impl Session {
    /// Deletes what the scan has not seen, once it is complete.
    ///
    /// On a cluster, nothing is deleted here. A key that was not seen may be on its way to another primary, while this one
    /// still has the slot. So it is asked for: the answer says whether it is gone or elsewhere.
    pub(super) async fn sweep(&mut self) -> Result<(), Error> {
        let due = self.inbox.engine().sweep_due();
        let Some(round) = due else { return Ok(()) };
        if self.context.settings.planted.load_then_track {
            track(&mut self.link, &self.primary, &self.context.prefix).await?;
        }
        let mut ask = Vec::new();
        if let Some((_, seen)) = self.seen.take().filter(|_| !self.context.settings.planted.no_sweep) {
            let guard = Arc::clone(&self.context.sweeps).read_owned().await;
            let (context, primary) = (Arc::clone(&self.context), self.primary.clone());
            let asks = context.server.is_cluster() && !context.settings.planted.sweep_unasked;
            // It looks at every key of the cache. The guard outlives this task if that is stopped.
            let sweep = tokio::task::spawn_blocking(move || {
                let mut ask = Vec::new();
                let mut full = context.prefix.to_vec();
                context.target.retain(&mut |name| {
                    if seen.contains(name) {
                        return true;
                    }
                    let key = if context.settings.keep_prefix {
                        name
                    } else {
                        full.truncate(context.prefix.len());
                        full.extend_from_slice(name);
                        &full
                    };
                    // What other sessions, or other mirrors, have is theirs.
                    if !key.starts_with(&context.prefix) || !primary.owns(key) {
                        return true;
                    }
                    if asks {
                        ask.push(key.to_vec());
                    }
                    asks
                });
                drop(guard);
                ask
            });
            ask = sweep
                .await
                .map_err(|error| Error::SessionEnded { reason: format!("the sweep failed: {error}") })?;
        }
        self.inbox.engine().swept(round, ask);
        self.send_all().await;
        Ok(())
    }
}
