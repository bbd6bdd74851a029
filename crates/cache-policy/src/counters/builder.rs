use std::fmt;
use std::time::Duration;

use cache_core::counter::Closable;
use cache_core::{Backend, DefaultHashBuilder, HashBuilder, Key, Options};

use super::{Counters, RateLimiter, Table};
use crate::builder::Builder;
use crate::cache::Cache;
use crate::clock::Clock;
use crate::sync::atomic::AtomicUsize;
use crate::time::Lifetimes;

/// Builder of [`Counters`] and of a [`RateLimiter`].
///
/// # Examples
///
/// See [`Counters`] and [`RateLimiter`].
pub struct CountersBuilder<K: Key + ?Sized, B: Backend, S: HashBuilder = DefaultHashBuilder> {
    /// The counters are the entries of an unbounded cache: they are refused, not evicted.
    cache: Builder<Closable, K, B, S>,
    most: usize,
}

impl<K: Key + ?Sized, B: Backend> Default for CountersBuilder<K, B> {
    fn default() -> Self {
        Self { cache: Builder::default(), most: usize::MAX }
    }
}

impl<K: Key + ?Sized, B: Backend, S: HashBuilder> CountersBuilder<K, B, S> {
    /// Sets the greatest number of keys. New keys beyond it are refused, however many threads insert.
    ///
    /// Counters past their time count until they are freed. A refused caller looks through a few of them first.
    #[must_use]
    pub fn max_keys(mut self, keys: usize) -> Self {
        self.most = keys;
        self
    }

    /// Lets a counter end so long after its first write. Later writes do not prolong it: each counts in a window of its own.
    /// Not for a rate limiter, which forgets a key once that could use its whole burst again.
    #[must_use]
    pub fn time_to_live(mut self, lifetime: Duration) -> Self {
        self.cache = self.cache.time_to_live(lifetime);
        self
    }

    /// Names the counters: in their metrics and events, with the features `metrics` and `tracing`.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.cache = self.cache.name(name);
        self
    }

    /// Takes the time from this clock.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.cache = self.cache.clock(clock);
        self
    }

    /// Builds the map with these options: capacity to start with, shards, hasher.
    #[must_use]
    pub fn options<T: HashBuilder>(self, options: Options<T>) -> CountersBuilder<K, B, T> {
        CountersBuilder { cache: self.cache.options(options), most: self.most }
    }

    /// Builds the counters. For a rate limiter, call [`build_limiter`](CountersBuilder::build_limiter).
    #[must_use]
    pub fn build(self) -> Counters<K, B, S> {
        Counters { table: self.table(false) }
    }

    /// Builds a rate limiter. It needs no time to live: it forgets a key once that could use its whole burst again.
    #[must_use]
    pub fn build_limiter(mut self) -> RateLimiter<K, B, S> {
        self.cache.lifetimes = Lifetimes::default();
        RateLimiter { table: self.table(true) }
    }

    fn table(self, by_value: bool) -> Table<K, B, S> {
        let Cache(store) = self.cache.build();
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
            .field("lifetimes", &self.cache.lifetimes)
            .finish_non_exhaustive()
    }
}
