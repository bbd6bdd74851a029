/// The hasher of every backend unless another is chosen: fast, and seeded anew for each cache.
///
/// The seed keeps an outsider from preparing colliding keys ahead of time. It is no cryptographic hash: where
/// a hostile client chooses the keys *and* can time the answers, choose [`std::hash::RandomState`] (SipHash)
/// with [`Options::hasher`] and pay about 10 ns an operation.
pub type DefaultHashBuilder = foldhash::fast::RandomState;

/// What a cache is built with: room to start with, shards, and the hasher.
///
/// # Examples
///
/// ```
/// use hotcache::Options;
///
/// let options = Options::new().capacity(1_000_000).shards(64);
/// assert_eq!(options.shard_count(), Some(64));
///
/// let hostile_keys = Options::new().hasher(std::hash::RandomState::new());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Options<S = DefaultHashBuilder> {
    capacity: usize,
    shards: usize,
    hasher: S,
}

impl Options {
    /// An empty cache, the backend's own number of shards, the default hasher freshly seeded.
    ///
    /// # Examples
    ///
    /// ```
    /// use hotcache::Options;
    /// assert_eq!(Options::new().initial_capacity(), 0);
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl<S> Options<S> {
    /// The largest capacity that can be asked for: 2<sup>40</sup>, or 2<sup>26</sup> where pointers have 32 bits. No machine
    /// has the memory for more.
    ///
    /// # Examples
    ///
    /// ```
    /// use hotcache::Options;
    /// assert!(Options::<()>::MOST_ENTRIES > 10_000_000);
    /// ```
    pub const MOST_ENTRIES: usize = 1 << if usize::BITS < 64 { 26 } else { 40 };

    /// Makes room for this many entries before the first is inserted.
    ///
    /// The memory is taken when the cache is built: some 10 to 100 bytes an entry, depending on the backend and the keys.
    /// If the system cannot provide it, the process aborts, as with any other collection.
    ///
    /// # Examples
    ///
    /// ```
    /// use hotcache::Options;
    /// assert_eq!(Options::new().capacity(100).initial_capacity(), 100);
    /// ```
    ///
    /// # Panics
    ///
    /// If `entries` is more than [`MOST_ENTRIES`](Self::MOST_ENTRIES).
    #[must_use]
    #[track_caller]
    pub fn capacity(mut self, entries: usize) -> Self {
        let most = Self::MOST_ENTRIES;
        assert!(entries <= most, "a capacity of {entries} entries is too large: at most {most} are allowed");
        self.capacity = entries;
        self
    }

    /// Splits the cache into this many independently locked parts, rounded up to a power of two.
    ///
    /// 0 leaves the choice to the backend. Backends without shards ignore it.
    ///
    /// # Examples
    ///
    /// ```
    /// use hotcache::Options;
    /// assert_eq!(Options::new().shards(48).shard_count(), Some(64));
    /// assert_eq!(Options::new().shards(0).shard_count(), None);
    /// ```
    #[must_use]
    pub fn shards(mut self, shards: usize) -> Self {
        self.shards = shards;
        self
    }

    /// Hashes keys with this instead.
    ///
    /// # Examples
    ///
    /// ```
    /// use hotcache::Options;
    /// let keyed = Options::new().hasher(std::hash::RandomState::new());
    /// # let _ = keyed;
    /// ```
    #[must_use]
    pub fn hasher<T>(self, hasher: T) -> Options<T> {
        Options { capacity: self.capacity, shards: self.shards, hasher }
    }

    /// The number of entries to make room for.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(hotcache::Options::new().initial_capacity(), 0);
    /// ```
    #[must_use]
    pub fn initial_capacity(&self) -> usize {
        self.capacity
    }

    /// The number of shards asked for, a power of two; `None` where the backend shall choose.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(hotcache::Options::new().shard_count(), None);
    /// ```
    #[must_use]
    pub fn shard_count(&self) -> Option<usize> {
        // Past the largest power of two there is no rounding up; no machine has the memory either.
        (self.shards != 0).then(|| self.shards.checked_next_power_of_two().unwrap_or(1 << (usize::BITS - 1)))
    }

    /// The hasher, for a backend to keep.
    ///
    /// # Examples
    ///
    /// ```
    /// use hotcache::{DefaultHashBuilder, Options};
    /// let hasher: DefaultHashBuilder = Options::new().into_hasher();
    /// # let _ = hasher;
    /// ```
    #[must_use]
    pub fn into_hasher(self) -> S {
        self.hasher
    }
}
