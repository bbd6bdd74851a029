use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::time::Duration;

use cache_core::{Backend, DefaultHashBuilder, HashBuilder, Key, Options};

use super::{Counters, RateLimiter, Table};
use crate::clock::{AnyClock, Clock, SystemClock, nanos};
use crate::policy::Eviction;
use crate::queues::{Bounds, Queues};
use crate::store::Store;
use crate::time::Lifetimes;

/// What [`Counters`] and a [`RateLimiter`] are built with.
///
/// # Examples
///
/// See [`Counters`] and [`RateLimiter`].
pub struct CountersBuilder<K: Key + ?Sized, B: Backend, S: HashBuilder = DefaultHashBuilder> {
    options: Options<S>,
    most: usize,
    lifetimes: Lifetimes,
    clock: AnyClock,
    of: PhantomData<fn(&K) -> B>,
}

impl<K: Key + ?Sized, B: Backend> Default for CountersBuilder<K, B> {
    fn default() -> Self {
        Self {
            options: Options::new(),
            most: usize::MAX,
            lifetimes: Lifetimes::default(),
            clock: AnyClock::System(SystemClock),
            of: PhantomData,
        }
    }
}

impl<K: Key + ?Sized, B: Backend, S: HashBuilder> CountersBuilder<K, B, S> {
    /// Refuses new keys when there are so many, however many threads insert. Never exceeded.
    ///
    /// Counters past their time count until they are freed. A refused caller looks through a few of them first.
    #[must_use]
    pub fn max_keys(mut self, keys: usize) -> Self {
        self.most = keys;
        self
    }

    /// Lets a counter end so long after its first write. Later writes do not prolong it: each counts in a window of its own.
    #[must_use]
    pub fn time_to_live(mut self, lifetime: Duration) -> Self {
        self.lifetimes.to_live = nanos(lifetime).max(1);
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
    pub fn options<T: HashBuilder>(self, options: Options<T>) -> CountersBuilder<K, B, T> {
        CountersBuilder {
            options,
            most: self.most,
            lifetimes: self.lifetimes,
            clock: self.clock,
            of: PhantomData,
        }
    }

    /// Builds the counters.
    #[must_use]
    pub fn build(self) -> Counters<K, B, S> {
        Counters { table: self.table(false) }
    }

    /// Builds a rate limiter. It needs no time to live: it forgets a key once that could use its whole burst again.
    #[must_use]
    pub fn build_limiter(mut self) -> RateLimiter<K, B, S> {
        self.lifetimes = Lifetimes::default();
        RateLimiter { table: self.table(true) }
    }

    fn table(self, by_value: bool) -> Table<K, B, S> {
        let store = Store {
            map: B::obj(self.options),
            queues: Queues::new(Eviction::Fifo, Bounds { entries: u64::MAX, weight: u64::MAX }),
            clock: self.clock,
            lifetimes: self.lifetimes,
            timed: AtomicBool::new(false),
            weigher: None,
            expiry: None,
            listener: None,
            stats: None,
            hasher: DefaultHashBuilder::default(),
        };
        if by_value {
            store.expires_from_now_on();
        }
        Table { store, most: self.most, by_value, keys: AtomicUsize::new(0) }
    }
}

impl<K: Key + ?Sized, B: Backend, S: HashBuilder> fmt::Debug for CountersBuilder<K, B, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CountersBuilder")
            .field("most", &self.most)
            .field("lifetimes", &self.lifetimes)
            .finish_non_exhaustive()
    }
}
