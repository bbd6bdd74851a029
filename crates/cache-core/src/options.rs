/// The default hasher of every backend: fast, and seeded anew for each cache.
///
/// The seed prevents an attacker from preparing colliding keys in advance. This is not a cryptographic hash: if
/// hostile clients choose the keys *and* can time the answers, use [`std::hash::RandomState`] (SipHash) with
/// [`Options::hasher`]. It costs about 10 ns per operation.
pub type DefaultHashBuilder = foldhash::fast::RandomState;

/// Options for building a cache: its initial capacity, its number of shards, and its hasher.
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
    /// Creates the default options: no initial capacity, the backend's choice of shards, and the default hasher with
    /// a new seed.
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
    /// The largest capacity that can be requested: 2<sup>40</sup>, or 2<sup>26</sup> on 32-bit targets. No machine
    /// has the memory for more.
    ///
    /// # Examples
    ///
    /// ```
    /// use hotcache::Options;
    /// assert!(Options::<()>::MOST_ENTRIES > 10_000_000);
    /// ```
    pub const MOST_ENTRIES: usize = 1 << if usize::BITS < 64 { 26 } else { 40 };

    /// Reserves room for this many entries when the cache is built.
    ///
    /// This takes 10 to 100 bytes per entry, depending on the backend and the keys. If the system cannot provide the
    /// memory, the process aborts, as with any other collection.
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

    /// Sets the number of shards, which are locked independently. It is rounded up to a power of two.
    ///
    /// With 0, the backend chooses. Backends without shards ignore this.
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

    /// Sets the hasher.
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

    /// Returns the initial capacity, in entries.
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

    /// Returns the number of shards, which is a power of two, or `None` if the backend chooses it.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(hotcache::Options::new().shard_count(), None);
    /// ```
    #[must_use]
    pub fn shard_count(&self) -> Option<usize> {
        // A number above the largest power of two cannot be rounded up. Its shards would fit no memory.
        (self.shards != 0).then(|| self.shards.checked_next_power_of_two().unwrap_or(1 << (usize::BITS - 1)))
    }

    /// Returns the hasher. Backends call this to build a cache.
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
