//! Values that are loaded when they are asked for.

mod many;
mod soft;

use std::sync::Arc;
use std::time::{Duration, Instant};

use cache_core::{Backend, HashBuilder, Key, LoadError, ObjCacheAsyncExt, ObjCacheExt, Value, seeded};

use crate::cache::Cache;
use crate::entry::{Entry, Handle, Membership};
use crate::loads::Loading;
use crate::stats::Count;
use crate::store::Terms;
use crate::sync::atomic::AtomicBool;
use crate::time::Age;
use crate::trace::LoadSpan;

pub use self::soft::Rest;

/// What a loader returns: a value, and how long it lives if the loader knows.
///
/// A loader may return a plain value too.
///
/// # Examples
///
/// Absence is remembered for five seconds, presence for as long as the cache says:
///
/// ```
/// use std::convert::Infallible;
/// use std::time::Duration;
/// use cache_policy::{Cache, Loaded};
/// # use cache_rwlock::RwLockBackend;
///
/// let users: Cache<Option<String>, u64, RwLockBackend> = Cache::new();
/// let user = users.get_or_load(&7, || {
///     Ok::<_, Infallible>(Loaded::new(None).live_for(Duration::from_secs(5)))
/// });
/// assert!(user.unwrap().is_none());
/// ```
#[derive(Clone, Debug)]
pub struct Loaded<V> {
    value: V,
    lifetime: Option<Duration>,
    group: Option<Membership>,
}

impl<V> Loaded<V> {
    /// A value that lives as long as the cache says.
    #[must_use]
    pub fn new(value: V) -> Self {
        Self { value, lifetime: None, group: None }
    }

    /// Lets the value live for so long; [`Duration::MAX`] is for ever.
    #[must_use]
    pub fn live_for(mut self, lifetime: Duration) -> Self {
        self.lifetime = Some(lifetime);
        self
    }

    /// Lets the value be dropped with a group. Without this, a value that is loaded in place of an old one is in that one's group.
    ///
    /// # Examples
    ///
    /// See [`Group::join`](crate::Group::join).
    #[must_use]
    pub fn in_group(mut self, member: Membership) -> Self {
        self.group = Some(member);
        self
    }

    /// The value, and how its entry is to be made; in the group of `old` unless it has one.
    pub(crate) fn into_terms(self, old: Option<&Arc<AtomicBool>>) -> (V, Terms) {
        let group = self.group.map(|member| member.0).or_else(|| old.cloned());
        (self.value, Terms { lifetime: self.lifetime, group })
    }
}

impl<V> From<V> for Loaded<V> {
    fn from(value: V) -> Self {
        Self::new(value)
    }
}

/// What is in the cache for a caller who would load.
enum Found<V, K: Key + ?Sized> {
    Value(Handle<V, K>),
    /// An old value, which the caller has to replace.
    Old(Handle<V, K>),
    Nothing,
}

impl<V: Value, K: Key + ?Sized, B: Backend, S: HashBuilder> Cache<V, K, B, S> {
    /// The value of a key, made by `load` if it is absent.
    ///
    /// One loader runs at a time for each key, under no lock. Other callers that ask for the key wait for it and share its
    /// value, or its error, which is not cached. A loader that panics hands over to the next caller. A write of the key
    /// during the load wins: the loaded value goes to those who waited, and is not cached.
    ///
    /// With [`stale_for`](crate::Builder::stale_for) or [`refresh_ahead`](crate::Builder::refresh_ahead), an old value
    /// is replaced: one caller loads, and all others get the old value at once. If the load fails, its caller gets the old
    /// value too.
    ///
    /// **Do not call this in async code**: it blocks the thread while it waits. Use
    /// [`get_or_load_async`](Cache::get_or_load_async), which shares loads with this.
    ///
    /// # Errors
    ///
    /// * [`LoadError::Failed`] with the loader's error: this caller's loader, or the one that it waited for.
    /// * [`LoadError::Recursive`] if `load` asks for its own key, directly or through other loads that wait for it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_policy::Cache;
    /// # use cache_rwlock::RwLockBackend;
    /// let numbers: Cache<u32, str, RwLockBackend> = Cache::new();
    /// assert!(numbers.get_or_load("n", || "x".parse::<u32>()).is_err());
    /// assert_eq!(*numbers.get_or_load("n", || "7".parse::<u32>()).unwrap(), 7);
    /// ```
    pub fn get_or_load<L: Into<Loaded<V>>, E: Send + Sync + 'static>(
        &self,
        key: &K,
        load: impl FnOnce() -> Result<L, E>,
    ) -> Result<Handle<V, K>, LoadError<E>> {
        match self.look(key) {
            Found::Value(value) => {
                drop(load);
                Ok(value)
            }
            Found::Old(old) => {
                let refresh = Refresh(old.clone());
                let loaded = self.watched(true, load).map(Into::into);
                let value = self.refreshed(key, &old, loaded);
                drop(refresh);
                Ok(value)
            }
            Found::Nothing => self.load(key, load),
        }
    }

    /// Loads an absent key, or waits for whoever does.
    fn load<L: Into<Loaded<V>>, E: Send + Sync + 'static>(
        &self,
        key: &K,
        load: impl FnOnce() -> Result<L, E>,
    ) -> Result<Handle<V, K>, LoadError<E>> {
        let mut load = Some(load);
        loop {
            let run = || {
                let load = load.take().expect("a loader that ran ends the loop");
                self.watched(false, load).map(|loaded| self.entry(key, loaded.into()))
            };
            let loaded = Loading(&self.0).get_or_try_insert_with(key, run);
            if !self.is_of_dropped_group(&loaded, load.is_none()) {
                return loaded.map(Handle);
            }
        }
    }

    /// Whether what was loaded must not be returned: it is another caller's, and its group was dropped, perhaps before this
    /// caller asked.
    fn is_of_dropped_group<E>(&self, loaded: &Result<Arc<Entry<V, K>>, LoadError<E>>, own: bool) -> bool {
        let Ok(entry) = loaded else { return false };
        let dropped = entry.is_dropped_with_its_group() && !own && !seeded::bug("dropped-anyway");
        if dropped {
            self.0.remove_expired(entry, &self.0.times());
        }
        dropped
    }

    /// As [`get_or_load`](Cache::get_or_load), with a loader that is awaited. Blocks no thread.
    ///
    /// If the future is dropped while it loads, one waiter runs its own loader, and an old value stays. Do not keep the future
    /// around without polling it: others may wait for it.
    ///
    /// # Errors
    ///
    /// As [`get_or_load`](Cache::get_or_load).
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_policy::Cache;
    /// # use cache_rwlock::RwLockBackend;
    /// # futures_executor::block_on(async {
    /// let numbers: Cache<u32, str, RwLockBackend> = Cache::new();
    /// let seven = numbers.get_or_load_async("n", async || "7".parse::<u32>()).await;
    /// assert_eq!(*seven.unwrap(), 7);
    /// # });
    /// ```
    pub async fn get_or_load_async<L, E, F>(
        &self,
        key: &K,
        load: impl FnOnce() -> F,
    ) -> Result<Handle<V, K>, LoadError<E>>
    where
        L: Into<Loaded<V>>,
        E: Send + Sync + 'static,
        F: Future<Output = Result<L, E>>,
    {
        match self.look(key) {
            Found::Value(value) => {
                drop(load);
                Ok(value)
            }
            Found::Old(old) => {
                let refresh = Refresh(old.clone());
                let loaded = self.watched_async(true, load()).await.map(Into::into);
                let value = self.refreshed(key, &old, loaded);
                drop(refresh);
                Ok(value)
            }
            Found::Nothing => self.load_async(key, load).await,
        }
    }

    /// Loads an absent key, or waits for whoever does.
    async fn load_async<L, E, F>(
        &self,
        key: &K,
        load: impl FnOnce() -> F,
    ) -> Result<Handle<V, K>, LoadError<E>>
    where
        L: Into<Loaded<V>>,
        E: Send + Sync + 'static,
        F: Future<Output = Result<L, E>>,
    {
        let mut load = Some(load);
        loop {
            let run = || {
                let load = load.take().expect("a loader that ran ends the loop");
                async {
                    let loaded = self.watched_async(false, load()).await;
                    loaded.map(|loaded| self.entry(key, loaded.into()))
                }
            };
            let loaded = Loading(&self.0).get_or_try_load_async(key, run).await;
            if !self.is_of_dropped_group(&loaded, load.is_none()) {
                return loaded.map(Handle);
            }
        }
    }

    /// Looks a key up for a caller who would load it. A value that is [`Found::Old`] must be refreshed.
    fn look(&self, key: &K) -> Found<V, K> {
        self.0.asked(key);
        let times = self.0.times();
        // What is over is removed before a load starts: a removal during the load would count as a write, which wins.
        let Some((entry, age)) = self.0.find(key, &times) else {
            self.0.count(Count::Misses, 1);
            return Found::Nothing;
        };
        // A value past its time may be served, but not revived.
        self.0.hit_if(&entry, &times, age < Age::Stale);
        self.0.count(Count::Hits, 1);
        let refresh = age != Age::Fresh && entry.start_refresh();
        let handle = Handle(entry);
        if refresh { Found::Old(handle) } else { Found::Value(handle) }
    }

    fn entry(&self, key: &K, loaded: Loaded<V>) -> Entry<V, K> {
        let (value, terms) = loaded.into_terms(None);
        self.0.make(key, value, terms, false)
    }

    /// Stores a value that was loaded in place of an old one; keeps the old one if the load failed.
    fn refreshed<E>(&self, key: &K, old: &Handle<V, K>, loaded: Result<Loaded<V>, E>) -> Handle<V, K> {
        let Ok(loaded) = loaded else { return old.clone() };
        let (value, terms) = loaded.into_terms(old.0.group());
        let new = Arc::new(self.0.make(key, value, terms, true));
        // If the key was written meanwhile, that is newer.
        let _ = self.publish_if_same(key, &old.0, Arc::clone(&new));
        Handle(new)
    }

    /// Runs a loader in a span, and counts it and its time.
    fn watched<L, E>(&self, refresh: bool, load: impl FnOnce() -> Result<L, E>) -> Result<L, E> {
        let mut watch = Watch::new(self, refresh);
        let loaded = watch.span.run(load);
        watch.succeeded = loaded.is_ok();
        loaded
    }

    async fn watched_async<L, E>(
        &self,
        refresh: bool,
        loading: impl Future<Output = Result<L, E>>,
    ) -> Result<L, E> {
        let mut watch = Watch::new(self, refresh);
        let loaded = watch.span.run_async(loading).await;
        watch.succeeded = loaded.is_ok();
        loaded
    }
}

/// Lets another caller refresh an entry when this is dropped, whatever became of the load.
struct Refresh<V, K: Key + ?Sized>(Handle<V, K>);

impl<V, K: Key + ?Sized> Drop for Refresh<V, K> {
    fn drop(&mut self) {
        self.0.0.refreshed();
    }
}

/// Counts a load and its time when this is dropped. One that panics or is dropped counts as failed.
struct Watch<'a, V: Value, K: Key + ?Sized, B: Backend, S: HashBuilder> {
    cache: &'a Cache<V, K, B, S>,
    started: Option<Instant>,
    succeeded: bool,
    span: LoadSpan,
}

impl<'a, V: Value, K: Key + ?Sized, B: Backend, S: HashBuilder> Watch<'a, V, K, B, S> {
    fn new(cache: &'a Cache<V, K, B, S>, refresh: bool) -> Self {
        let span = LoadSpan::new(cache.name(), refresh);
        Self { cache, started: cache.0.stats.is_some().then(Instant::now), succeeded: false, span }
    }
}

impl<V: Value, K: Key + ?Sized, B: Backend, S: HashBuilder> Drop for Watch<'_, V, K, B, S> {
    fn drop(&mut self) {
        self.span.ended(self.succeeded);
        let Some(started) = self.started else { return };
        self.cache.0.count(if self.succeeded { Count::Loads } else { Count::FailedLoads }, 1);
        self.cache.0.count(Count::LoadNanos, crate::clock::nanos(started.elapsed()));
    }
}
