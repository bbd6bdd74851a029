use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use cache_core::{Backend, DefaultHashBuilder, HashBuilder, Key, Options, Value};

use crate::cache::Cache;
use crate::clock::{AnyClock, Clock, SystemClock, nanos};
use crate::listener::{Listener, Weigher};
use crate::policy::Eviction;
use crate::queues::{Bounds, Queues};
use crate::store::Store;
use crate::sync::atomic::AtomicBool;
use crate::time::Lifetimes;
use crate::{Cause, Expiry, Handle, HotKeys};

/// Builder of a [`Cache`], returned by [`Cache::builder`].
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use cache_policy::Cache;
/// # use cache_rwlock::RwLockBackend;
///
/// let pages = Cache::<String, str, RwLockBackend>::builder()
///     .max_weight(64 << 20)
///     .weigher(|path, page| (path.len() + page.len()) as u32)
///     .time_to_live(Duration::from_secs(60))
///     .jitter(10)
///     .listener(|page, cause| println!("{} was {cause}", page.key()))
///     .build();
/// ```
pub struct Builder<V: Value, K: Key + ?Sized, B: Backend, S: HashBuilder = DefaultHashBuilder> {
    options: Options<S>,
    bounds: Bounds,
    eviction: Eviction,
    pub(crate) lifetimes: Lifetimes,
    clock: AnyClock,
    weigher: Option<Weigher<V, K>>,
    expiry: Option<Box<dyn Expiry<V, K>>>,
    listener: Option<Listener<V, K>>,
    statistics: bool,
    hot_keys: Option<Box<HotKeys<K>>>,
    name: Option<Box<str>>,
    backend: PhantomData<fn() -> B>,
}

impl<V: Value, K: Key + ?Sized, B: Backend> Default for Builder<V, K, B> {
    fn default() -> Self {
        Self {
            options: Options::new(),
            bounds: Bounds { entries: u64::MAX, weight: u64::MAX },
            eviction: Eviction::default(),
            lifetimes: Lifetimes::default(),
            clock: AnyClock::System(SystemClock),
            weigher: None,
            expiry: None,
            listener: None,
            statistics: false,
            hot_keys: None,
            name: None,
            backend: PhantomData,
        }
    }
}

impl<V: Value, K: Key + ?Sized, B: Backend, S: HashBuilder> Builder<V, K, B, S> {
    /// Sets the greatest number of entries.
    ///
    /// Each thread that inserts may exceed the bound by the one entry that it inserts, until it returns. With 0, the cache
    /// keeps nothing.
    ///
    /// A full cache of 2,048 entries or more makes room for several at once: a thousandth of the bound, and at most 8. So it is
    /// up to 7 entries below its bound, a few more with many threads, and a thread may exceed the bound by up to 8.
    #[must_use]
    pub fn max_entries(mut self, entries: usize) -> Self {
        self.bounds.entries = entries as u64;
        self
    }

    /// Holds entries whose weights sum up to at most this.
    ///
    /// Weights are what the [`weigher`](Builder::weigher) says, 1 each without one. Each thread that inserts may exceed the
    /// bound by the one entry that it inserts, until it returns. An entry that is heavier than the bound is refused.
    #[must_use]
    pub fn max_weight(mut self, weight: u64) -> Self {
        self.bounds.weight = weight;
        self
    }

    /// Weighs entries, once each, when they are made. The unit is the caller's: bytes, say.
    ///
    /// It runs under no lock. If it panics, the cache stays as it was.
    #[must_use]
    pub fn weigher(mut self, weigh: impl Fn(&K, &V) -> u32 + Send + Sync + 'static) -> Self {
        self.weigher = Some(Box::new(weigh));
        self
    }

    /// Chooses which entry leaves a full cache. [`Eviction::Adaptive`] unless another is chosen.
    #[must_use]
    pub fn eviction(mut self, eviction: Eviction) -> Self {
        self.eviction = eviction;
        self
    }

    /// Lets entries expire so long after they were stored.
    ///
    /// # Panics
    ///
    /// If it is 0: nothing would ever be found. For entries that do not expire, do not call this.
    #[must_use]
    #[track_caller]
    pub fn time_to_live(mut self, lifetime: Duration) -> Self {
        assert!(
            !lifetime.is_zero(),
            "a time to live of 0 keeps nothing: leave it out, so that nothing expires"
        );
        self.lifetimes.to_live = nanos(lifetime);
        self
    }

    /// Lets entries expire that were not read for so long.
    ///
    /// The time of the last read is kept to a 64th of this, so that hot entries are not written at every read. An entry
    /// expires up to a 64th early, and never late; a time below some microseconds is too short to be told.
    ///
    /// # Panics
    ///
    /// If it is 0: nothing would ever be found. For entries that do not expire, do not call this.
    #[must_use]
    #[track_caller]
    pub fn time_to_idle(mut self, idle: Duration) -> Self {
        assert!(!idle.is_zero(), "a time to idle of 0 keeps nothing: leave it out, so that nothing expires");
        self.lifetimes.to_idle = nanos(idle).max(64);
        self
    }

    /// Asks for each entry how long it lives.
    #[must_use]
    pub fn expiry(mut self, expiry: impl Expiry<V, K>) -> Self {
        self.expiry = Some(Box::new(expiry));
        self
    }

    /// Shortens each [`time_to_live`](Builder::time_to_live) by a random share of at most `percent` per cent.
    ///
    /// So that what was loaded together does not expire together.
    ///
    /// # Panics
    ///
    /// If `percent` is more than 100.
    #[must_use]
    #[track_caller]
    pub fn jitter(mut self, percent: u8) -> Self {
        assert!(percent <= 100, "a jitter of {percent} per cent is too large: at most 100 are allowed");
        self.lifetimes.jitter = percent;
        self
    }

    /// Keeps a value for so long past its time, to serve it while [`Cache::get_or_load`] loads a newer one.
    ///
    /// One caller loads, and all others get the old value. If its loader fails, that caller gets the old value too, and the
    /// next one tries again, until this time is over. Other reads do not see a value past its time.
    ///
    /// A value past its time stays where it is, and each caller judges it by its own look at the clock: a key that was absent
    /// for one caller may be updated by another, who looked before.
    #[must_use]
    pub fn stale_for(mut self, stale: Duration) -> Self {
        self.lifetimes.stale = nanos(stale);
        self
    }

    /// Loads a value anew when it is asked for so long before its time is over, or later.
    ///
    /// One caller of [`Cache::get_or_load`] loads, and all others get the value that is there. Then a value that is asked for
    /// often never expires.
    ///
    /// If the old entry is evicted or ends during the load, the new value goes to the caller only, and another caller may load
    /// beside it.
    #[must_use]
    pub fn refresh_ahead(mut self, ahead: Duration) -> Self {
        self.lifetimes.ahead = nanos(ahead);
        self
    }

    /// Calls `listen` with each entry that left, and why: once for each, after it left, under no lock.
    ///
    /// It runs in the thread whose call removed the entry, so it should be quick. If that call loads a key, writes of this key wait
    /// for the listener, and so do those who wait for the load: it must not wait for such a write. If it panics, the panic ends there, and
    /// is counted in the [statistics](Builder::statistics). The drop of the cache calls nothing.
    #[must_use]
    pub fn listener(mut self, listen: impl Fn(&Handle<V, K>, Cause) + Send + Sync + 'static) -> Self {
        self.listener = Some(Box::new(listen));
        self
    }

    /// Counts hits, misses, loads and removals. Costs an atomic addition a read, to a cache line of the thread's own.
    #[must_use]
    pub fn statistics(mut self) -> Self {
        self.statistics = true;
        self
    }

    /// Finds the keys that are asked for most, by sampling. [`Cache::hot_keys`] returns them.
    ///
    /// Costs one or two nanoseconds a read, and 40 to 220 where one is sampled.
    #[must_use]
    pub fn hot_keys(mut self, hot_keys: HotKeys<K>) -> Self {
        self.hot_keys = Some(Box::new(hot_keys));
        self
    }

    /// Names the cache: in its metrics and in its events, with the features `metrics` and `tracing`.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into().into_boxed_str());
        self
    }

    /// Takes the time from this clock.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = AnyClock::Given(Box::new(clock));
        self
    }

    /// Builds the map with these options: capacity to start with, shards, hasher.
    #[must_use]
    pub fn options<T: HashBuilder>(self, options: Options<T>) -> Builder<V, K, B, T> {
        Builder {
            options,
            bounds: self.bounds,
            eviction: self.eviction,
            lifetimes: self.lifetimes,
            clock: self.clock,
            weigher: self.weigher,
            expiry: self.expiry,
            listener: self.listener,
            statistics: self.statistics,
            hot_keys: self.hot_keys,
            name: self.name,
            backend: PhantomData,
        }
    }

    /// Builds the cache.
    #[must_use]
    pub fn build(self) -> Cache<V, K, B, S> {
        Cache(Store {
            map: B::obj(self.options),
            queues: Queues::new(self.eviction, self.bounds, self.weigher.is_some()),
            clock: self.clock,
            lifetimes: self.lifetimes,
            timed: AtomicBool::new(self.lifetimes.to_live != 0 || self.lifetimes.to_idle != 0),
            weigher: self.weigher,
            expiry: self.expiry,
            listener: self.listener,
            stats: self.statistics.then(Box::default),
            hot_keys: self.hot_keys,
            name: self.name,
            hasher: DefaultHashBuilder::default(),
        })
    }
}

impl<V: Value, K: Key + ?Sized, B: Backend, S: HashBuilder> fmt::Debug for Builder<V, K, B, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("bounds", &self.bounds)
            .field("eviction", &self.eviction)
            .field("lifetimes", &self.lifetimes)
            .finish_non_exhaustive()
    }
}
