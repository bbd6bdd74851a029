//! One session with a change log: the input and output around an [`Engine`].

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::super::board::Phase;
use super::super::engine::Time;
use super::super::{Context, Reason, trace};
use super::engine::Engine;
use crate::Error;
use crate::feed::{Change, ChangeFeed, Changed, FeedError, FeedReader, Position};

/// The number of changes that are read at a time, if they are small.
const MOST: usize = 1000;

/// Bytes that a change is taken to have until some were seen. Not few, as the first read may be of large objects.
const FIRST_GUESS: f64 = 65_536.0;

/// Bytes that a change costs besides its key and value.
const OVERHEAD: f64 = 64.0;

/// What events name as the server.
const LOG: &str = "change log";

/// Where another session may go on.
#[derive(Debug)]
pub(super) struct Resume {
    history: String,
    position: Position,
}

/// How a session ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) error: Error,
    /// Whether everything was loaded.
    pub(super) was_ready: bool,
    pub(super) resume: Option<Resume>,
}

pub(super) struct Session<R> {
    pub(super) context: Arc<Context>,
    pub(super) reader: R,
    pub(super) engine: Engine,
    bytes_per_change: f64,
    was_ready: bool,
}

/// Runs a session until it ends. To stop it, drop the future.
pub(super) async fn run<F: ChangeFeed>(
    context: Arc<Context>,
    feed: Arc<F>,
    virgin: bool,
    resume: Option<Resume>,
) -> Ended {
    // A sweep of an earlier session may still be running, and knows nothing of what this one will load.
    drop(context.sweeps.write().await);
    let reader = match feed.open().await {
        Ok(reader) => reader,
        Err(error) => return Ended { error, was_ready: false, resume },
    };
    context.board.sessions.fetch_add(1, Ordering::Relaxed);
    trace::began(&context, LOG);
    let began = Instant::now();
    let resume = resume.filter(|resume| resume.history == reader.history());
    let engine = Engine::follow_from(resume.as_ref().map_or(Position::START, |resume| resume.position));
    let mut session = Session { context, reader, engine, bytes_per_change: FIRST_GUESS, was_ready: false };
    let mut is_loaded = resume.is_some();
    let ended = async {
        if resume.is_none() {
            session.load(virgin).await?;
            is_loaded = true;
        }
        session.catch_up().await?;
        trace::ready(&session.context, LOG, began.elapsed());
        session.follow().await
    };
    let error = match ended.await {
        Ok(never) => match never {},
        Err(error) => error,
    };
    // A session that has not loaded everything leaves nothing to go on from.
    let can_resume = error.can_resume() && is_loaded;
    let resume = can_resume
        .then(|| Resume { history: session.reader.history().to_owned(), position: session.engine.applied() });
    let error = match error {
        FeedError::Failed(error) => error,
        other => Error::SessionEnded { reason: other.to_string() },
    };
    Ended { error, was_ready: session.was_ready, resume }
}

impl<R: FeedReader> Session<R> {
    /// Applies everything that is missing after the load, or after the last session.
    async fn catch_up(&mut self) -> Result<(), FeedError> {
        let at = self.context.board.now();
        self.read_all().await?;
        self.engine.all_applied(at);
        self.publish();
        Ok(())
    }

    /// Applies everything up to the change that is the last one now.
    pub(super) async fn read_all(&mut self) -> Result<(), FeedError> {
        let last = self.reader.last().await?;
        self.engine.check(last)?;
        while self.engine.is_behind(last) {
            let longest = self.reader.longest_wait().saturating_add(self.context.settings.silence);
            let changes = in_time(longest, self.reader.read(self.engine.applied(), self.most())).await?;
            self.apply(changes)?;
        }
        Ok(())
    }

    /// Applies changes as they come, for ever.
    async fn follow(&mut self) -> Result<std::convert::Infallible, FeedError> {
        let heartbeat = Duration::from_nanos(self.context.settings.limits.heartbeat);
        let silence = self.context.settings.silence;
        let longest = self.reader.longest_wait().saturating_add(silence);
        loop {
            let at = self.context.board.now();
            let (applied, most) = (self.engine.applied(), self.most());
            let changes = {
                let mut read = pin!(in_time(longest, self.reader.read(applied, most)));
                loop {
                    tokio::select! {
                        biased;
                        changes = &mut read => break changes?,
                        beat = self.beat(heartbeat, silence, applied) => {
                            if let Some(time) = beat? {
                                self.engine.all_applied(time);
                            }
                            self.context.board.report(0, Phase::Ready, self.engine.fresh(), 0);
                        }
                    }
                }
            };
            let is_all = changes.len() < most;
            self.apply(changes)?;
            if is_all {
                self.engine.all_applied(at);
            }
            self.publish();
        }
    }

    /// After a while, asks whether there is nothing new. Returns when it asked, if so.
    async fn beat(
        &self,
        heartbeat: Duration,
        silence: Duration,
        applied: Position,
    ) -> Result<Option<Time>, FeedError> {
        tokio::time::sleep(heartbeat).await;
        let at = self.context.board.now();
        Ok(in_time(silence, self.reader.is_last(applied)).await?.then_some(at))
    }

    /// The number of changes to read, so that about as many bytes come as may be under way.
    fn most(&self) -> usize {
        ((self.context.settings.bytes as f64 / self.bytes_per_change) as usize).clamp(1, MOST)
    }

    fn apply(&mut self, changes: Vec<Change>) -> Result<(), FeedError> {
        if !changes.is_empty() {
            let mean = changes.iter().map(size).sum::<usize>() as f64 / changes.len() as f64 + OVERHEAD;
            // Up at once, down slowly.
            self.bytes_per_change = mean.max(self.bytes_per_change * 0.9 + mean * 0.1);
        }
        let context = &self.context;
        let mut key = context.prefix.clone();
        for change in changes {
            if !self.engine.next(&change)? {
                continue;
            }
            key.truncate(context.prefix.len());
            key.extend_from_slice(&change.key);
            let name = if context.settings.keep_prefix { &key[..] } else { &change.key[..] };
            match change.changed {
                Changed::Set { value, time_to_live } => {
                    store(context, &key, name, &value, time_to_live);
                }
                Changed::Deleted => context.target.remove(name),
            }
        }
        Ok(())
    }

    /// Tells readers how far the session is.
    fn publish(&mut self) {
        self.was_ready = true;
        self.context.board.report(0, Phase::Ready, self.engine.fresh(), 0);
    }
}

/// Bytes of a key and its value.
fn size(change: &Change) -> usize {
    let value = if let Changed::Set { value, .. } = &change.changed { value.len() } else { 0 };
    change.key.len() + value
}

/// Notes a key that cannot be mirrored.
pub(super) fn report(context: &Context, key: &[u8], reason: Reason) {
    trace::undecodable(context, &reason);
    context.board.undecodable.report(key, reason);
}

/// Stores a value, and returns whether the cache has it now. If it cannot be stored, it is reported.
pub(super) fn store(
    context: &Context,
    key: &[u8],
    name: &[u8],
    value: &[u8],
    lifetime: Option<Duration>,
) -> bool {
    if lifetime.is_some_and(|lifetime| lifetime.is_zero()) {
        context.target.remove(name);
        return false;
    }
    match context.target.set(name, value, lifetime) {
        Ok(()) => {
            context.board.applied.fetch_add(1, Ordering::Relaxed);
            true
        }
        Err(reason) => {
            context.target.remove(name);
            report(context, key, reason);
            false
        }
    }
}

/// Waits for an answer that a server which is well gives in this time.
async fn in_time<T>(
    longest: Duration,
    answer: impl Future<Output = Result<T, FeedError>>,
) -> Result<T, FeedError> {
    tokio::time::timeout(longest, answer).await.unwrap_or_else(|_| {
        Err(FeedError::Failed(Error::Unknown { reason: format!("no answer within {longest:?}") }))
    })
}
