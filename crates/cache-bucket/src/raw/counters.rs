use std::sync::OnceLock;

use crate::primitive::{AtomicU64, Ordering};

/// How many entries there are, counted apart by groups of threads.
#[derive(Debug)]
pub(super) struct Counters(Box<[Counter]>);

/// One group's share. A thread may remove what another inserted, so only the sums mean anything: they wrap.
#[repr(align(128))]
#[derive(Debug)]
struct Counter(AtomicU64);

/// The most groups: more would make reading the sums slow.
const MOST: usize = 32;

impl Counters {
    pub(super) fn new() -> Self {
        /// Asking the system takes a while.
        static GROUPS: OnceLock<usize> = OnceLock::new();
        let groups = *GROUPS.get_or_init(|| {
            let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
            cores.next_power_of_two().min(MOST)
        });
        Self((0..groups).map(|_| Counter(AtomicU64::new(0))).collect())
    }

    #[inline]
    pub(super) fn inserted(&self, thread: usize) {
        self.of(thread).fetch_add(1, Ordering::Relaxed);
    }

    #[inline]
    pub(super) fn removed(&self, thread: usize) {
        self.of(thread).fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn entries(&self) -> usize {
        let sum =
            self.0.iter().fold(0_u64, |sum, counter| sum.wrapping_add(counter.0.load(Ordering::Relaxed)));
        // Read while a remove was counted and its insert not yet, it may be below zero.
        (sum as i64).max(0) as usize
    }

    #[inline]
    fn of(&self, thread: usize) -> &AtomicU64 {
        &self.0[thread & (self.0.len() - 1)].0
    }
}
