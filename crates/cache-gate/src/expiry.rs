//! The time limit of reservations: a queue, as all of one gate have the same.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::State;
use crate::record::Record;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::{Mutex, lock};

/// The length at which the queue is first rid of what is settled.
const LEAST: usize = 64;

/// The number of settled reservations that each new one removes from the front.
const LOOKS: usize = 2;

/// Reservations in the order in which they end.
#[derive(Debug)]
pub(crate) struct Expiry {
    queue: Mutex<Queue>,
    /// When the first ends: a load tells that there is nothing to do.
    next: AtomicU64,
}

#[derive(Debug)]
struct Queue {
    records: VecDeque<Arc<Record>>,
    /// Settled reservations behind a held one are removed when the queue has doubled, so that it never has more than
    /// about twice as many as are held.
    compact_at: usize,
}

impl Expiry {
    pub(crate) fn new() -> Self {
        let queue = Queue { records: VecDeque::new(), compact_at: LEAST };
        Self { queue: Mutex::new(queue), next: AtomicU64::new(u64::MAX) }
    }

    /// Whether a reservation may be past its time.
    #[inline]
    pub(crate) fn is_due(&self, now: u64) -> bool {
        now >= self.next.load(Ordering::Relaxed)
    }

    pub(crate) fn push(&self, record: Arc<Record>) {
        // Dropped after the lock: a record's goods may run a stock's code.
        let mut settled = Vec::new();
        let mut queue = lock(&self.queue);
        for _ in 0..LOOKS {
            if queue.records.front().is_some_and(|front| front.state() != State::Held) {
                settled.extend(queue.records.pop_front());
            }
        }
        if queue.records.len() >= queue.compact_at {
            let (held, rest): (VecDeque<_>, VecDeque<_>) =
                queue.records.drain(..).partition(|record| record.state() == State::Held);
            queue.records = held;
            settled.extend(rest);
            queue.compact_at = LEAST.max(2 * queue.records.len());
        }
        queue.records.push_back(record);
        self.note_next(&queue);
    }

    /// Removes the first reservation if it is past its time or settled.
    pub(crate) fn pop(&self, now: u64) -> Option<Arc<Record>> {
        let mut queue = lock(&self.queue);
        let front = queue.records.front()?;
        if now < front.deadline && front.state() == State::Held {
            return None;
        }
        let first = queue.records.pop_front();
        self.note_next(&queue);
        first
    }

    fn note_next(&self, queue: &Queue) {
        let next = queue.records.front().map_or(u64::MAX, |front| front.deadline);
        self.next.store(next, Ordering::Relaxed);
    }
}
