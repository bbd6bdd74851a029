use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use crate::Cause;

/// Threads count in so many places, each with cache lines of its own.
const STRIPES: usize = 16;

/// What a cache has done since it was built, or what it did between two moments.
///
/// # Examples
///
/// ```
/// # use cache_policy::Cache;
/// # use cache_rwlock::RwLockBackend;
/// let cache: Cache<u8, str, RwLockBackend> = Cache::builder().statistics().build();
/// cache.insert("a", 1);
/// let _ = (cache.get("a"), cache.get("b"));
/// let stats = cache.statistics().unwrap();
/// assert_eq!((stats.hits, stats.misses), (1, 1));
/// assert_eq!(stats.hit_ratio(), 0.5);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// Reads that found their key.
    pub hits: u64,
    /// Reads that did not, those included that waited for another caller's load.
    pub misses: u64,
    /// Loaders that returned values; one for many keys counts once.
    pub loads: u64,
    /// Loaders that returned an error or panicked.
    pub failed_loads: u64,
    /// The time that all loaders took together.
    pub load_time: Duration,
    /// Entries that left when they were past their time, replaced ones included.
    pub expired: u64,
    /// Entries that left to make room.
    pub evicted: u64,
    /// Entries that were replaced.
    pub replaced: u64,
    /// Entries that callers removed.
    pub removed: u64,
    /// Calls of the listener that panicked.
    pub listener_panics: u64,
}

impl Statistics {
    /// What was counted after `earlier`, of the same cache.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_policy::Cache;
    /// # use cache_rwlock::RwLockBackend;
    /// # let cache: Cache<u8, str, RwLockBackend> = Cache::builder().statistics().build();
    /// cache.get("a");
    /// let before = cache.statistics().unwrap();
    /// cache.get("a");
    /// assert_eq!(cache.statistics().unwrap().since(&before).misses, 1);
    /// ```
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            hits: self.hits.saturating_sub(earlier.hits),
            misses: self.misses.saturating_sub(earlier.misses),
            loads: self.loads.saturating_sub(earlier.loads),
            failed_loads: self.failed_loads.saturating_sub(earlier.failed_loads),
            load_time: self.load_time.saturating_sub(earlier.load_time),
            expired: self.expired.saturating_sub(earlier.expired),
            evicted: self.evicted.saturating_sub(earlier.evicted),
            replaced: self.replaced.saturating_sub(earlier.replaced),
            removed: self.removed.saturating_sub(earlier.removed),
            listener_panics: self.listener_panics.saturating_sub(earlier.listener_panics),
        }
    }

    /// The share of reads that hit, from 0 to 1; 0 without reads.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(cache_policy::Statistics::default().hit_ratio(), 0.0);
    /// ```
    #[must_use]
    pub fn hit_ratio(&self) -> f64 {
        let reads = self.hits + self.misses;
        if reads == 0 { 0.0 } else { self.hits as f64 / reads as f64 }
    }
}

/// What is counted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Count {
    Hits,
    Misses,
    Loads,
    FailedLoads,
    LoadNanos,
    Expired,
    Evicted,
    Replaced,
    Removed,
    ListenerPanics,
}

/// The number of variants above.
const COUNTS: usize = 10;

/// Two cache lines, as processors fetch them in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Stripe([AtomicU64; COUNTS]);

/// The counters of a cache that was asked to keep them.
#[derive(Debug, Default)]
pub(crate) struct Stats([Stripe; STRIPES]);

impl Stats {
    #[inline]
    pub(crate) fn add(&self, count: Count, by: u64) {
        self.0[stripe()].0[count as usize].fetch_add(by, Ordering::Relaxed);
    }

    pub(crate) fn sum(&self) -> Statistics {
        let of =
            |count: Count| self.0.iter().map(|stripe| stripe.0[count as usize].load(Ordering::Relaxed)).sum();
        Statistics {
            hits: of(Count::Hits),
            misses: of(Count::Misses),
            loads: of(Count::Loads),
            failed_loads: of(Count::FailedLoads),
            load_time: Duration::from_nanos(of(Count::LoadNanos)),
            expired: of(Count::Expired),
            evicted: of(Count::Evicted),
            replaced: of(Count::Replaced),
            removed: of(Count::Removed),
            listener_panics: of(Count::ListenerPanics),
        }
    }
}

impl From<Cause> for Count {
    fn from(cause: Cause) -> Self {
        match cause {
            Cause::Expired => Count::Expired,
            Cause::Evicted => Count::Evicted,
            Cause::Replaced => Count::Replaced,
            Cause::Removed => Count::Removed,
        }
    }
}

/// The calling thread's stripe.
#[inline]
fn stripe() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static STRIPE: usize = NEXT.fetch_add(1, Ordering::Relaxed) % STRIPES;
    }
    // While its thread-locals are dropped, a thread counts in the first.
    STRIPE.try_with(|stripe| *stripe).unwrap_or(0)
}
