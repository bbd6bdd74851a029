use std::sync::OnceLock;

use crate::primitive::{AtomicU64, Ordering};

/// The number of entries, counted separately by threads.
///
/// Each of the first threads has a counter of its own and needs no read-modify-write. The others share as many
/// counters again.
#[derive(Debug)]
pub(super) struct Counters(Box<[Counter]>);

/// One part of the sum. A thread may remove what another inserted, so only the sum means anything: the counter wraps.
#[repr(align(128))]
#[derive(Debug)]
struct Counter(AtomicU64);

/// The greatest number of counters of either kind: more would make reading the sum slow.
const MOST: usize = if cfg!(loom) { 1 } else { 32 };

impl Counters {
    pub(super) fn new() -> Self {
        /// Asking the system takes a while.
        static EACH: OnceLock<usize> = OnceLock::new();
        let each = *EACH.get_or_init(|| {
            let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
            cores.next_power_of_two().min(MOST)
        });
        Self((0..2 * each).map(|_| Counter(AtomicU64::new(0))).collect())
    }

    /// Counts an insert by the thread of this number. One thread at a time has it.
    #[inline]
    pub(super) fn inserted(&self, thread: usize) {
        self.count(thread, 1);
    }

    #[inline]
    pub(super) fn removed(&self, thread: usize) {
        self.count(thread, u64::MAX);
    }

    #[inline]
    fn count(&self, thread: usize, change: u64) {
        let each = self.0.len() / 2;
        if thread < each {
            // No other thread writes to it. A number is handed to another thread together with what was written under
            // it.
            let own = &self.0[thread].0;
            own.store(own.load(Ordering::Relaxed).wrapping_add(change), Ordering::Relaxed);
        } else {
            self.0[each + (thread & (each - 1))].0.fetch_add(change, Ordering::Relaxed);
        }
    }

    pub(super) fn entries(&self) -> usize {
        let sum =
            self.0.iter().fold(0_u64, |sum, counter| sum.wrapping_add(counter.0.load(Ordering::Relaxed)));
        // The sum may be negative, if a removal was counted and its insert is not yet seen.
        (sum as i64).max(0) as usize
    }
}

// Not under ThreadSanitizer, which does not see that a scope waits for its threads.
#[cfg(all(test, not(any(loom, tsan))))]
mod tests {
    use super::*;

    #[test]
    fn few_threads_and_many_are_counted() {
        let counters = Counters::new();
        let threads = counters.0.len() + 3;
        std::thread::scope(|scope| {
            for thread in 0..threads {
                let counters = &counters;
                scope.spawn(move || {
                    (0..1000).for_each(|_| counters.inserted(thread));
                    (0..10).for_each(|_| counters.removed(thread));
                });
            }
        });
        assert_eq!(counters.entries(), threads * 990);
    }
}
