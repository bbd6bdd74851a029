use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering, fence};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::waits::{NOBODY, Owner, Running, Wait, in_loader, in_map, is_in_map, this_thread};
use crate::{Key, LoadError, ObjCache};

/// The loads in flight on one object cache: one loader at a time for each key.
///
/// A backend keeps one beside its map, returns it from [`ObjCache::loads`], and calls
/// [`written`](Loads::written) before each `set` and `del` touches the map and [`all_written`](Loads::all_written)
/// before `clear` and `retain` do. That is all it does for
/// [`get_or_insert_with`](crate::ObjCacheExt::get_or_insert_with) to work.
///
/// Why *before*: a load that began before the write is found here and told not to publish, or has published
/// already, and then the write that follows replaces it. A load that begins after the call began after the
/// write did, and what it reads is as new.
///
/// # Examples
///
/// ```
/// use cache_core::Loads;
/// let loads: Loads<String, str> = Loads::new();
/// loads.written("event:1"); // nothing in flight: a fence and one read of a shared word
/// ```
pub struct Loads<V, K: Key + ?Sized> {
    /// How many entries `flights` has, so that writers need not lock it to learn that there are none.
    in_flight: AtomicUsize,
    flights: Mutex<HashMap<K::Owned, Arc<Flight<V>>>>,
}

/// One key's load, from the first miss until a loader succeeds or nobody wants it any more.
struct Flight<V> {
    owner: Owner,
    state: Mutex<State<V>>,
    changed: Condvar,
}

struct State<V> {
    phase: Phase<V>,
    /// The key was written since the running loader started: what it loads must not be cached.
    stale: bool,
    waiters: usize,
}

enum Phase<V> {
    Running,
    /// The loaded object is on its way into the map. A write of the key waits for that, then replaces it.
    Publishing,
    /// The loader failed; the first waiter to see this runs its own.
    Vacant,
    Done(Arc<V>),
    /// Ended with no value and no waiter.
    Abandoned,
}

/// What joining a flight came to.
enum Joined<V> {
    Lead,
    Value(Arc<V>),
    /// The flight ended in a way that says nothing about the cache now.
    Retry,
    Recursive,
    /// As recursive, but no loader asked: an object's `Drop` did, that the map ran while it did its part of a load.
    Alone,
}

impl<V, K: Key + ?Sized> Loads<V, K> {
    /// An empty table; allocates nothing.
    #[must_use]
    pub fn new() -> Self {
        Self { in_flight: AtomicUsize::new(0), flights: Mutex::new(HashMap::new()) }
    }

    /// Tells that `key` is about to be written: a load of it that is in flight will not be cached.
    ///
    /// # Examples
    ///
    /// ```
    /// cache_core::Loads::<u8, str>::new().written("event:1");
    /// ```
    ///
    /// # Performance
    ///
    /// A full fence, and one read of a word that nobody writes while no load starts or ends.
    #[inline]
    pub fn written(&self, key: &K) {
        if self.any_in_flight() {
            self.mark_stale(key);
        }
    }

    /// Tells that every key may be about to be written, as by `clear` and `retain`.
    ///
    /// # Examples
    ///
    /// ```
    /// cache_core::Loads::<u8, str>::new().all_written();
    /// ```
    pub fn all_written(&self) {
        if self.any_in_flight() {
            let flights: Vec<_> = lock(&self.flights).values().cloned().collect();
            for flight in flights {
                flight.mark_stale();
            }
        }
    }

    #[inline]
    fn any_in_flight(&self) -> bool {
        // Pairs with the fence in `join`. What the caller changed before this write, such as the source that
        // objects are loaded from, must not become visible after this read: then either this finds the load, or
        // the load finds the change. Without both fences a stale object was seen to stay.
        fence(Ordering::SeqCst);
        // Pairs with the decrement in `remove`: where a load has ended, what it published is there to be replaced.
        self.in_flight.load(Ordering::Acquire) != 0
    }

    #[cold]
    fn mark_stale(&self, key: &K) {
        let flight = lock(&self.flights).get(key).cloned();
        if let Some(flight) = flight {
            flight.mark_stale();
        }
    }

    /// The object of `key` in `cache`, by running `load` or waiting for who runs one.
    pub(crate) fn get_or_load<C, E>(
        &self,
        cache: &C,
        key: &K,
        load: impl FnOnce() -> Result<V, E>,
    ) -> Result<Arc<V>, LoadError<E>>
    where
        C: ObjCache<V, K> + ?Sized,
    {
        loop {
            let flight = self.join(key);
            match flight.wait(|| cache.get(key)) {
                Joined::Lead => {
                    // Someone may have published between our miss and our taking the lead.
                    let lead = Lead { loads: self, key, flight: &flight, _running: Running::start() };
                    let result = match in_map(|| cache.get(key)) {
                        Some(value) => {
                            lead.bring(&value);
                            Ok(value)
                        }
                        None => lead.run(cache, load).map_err(LoadError::Failed),
                    };
                    // Here and not at the end of a call that returns `result`: should the stored key's `Drop` panic
                    // in this, a value that is being returned would leak.
                    drop(lead);
                    return result;
                }
                Joined::Value(value) => return Ok(value),
                Joined::Retry => {
                    self.remove(&flight);
                    if let Some(value) = cache.get(key) {
                        return Ok(value);
                    }
                }
                Joined::Recursive => return Err(LoadError::Recursive),
                // Waiting would be for ever, and an error for what the caller did not do. So load, but cache nothing.
                Joined::Alone => return load().map(Arc::new).map_err(LoadError::Failed),
            }
        }
    }

    /// The flight of `key`, a new and vacant one if there is none.
    fn join(&self, key: &K) -> Arc<Flight<V>> {
        let mut flights = lock(&self.flights);
        if let Some(flight) = flights.get(key) {
            return flight.clone();
        }
        match flights.entry(key.to_owned_key()) {
            Entry::Occupied(flight) => flight.get().clone(),
            Entry::Vacant(place) => {
                self.in_flight.fetch_add(1, Ordering::Relaxed);
                // Pairs with the fence in `any_in_flight`: what this load reads comes after.
                fence(Ordering::SeqCst);
                place.insert(Arc::new(Flight::new())).clone()
            }
        }
    }

    /// Takes `flight` out of the table, if it is still there.
    ///
    /// Finds it by looking through the table, which is as long as there are threads that load: this runs while
    /// panics unwind, and must not call a key's `Hash`, which may be what panics.
    fn remove(&self, flight: &Arc<Flight<V>>) {
        let mut flights = lock(&self.flights);
        let removed = flights.extract_if(|_, there| Arc::ptr_eq(there, flight)).next();
        if removed.is_some() {
            // Pairs with the read in `any_in_flight`.
            self.in_flight.fetch_sub(1, Ordering::Release);
        }
        drop(flights);
        // After the lock: a stored key may have a `Drop` of its own.
        drop(removed);
    }
}

impl<V, K: Key + ?Sized> Default for Loads<V, K> {
    fn default() -> Self {
        Self::new()
    }
}

impl<V, K: Key + ?Sized> fmt::Debug for Loads<V, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loads").field("in_flight", &self.in_flight).finish_non_exhaustive()
    }
}

impl<V> Flight<V> {
    fn new() -> Self {
        Self {
            owner: Owner::default(),
            state: Mutex::new(State { phase: Phase::Vacant, stale: false, waiters: 0 }),
            changed: Condvar::new(),
        }
    }

    /// Takes the lead if nobody has it, or waits for what the leader brings.
    fn wait(&self, cached: impl Fn() -> Option<Arc<V>>) -> Joined<V> {
        let mut state = lock(&self.state);
        // Who joins after a write must not be given what was loaded before it.
        let joined_stale = state.stale && !matches!(state.phase, Phase::Vacant);
        let mut wait = None;
        loop {
            match &state.phase {
                Phase::Vacant => {
                    // A thread that owned what it is registered as waiting for would be a circle to others' eyes.
                    drop(wait);
                    state.phase = Phase::Running;
                    state.stale = false;
                    self.owner.store(this_thread(), Ordering::Release);
                    return Joined::Lead;
                }
                Phase::Abandoned => return Joined::Retry,
                Phase::Done(value) => {
                    let value = (!joined_stale).then(|| value.clone());
                    let stale = state.stale;
                    drop(wait);
                    drop(state);
                    // What wrote the key meanwhile is newer still.
                    let newer = if stale { cached() } else { None };
                    return newer.or(value).map_or(Joined::Retry, Joined::Value);
                }
                Phase::Running | Phase::Publishing => {}
            }
            if wait.is_none() {
                wait = Wait::start(&self.owner);
                if wait.is_none() {
                    return if is_in_map() { Joined::Alone } else { Joined::Recursive };
                }
            }
            state.waiters += 1;
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.waiters -= 1;
        }
    }

    /// Sees to it that what is being loaded is not in the map after the write that is about to happen.
    fn mark_stale(&self) {
        let mut state = lock(&self.state);
        state.stale = true;
        if !matches!(state.phase, Phase::Publishing) {
            return;
        }
        // A map may free other objects while it publishes this one, and their `Drop` may write this very key:
        // then there is nothing to wait for.
        let Some(_wait) = Wait::start(&self.owner) else {
            return;
        };
        while matches!(state.phase, Phase::Publishing) {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Ends the leader's part, and wakes who waits.
    fn end(&self, phase: Phase<V>) {
        let mut state = lock(&self.state);
        self.owner.store(NOBODY, Ordering::Release);
        state.phase = phase;
        drop(state);
        self.changed.notify_all();
    }
}

/// The right and duty to load one key. Dropped unfinished (the loader failed or panicked), it hands over.
struct Lead<'a, V, K: Key + ?Sized> {
    loads: &'a Loads<V, K>,
    key: &'a K,
    flight: &'a Arc<Flight<V>>,
    _running: Running,
}

impl<V, K: Key + ?Sized> Lead<'_, V, K> {
    fn run<C, E>(&self, cache: &C, load: impl FnOnce() -> Result<V, E>) -> Result<Arc<V>, E>
    where
        C: ObjCache<V, K> + ?Sized,
    {
        let loaded = Arc::new(in_loader(load)?);
        let mut state = lock(&self.flight.state);
        let stale = state.stale;
        if !stale {
            state.phase = Phase::Publishing;
        }
        drop(state);
        let value = in_map(|| {
            if !stale {
                return cache.get_or_insert(self.key, loaded);
            }
            match cache.get(self.key) {
                Some(present) => {
                    // Here and not as the call ends: should the object's `Drop` panic in that, `present`, being returned,
                    // would leak.
                    drop(loaded);
                    present
                }
                None => loaded,
            }
        });
        self.bring(&value);
        Ok(value)
    }

    /// Gives the waiters what they wait for. The flight leaves the table when this is dropped.
    fn bring(&self, value: &Arc<V>) {
        self.flight.end(Phase::Done(value.clone()));
    }
}

impl<V, K: Key + ?Sized> Drop for Lead<'_, V, K> {
    fn drop(&mut self) {
        let mut state = lock(&self.flight.state);
        if matches!(state.phase, Phase::Running | Phase::Publishing) {
            let next = if state.waiters > 0 { Phase::Vacant } else { Phase::Abandoned };
            let hand_over = state.waiters > 0;
            self.flight.owner.store(NOBODY, Ordering::Release);
            state.phase = next;
            drop(state);
            self.flight.changed.notify_all();
            if hand_over {
                return;
            }
        } else {
            drop(state);
        }
        self.loads.remove(self.flight);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic under these locks can come from a key's `Hash` or `Eq` only; the table is whole after it.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
