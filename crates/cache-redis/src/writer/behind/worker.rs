//! The task that writes what is queued.

use std::borrow::Borrow;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::Notify;
use tokio::time::Instant;

use super::queue::{Pending, Queue};
use super::{Failure, FlushError, events};
use crate::server::Backoff;
use crate::writer::script::{Answer, REMEMBERED, Result, Sequence};
use crate::writer::write::Operation;
use crate::writer::{Write, Writer};
use crate::{Error, MirrorKey, Outcome};

/// The longest wait before a batch is tried again.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// What the handle and the task share.
pub(super) struct Shared<K: MirrorKey + ?Sized> {
    pub(super) state: Mutex<State<K>>,
    /// Something was queued.
    pub(super) queued: Notify,
    /// Keys were taken out, a batch is settled, or the task has ended.
    pub(super) progress: Notify,
}

pub(super) struct State<K: MirrorKey + ?Sized> {
    pub(super) queue: Queue<K>,
    /// The number of the last key whose changes are settled: in Redis, or among the failures.
    pub(super) settled: u64,
    pub(super) failures: FlushError,
    pub(super) counts: Counts,
    /// Why the last attempt failed, if the batch has not been settled since.
    pub(super) last_error: Option<Error>,
    /// Whether the handle is gone, so that the task ends as it should.
    pub(super) dropped: bool,
    /// Whether the task has ended. Nothing is written any more.
    pub(super) stopped: bool,
}

/// What happened since the start.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) batches: u64,
    pub(super) retries: u64,
    pub(super) failures: u64,
}

impl<K: MirrorKey + ?Sized> State<K> {
    fn retried(&mut self, error: Error) {
        self.counts.retries += 1;
        self.last_error = Some(error);
    }

    /// What does not reach Redis, as the task has ended.
    pub(super) fn abandoned(&self) -> Failure {
        Failure::Stopped { keys: self.queue.came() - self.settled }
    }

    fn fail(&mut self, failure: Failure) {
        self.counts.failures += 1;
        self.failures.push(failure);
    }
}

impl<K: MirrorKey + ?Sized> Shared<K> {
    pub(super) fn new(most_keys: usize) -> Self {
        let queue = Queue::new(most_keys);
        let state = State {
            queue,
            settled: 0,
            failures: FlushError::default(),
            counts: Counts::default(),
            last_error: None,
            dropped: false,
            stopped: false,
        };
        Self { state: Mutex::new(state), queued: Notify::new(), progress: Notify::new() }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State<K>> {
        // A cache that panics under it leaves the queue whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes batches, one after the other.
pub(super) struct Worker<K: MirrorKey + ?Sized> {
    shared: Arc<Shared<K>>,
    writer: Writer,
    batch: usize,
    interval: Duration,
    name: String,
    /// Of the last batch that is settled.
    number: u64,
    settled_at: Instant,
}

impl<K: MirrorKey + ?Sized> Worker<K> {
    pub(super) fn new(shared: Arc<Shared<K>>, writer: Writer, batch: usize, interval: Duration) -> Self {
        Self { shared, writer, batch, interval, name: new_name(), number: 0, settled_at: Instant::now() }
    }

    pub(super) async fn run(mut self) {
        loop {
            let started = Instant::now();
            let (taken, through) = {
                let mut state = self.shared.lock();
                (state.queue.take(self.batch), state.queue.left())
            };
            let writes = writes_of::<K>(&taken);
            if writes.is_empty() {
                self.shared.queued.notified().await;
                continue;
            }
            // There is room now.
            self.shared.progress.notify_waiters();
            self.write(&writes).await;
            self.shared.lock().settled = through;
            self.shared.progress.notify_waiters();
            // It copes with an interval that has no end.
            tokio::time::sleep(self.interval.saturating_sub(started.elapsed())).await;
        }
    }

    /// Makes some changes once, however often that must be tried.
    async fn write(&mut self, writes: &[Write]) {
        if self.settled_at.elapsed() > REMEMBERED / 2 {
            // The server may have forgotten this writer, and every earlier answer has come.
            (self.name, self.number) = (new_name(), 0);
        }
        self.number += 1;
        let mut backoff = Backoff::new(LONGEST_WAIT);
        let mut again = false;
        loop {
            let sequence = Sequence { name: &self.name, number: self.number, again };
            match self.writer.call(writes, Some(sequence)).await {
                Ok(answer) => return self.settle(writes, answer),
                Err(error) => {
                    again |= error.outcome() != Outcome::NotDone;
                    events::retried(&error);
                    self.shared.lock().retried(error);
                    tokio::time::sleep(backoff.next()).await;
                }
            }
        }
    }

    fn settle(&mut self, writes: &[Write], answer: Answer) {
        self.settled_at = Instant::now();
        let mut state = self.shared.lock();
        state.last_error = None;
        state.counts.batches += 1;
        let refused = |index: usize, reason| {
            writes.get(index).map(|write: &Write| Failure::Refused { key: write.key.clone(), reason })
        };
        match answer {
            Answer::Done { before, results } => {
                let lost = (self.number - 1).saturating_sub(before);
                if lost > 0 {
                    state.fail(Failure::Lost { batches: lost });
                }
                for (index, result) in results.into_iter().enumerate() {
                    if let Result::Refused(reason) = result {
                        refused(index, reason).into_iter().for_each(|failure| state.fail(failure));
                    }
                }
            }
            Answer::Repeated { refused: indices } => {
                for (index, reason) in indices {
                    refused(index, reason).into_iter().for_each(|failure| state.fail(failure));
                }
            }
            Answer::Begun | Answer::Forgotten | Answer::Overtaken => {
                let keys = writes.iter().map(|write| write.key.clone()).collect();
                state.fail(Failure::Unknown { keys });
                (self.name, self.number) = (new_name(), 0);
            }
        }
    }
}

impl<K: MirrorKey + ?Sized> Drop for Worker<K> {
    /// The task ends with its worker: aborted, by a panic, or with its runtime. Nobody is left waiting for it.
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.stopped = true;
        if !state.dropped && state.queue.came() > state.settled {
            state.counts.failures += 1;
            events::failed(&state.abandoned());
        }
        drop(state);
        self.shared.progress.notify_waiters();
    }
}

fn writes_of<K: MirrorKey + ?Sized>(taken: &[(K::Owned, Pending)]) -> Vec<Write> {
    let write = |(key, change): &(K::Owned, Pending)| {
        let operation = match change {
            Pending::Add(delta) => Operation::Add(*delta),
            Pending::Set(value) => Operation::Set { value: value.to_string().into(), time_to_live: None },
            Pending::Del => Operation::Del,
        };
        let key: &K = key.borrow();
        Write::new(key, operation)
    };
    taken.iter().map(write).collect()
}

/// A name that no other writer has.
fn new_name() -> String {
    // Its keys are random, and differ with each.
    let part = || RandomState::new().hash_one((SystemTime::now(), std::process::id()));
    format!("{:016x}{:016x}", part(), part())
}
