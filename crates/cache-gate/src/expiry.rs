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

/// The number of reservations that each new one examines while the queue is rid of settled ones. More than one, or there would be no end.
const SWEEP: usize = 4;

/// Reservations in the order in which they end.
#[derive(Debug)]
pub(crate) struct Expiry {
    queue: Mutex<Queue>,
    /// When the first ends: a load tells that there is nothing to do.
    next: AtomicU64,
}

#[derive(Debug)]
struct Queue {
    /// The first ones, which were examined, and held then.
    swept: VecDeque<Arc<Record>>,
    /// Those behind them.
    rest: VecDeque<Arc<Record>>,
    /// Settled reservations behind a held one are removed when the queue has doubled, so that it never has more than
    /// about three times as many as are held. A few at a time: all buyers wait for the lock.
    sweep_at: usize,
}

impl Queue {
    fn len(&self) -> usize {
        self.swept.len() + self.rest.len()
    }

    fn front(&self) -> Option<&Arc<Record>> {
        self.swept.front().or_else(|| self.rest.front())
    }

    fn pop_front(&mut self) -> Option<Arc<Record>> {
        self.swept.pop_front().or_else(|| self.rest.pop_front())
    }

    /// Moves some that are held from the rest to the swept ones, and those that are settled to `settled`.
    fn sweep(&mut self, settled: &mut Vec<Arc<Record>>) {
        if self.swept.is_empty() && self.len() < self.sweep_at {
            return;
        }
        for _ in 0..SWEEP {
            let Some(record) = self.rest.pop_front() else { break };
            if record.state() == State::Held {
                self.swept.push_back(record);
            } else {
                settled.push(record);
            }
        }
        if self.rest.is_empty() {
            std::mem::swap(&mut self.swept, &mut self.rest);
            self.sweep_at = LEAST.max(2 * self.rest.len());
        }
    }
}

impl Expiry {
    pub(crate) fn new() -> Self {
        let queue = Queue { swept: VecDeque::new(), rest: VecDeque::new(), sweep_at: LEAST };
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
            if queue.front().is_some_and(|front| front.state() != State::Held) {
                settled.extend(queue.pop_front());
            }
        }
        queue.sweep(&mut settled);
        queue.rest.push_back(record);
        self.note_next(&queue);
    }

    /// Removes the first reservation if it is past its time or settled.
    pub(crate) fn pop(&self, now: u64) -> Option<Arc<Record>> {
        let mut queue = lock(&self.queue);
        let front = queue.front()?;
        if now < front.deadline && front.state() == State::Held {
            return None;
        }
        let first = queue.pop_front();
        self.note_next(&queue);
        first
    }

    fn note_next(&self, queue: &Queue) {
        let next = queue.front().map_or(u64::MAX, |front| front.deadline);
        self.next.store(next, Ordering::Relaxed);
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use cache_core::CompactString;

    use super::*;
    use crate::item::{Busy, EventState, ItemState, NEVER};
    use crate::latch::Latch;
    use crate::stock::{AnyStock, MemoryStock};
    use crate::sync::Padded;
    use crate::sync::atomic::AtomicU32;
    use crate::{Ticket, Window};

    #[test]
    fn settled_ones_leave_a_few_at_a_time_and_in_order() {
        const MANY: u64 = 10_000;
        let item = Arc::new(ItemState {
            number: 1,
            latch: Latch::default(),
            event: Arc::new(EventState::new(CompactString::new("sale"), &Window::always())),
            limit: AtomicU32::new(1),
            most_in_flight: AtomicU32::new(1),
            id: CompactString::new("tea"),
            stock: AnyStock::Memory(MemoryStock::new(1)),
            busy: Padded(Busy::default()),
        });
        let record = |number: u64| {
            let mut record = Record::new(Ticket::new(number), State::Held, 1, Arc::clone(&item), "ann");
            record.deadline = number;
            Arc::new(record)
        };
        let queue = Expiry::new();
        let records: Vec<_> = (0..MANY).map(record).collect();
        records.iter().for_each(|record| queue.push(Arc::clone(record)));
        // All but each hundredth; the first is held.
        for record in records.iter().filter(|record| !record.deadline.is_multiple_of(100)) {
            assert!(record.change(State::Held, State::Released));
        }
        let length = || lock(&queue.queue).len();
        let mut before = length();
        for number in MANY..3 * MANY {
            let more = record(number);
            assert!(more.change(State::Held, State::Released));
            queue.push(more);
            let after = length();
            assert!(after + SWEEP + LOOKS > before, "{before} became {after} at once");
            before = after;
        }
        assert!(before < 10 * MANY as usize / 100 + LEAST, "{before} are left");
        let left: Vec<_> = std::iter::from_fn(|| queue.pop(NEVER)).map(|record| record.deadline).collect();
        assert!(left.is_sorted() && left.iter().filter(|number| **number < MANY).count() == 100);
    }
}
