mod summary;

use std::cell::Cell;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use cache_core::{Backend, HashBuilder, Key, Value};

use self::summary::Summary;
use crate::Cache;

/// The keys that are watched, unless set: each that takes a 512th of the reads is seen.
const SLOTS: usize = 512;

/// By default, one of this number of reads is sampled.
const ONE_IN: u32 = 128;

/// The number of samples for each slot after which all counts are halved.
const WINDOW: u64 = 128;

/// A key that is often asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct HotKey<K> {
    /// The key.
    pub key: K,
    /// Its share of the reads that were sampled, from 0 to 1. Never too low.
    pub share: f64,
    /// By how much the share may be too high: at most 1 / slots.
    pub error: f64,
}

/// Finds the keys that are asked for most, in a stream of keys that may be all different.
///
/// This is the Space-Saving sketch (Metwally, Agrawal and El Abbadi, ICDT '05) over a sample of the stream. It needs a
/// slot for each key that it watches, 512 unless set, however many keys there are.
///
/// [`Builder::hot_keys`](crate::Builder::hot_keys) lets a [`Cache`] find its own. Beside an `IntCache`, or anything else, call
/// [`record`](HotKeys::record) with each key.
///
/// # Error
///
/// With `m` slots, and `n` samples in the window:
///
/// * Each key with a share of the samples above `1 / m` is among those that are watched, so it is not missed.
/// * The share that is reported is never below that of the samples, and above it by [`HotKey::error`] at most, which is at most
///   `1 / m`.
/// * The samples stray from the stream as a poll does: a share `p` by `sqrt(p / n)` or less in two cases of three. With the
///   default window of 32,768 to 65,536 samples, that is 0.06 points for a key that takes 1 per cent.
///
/// Counts are halved after each 128 samples a slot, so that the present counts for more than the past: a key that is hot no
/// more fades. With the defaults, that is 65,536 samples, or 8 million reads.
///
/// # Examples
///
/// ```
/// use cache_policy::HotKeys;
///
/// let hot: HotKeys<str> = HotKeys::new().one_in(1);
/// for n in 0..1_000 {
///     hot.record("sku:1");
///     hot.record(&format!("user:{n}"));
/// }
/// let top = hot.top(1);
/// assert_eq!(top[0].key, "sku:1");
/// assert!((0.5..0.51).contains(&top[0].share));
/// ```
///
/// # Performance
///
/// Each thread draws a random number for each key, which takes one or two nanoseconds and writes nothing that another thread
/// reads. A key that is sampled is counted under a lock, in 40 to 60 ns, and 220 if it is new and has to be copied to the heap. If another thread has the lock, the sample is dropped: that
/// depends on no key, so it distorts nothing. A key's `Hash`, `Eq` and `Clone` run under that lock, and may read the cache.
pub struct HotKeys<K: Key + ?Sized> {
    summary: Mutex<Summary<K>>,
    /// A random number below this means that a key is sampled.
    threshold: u32,
    slots: usize,
}

impl<K: Key + ?Sized> HotKeys<K> {
    /// Watches 512 keys, and samples one in 128.
    ///
    /// # Examples
    ///
    /// See [`HotKeys`].
    #[must_use]
    pub fn new() -> Self {
        Self { summary: Mutex::new(Summary::new(SLOTS)), threshold: threshold(ONE_IN), slots: SLOTS }
    }

    /// Sets the number of keys that are watched. More of them find keys with smaller shares.
    ///
    /// # Panics
    ///
    /// If `slots` is 0, or more than 65,536.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_policy::HotKeys;
    /// let hot: HotKeys<u64> = HotKeys::new().slots(10_000);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn slots(self, slots: usize) -> Self {
        assert!((1..=1 << 16).contains(&slots), "{slots} slots: at least 1 and at most 65536 are allowed");
        Self { summary: Mutex::new(Summary::new(slots)), slots, ..self }
    }

    /// Samples one in `reads` keys on average, at random. With 1, each is counted.
    ///
    /// # Panics
    ///
    /// If `reads` is 0.
    ///
    /// # Examples
    ///
    /// See [`HotKeys`].
    #[must_use]
    #[track_caller]
    pub fn one_in(self, reads: u32) -> Self {
        assert!(reads > 0, "one in 0 keys cannot be sampled: at least 1 is needed");
        Self { threshold: threshold(reads), ..self }
    }

    /// Notes that a key was asked for.
    ///
    /// # Examples
    ///
    /// See [`HotKeys`].
    #[inline]
    pub fn record(&self, key: &K) {
        if random() <= self.threshold {
            self.sample(key);
        }
    }

    #[cold]
    fn sample(&self, key: &K) {
        let mut summary = match self.summary.try_lock() {
            Ok(summary) => summary,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        let forgotten = summary.add(key, WINDOW * self.slots as u64);
        drop(summary);
        // A key's `Drop` runs under no lock.
        drop(forgotten);
    }

    /// The `k` keys with the largest shares, in falling order. Fewer if fewer were seen.
    ///
    /// # Examples
    ///
    /// See [`HotKeys`].
    ///
    /// # Performance
    ///
    /// Copies all keys that are watched, under the lock. Samples of that time are dropped.
    #[must_use]
    pub fn top(&self, k: usize) -> Vec<HotKey<K::Owned>> {
        let (mut counts, total) = self.lock().counts();
        counts.sort_by(|one, other| other.count.cmp(&one.count).then_with(|| one.key.cmp(&other.key)));
        let share = |count: u64| if total == 0 { 0.0 } else { (count as f64 / total as f64).min(1.0) };
        let hot = counts.into_iter().take(k);
        hot.map(|slot| HotKey { share: share(slot.count), error: share(slot.error), key: slot.key }).collect()
    }

    /// Forgets all keys.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_policy::HotKeys;
    /// let hot: HotKeys<u64> = HotKeys::new().one_in(1);
    /// hot.record(&7);
    /// hot.clear();
    /// assert!(hot.top(1).is_empty());
    /// ```
    pub fn clear(&self) {
        let old = std::mem::replace(&mut *self.lock(), Summary::new(self.slots));
        drop(old);
    }

    fn lock(&self) -> MutexGuard<'_, Summary<K>> {
        // A key's code that panicked left the sketch whole, at most without one key.
        self.summary.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Key + ?Sized> Default for HotKeys<K> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Key + ?Sized> fmt::Debug for HotKeys<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HotKeys").field("slots", &self.slots).finish_non_exhaustive()
    }
}

impl<V: Value, K: Key + ?Sized, B: Backend, S: HashBuilder> Cache<V, K, B, S> {
    /// The `k` keys that are asked for most, with their shares of all reads, in falling order.
    ///
    /// Empty without [`Builder::hot_keys`](crate::Builder::hot_keys). Reads of absent keys count too: a key that is asked for all the
    /// time and never there is one to know of. [`HotKeys`] says how exact a share is.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_policy::{Cache, HotKeys};
    /// # use cache_rwlock::RwLockBackend;
    /// let cache: Cache<u8, str, RwLockBackend> = Cache::builder().hot_keys(HotKeys::new().one_in(1)).build();
    /// cache.insert("a", 1);
    /// (0..3).for_each(|_| _ = cache.get("a"));
    /// let _ = cache.get("b");
    /// let hot = cache.hot_keys(1);
    /// assert_eq!((hot[0].key.as_str(), hot[0].share), ("a", 0.75));
    /// ```
    #[must_use]
    pub fn hot_keys(&self, k: usize) -> Vec<HotKey<K::Owned>> {
        self.0.hot_keys.as_ref().map_or_else(Vec::new, |hot| hot.top(k))
    }
}

/// `random() <= threshold` holds in one of `one_in` cases.
fn threshold(one_in: u32) -> u32 {
    ((1 << 32) / u64::from(one_in) - 1) as u32
}

/// The next random number of this thread: the upper half of a linear congruential generator, with Knuth's factor.
///
/// Each read draws, instead of each n-th read being sampled, which would see the same few keys again and again where
/// the reads have a period.
#[inline]
fn random() -> u32 {
    static SEED: AtomicU64 = AtomicU64::new(0);
    thread_local! {
        static STATE: Cell<u64> =
            Cell::new(mix(SEED.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed)));
    }
    // While its thread-locals are dropped, a thread samples nothing, unless it samples all.
    STATE
        .try_with(|state| {
            let next = state.get().wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state.set(next);
            (next >> 32) as u32
        })
        .unwrap_or(u32::MAX)
}

/// The last steps of SplitMix64: seeds of neighbours have nothing in common.
fn mix(seed: u64) -> u64 {
    let seed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let seed = (seed ^ (seed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    seed ^ (seed >> 31)
}
