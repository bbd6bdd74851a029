mod many;
mod read;
mod write;

use std::fmt;

use cache_core::{Backend, DefaultHashBuilder, HashBuilder, Key, Value};

use crate::store::Store;
use crate::{Builder, Statistics};

/// A cache with bounds, expiry, loading and statistics, over the map of any backend.
///
/// Keys and values are as in [`ObjCache`](cache_core::ObjCache), and so is the consistency: each operation on one key is
/// linearizable. An eviction is a removal that happens at some moment between two operations, and so is an expiry,
/// exactly when the clock says. Values are handed out as [`Handle`](crate::Handle)s, which deref to them. A value that is
/// shared already goes in as it is: `Cache<Arc<Event>>`.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use cache_policy::Cache;
/// use cache_rwlock::RwLockBackend;
///
/// let cache: Cache<String, u64, RwLockBackend> =
///     Cache::builder().max_entries(1_000).time_to_live(Duration::from_secs(60)).build();
/// for n in 0..1_000_000 {
///     cache.insert(&n, format!("number {n}"));
/// }
/// assert!(cache.len() <= 1_000);
/// ```
///
/// # Performance
///
/// A hit is the backend's `get`, a look at the age of an entry that can expire, and at the mark. An insert takes one of
/// the queues' locks for a few steps, and removes as many entries from the map as it takes to keep the
/// bound: one at a time, or eight at each eighth insert, unless entries differ in weight. A replacement removes none.
pub struct Cache<V: Value, K: Key + ?Sized, B: Backend, S: HashBuilder = DefaultHashBuilder>(
    pub(crate) Store<V, K, B, S>,
);

impl<V: Value, K: Key + ?Sized, B: Backend> Cache<V, K, B> {
    /// A cache without bounds, in which nothing expires unless it is inserted so.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_policy::Cache;
    /// # use cache_rwlock::RwLockBackend;
    /// let cache: Cache<u8, str, RwLockBackend> = Cache::new();
    /// assert!(cache.is_empty());
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Says how a cache is to be.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_policy::Cache;
    /// # use cache_rwlock::RwLockBackend;
    /// let cache: Cache<u8, str, RwLockBackend> = Cache::builder().max_entries(100).build();
    /// ```
    #[must_use]
    pub fn builder() -> Builder<V, K, B> {
        Builder::default()
    }
}

impl<V: Value, K: Key + ?Sized, B: Backend, S: HashBuilder> Cache<V, K, B, S> {
    /// The number of entries, weakly consistent. Those past their time count until they are freed.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_policy::Cache;
    /// # use cache_rwlock::RwLockBackend;
    /// let cache: Cache<u8, str, RwLockBackend> = Cache::new();
    /// cache.insert("a", 1);
    /// assert_eq!(cache.len(), 1);
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.queues.entries() as usize
    }

    /// Whether there is no entry, as [`len`](Cache::len) counts.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_policy::Cache;
    /// # use cache_rwlock::RwLockBackend;
    /// assert!(Cache::<u8, str, RwLockBackend>::new().is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The sum of the weights of all entries, weakly consistent as [`len`](Cache::len) is.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_policy::Cache;
    /// # use cache_rwlock::RwLockBackend;
    /// let cache: Cache<String, str, RwLockBackend> =
    ///     Cache::builder().weigher(|_key, text: &String| text.len() as u32).max_weight(100).build();
    /// cache.insert("a", "four".to_owned());
    /// assert_eq!(cache.weight(), 4);
    /// ```
    #[must_use]
    pub fn weight(&self) -> u64 {
        self.0.queues.weight()
    }

    /// The name of the cache, if it was given one by [`Builder::name`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_policy::Cache;
    /// # use cache_rwlock::RwLockBackend;
    /// let cache: Cache<u8, str, RwLockBackend> = Cache::builder().name("events").build();
    /// assert_eq!(cache.name(), Some("events"));
    /// ```
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// Returns the counts of hits, misses, loads and removals so far, or `None` without [`Builder::statistics`].
    ///
    /// # Examples
    ///
    /// See [`Statistics`].
    #[must_use]
    pub fn statistics(&self) -> Option<Statistics> {
        self.0.stats.as_ref().map(|stats| stats.sum())
    }
}

impl<V: Value, K: Key + ?Sized, B: Backend> Default for Cache<V, K, B> {
    fn default() -> Self {
        Self::new()
    }
}

impl<V: Value, K: Key + ?Sized, B: Backend, S: HashBuilder> fmt::Debug for Cache<V, K, B, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("backend", &B::NAME)
            .field("len", &self.len())
            .field("clock", &self.0.clock)
            .finish_non_exhaustive()
    }
}
