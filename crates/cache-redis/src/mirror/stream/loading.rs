//! The load of a session, beside the changes that are made meanwhile.

use std::sync::Arc;

use super::super::Context;
use super::super::board::Phase;
use super::super::engine::RedisKey;
use super::super::packet::Fetched;
use super::super::seen::Seen;
use super::engine::Engine;
use super::load::{Loader, Page};
use super::session::{Session, store};
use crate::Error;
use crate::feed::{FeedError, FeedReader, has_tag};
use crate::server::{Primary, Topology, slot_of};

impl<R: FeedReader> Session<R> {
    /// Loads everything, while it applies the changes that are made meanwhile.
    pub(super) async fn load(&mut self, virgin: bool) -> Result<(), FeedError> {
        let context = Arc::clone(&self.context);
        self.engine = Engine::load_from(self.reader.last().await?);
        context.board.report(0, Phase::Loading, None, 0);
        let topology = context.server.topology().await?;
        let mut seen = (!virgin).then(Seen::new);
        let primaries = topology.primaries.iter().filter(|primary| may_have(primary, &context.prefix));
        for primary in primaries {
            self.load_from(primary, &topology, &mut seen).await?;
        }
        if context.server.is_cluster() && !context.server.topology().await?.is_same(&topology) {
            let reason = "slots moved during the load".to_owned();
            return Err(Error::SessionEnded { reason }.into());
        }
        let changed = self.engine.loaded();
        if context.settings.planted.load_then_track {
            self.engine = Engine::follow_from(self.reader.last().await?);
        }
        if let Some(seen) = seen.filter(|_| !context.settings.planted.no_sweep) {
            let guard = Arc::clone(&context.sweeps).read_owned().await;
            // It looks at every key of the cache. The guard outlives this task if that is stopped.
            let sweep = tokio::task::spawn_blocking(move || {
                let prefix = &context.prefix[..];
                context.target.retain(&mut |name| {
                    let key =
                        if context.settings.keep_prefix { name.strip_prefix(prefix) } else { Some(name) };
                    // What other mirrors have is theirs.
                    key.is_none_or(|key| seen.contains(name) || changed.contains(key))
                });
                drop(guard);
            });
            sweep.await.map_err(|error| Error::Unknown { reason: format!("the sweep failed: {error}") })?;
        }
        Ok(())
    }

    async fn load_from(
        &mut self,
        primary: &Primary,
        topology: &Topology,
        seen: &mut Option<Seen>,
    ) -> Result<(), FeedError> {
        let mut loader = Loader::connect(&self.context, primary).await?;
        self.context.board.load(0, loader.expected);
        let mut page = Page::default();
        while let Some(request) = loader.request() {
            let mut link = loader.link();
            // The next page travels while this one is applied.
            let (answers, settled) =
                tokio::join!(link.send_all(&request.pipeline), self.settle(&loader, page, seen));
            settled?;
            page = loader.read(request, answers?)?;
            self.context.board.see(0, page.found);
        }
        self.settle(&loader, page, seen).await?;
        if self.context.server.is_cluster() {
            keeps_its_slots(&self.context, &loader, primary, topology).await?;
        }
        Ok(())
    }

    /// Applies the values of a page, after all changes that may be in them.
    async fn settle(
        &mut self,
        loader: &Loader,
        page: Page,
        seen: &mut Option<Seen>,
    ) -> Result<(), FeedError> {
        let Some(at) = page.at.filter(|_| !page.values.is_empty()) else { return Ok(()) };
        let context = Arc::clone(&self.context);
        if !context.settings.planted.load_then_track {
            self.read_all().await?;
        }
        let mut suspects: Vec<RedisKey> = Vec::new();
        for (key, fetched) in page.values {
            let (Some(short), Some(name)) = (key.strip_prefix(&context.prefix[..]), context.name_of(&key))
            else {
                continue;
            };
            if !self.engine.may_load(short) {
                continue;
            }
            match fetched {
                Fetched::Value(value, lifetime) => {
                    // From the time when it was asked for: it must not outlive the key of Redis.
                    let lifetime = lifetime.map(|lifetime| lifetime.saturating_sub(at.elapsed()));
                    if store(&context, &key, name, &value, lifetime) {
                        seen.iter_mut().for_each(|seen| seen.insert(name));
                    }
                }
                Fetched::Absent | Fetched::WrongType => {
                    context.target.remove(name);
                    suspects.push(key);
                }
                Fetched::Elsewhere => {
                    let reason = "slots are moving to other primaries".to_owned();
                    return Err(Error::SessionEnded { reason }.into());
                }
            }
        }
        if !suspects.is_empty() {
            loader.report_types(&context, &suspects).await?;
        }
        Ok(())
    }
}

/// Fails if the scan may have missed keys, as their slots are on the way to another primary, or there.
async fn keeps_its_slots(
    context: &Context,
    loader: &Loader,
    primary: &Primary,
    topology: &Topology,
) -> Result<(), Error> {
    let mut pipeline = redis::pipe();
    pipeline.cmd("CLUSTER").arg("SLOTS").cmd("CLUSTER").arg("NODES");
    let answers = loader.link().send_all(&pipeline).await?;
    let matters = |slot| !has_tag(&context.prefix) || slot == slot_of(&context.prefix);
    if topology.is_kept(answers, &primary.node, matters)? {
        return Ok(());
    }
    Err(Error::SessionEnded { reason: "slots are moving to other primaries".to_owned() })
}

/// Whether a primary may have keys that begin with this.
fn may_have(primary: &Primary, prefix: &[u8]) -> bool {
    // Without a tag, each key has a slot of its own.
    !has_tag(prefix) || primary.owns(prefix)
}
