mod flight;
mod lead;
mod load;
mod many;
mod seat;
mod waiters;

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::sync::{Arc, PoisonError};

use self::flight::Flight;
use crate::Key;
use crate::seeded;
use crate::sync::atomic::{AtomicUsize, Ordering, fence};
use crate::sync::{Mutex, MutexGuard};

/// The loads in flight on one object cache: one loader at a time for each key, for threads and tasks alike.
///
/// A backend keeps one beside its map and returns it from [`HasLoads::loads`]. It calls [`written`](Loads::written)
/// before each `set` and `del` accesses the map, and [`all_written`](Loads::all_written) before `clear` and `retain`
/// do. Nothing else is needed for [`get_or_insert_with`](crate::ObjCacheExt::get_or_insert_with) and
/// [`get_or_load_async`](crate::ObjCacheAsyncExt::get_or_load_async) to work.
///
/// # Consistency
///
/// *A write wins over a load that it overtakes.* The write is announced here before it accesses the map. A load that
/// began earlier is found and marked, so that it does not publish; or it has published already, and the write
/// replaces its object. A load that begins later reads data that is at least as new as the write.
///
/// *No caller gets an object that was removed before its call.* A caller may take another caller's object only if it
/// joined that load before the object was published and before any write of the key was announced. Suppose a `del`
/// returned before the call. If the load was in flight when the `del` was announced, the caller finds the mark and
/// does not join. Otherwise the load began later, so it loads data that is at least as new; and its object enters the
/// map after the caller has joined, so after the `del`. A caller that joins later than that looks into the map, and
/// then starts over with its own load. This holds for `set`, `clear` and `retain` too. Errors follow the same rule: a
/// caller shares only the error of a load that it joined while the loader ran.
///
/// *No caller waits for a load that was overtaken before its call.* A marked flight accepts no more callers. The next
/// caller starts a new flight, so two loaders of one key may run, but never two that are unmarked. A marked flight
/// never publishes, and its leader has no successor: if it panics or is dropped, its waiters join the newer flight.
/// So at most one flight of a key can publish, and every write of the key finds that one.
///
/// *No caller starts over for ever.* A caller starts over in two cases: when another caller's load has ended, after
/// taking that flight out of the table; or when the flight that it found has been marked, and then it does not find
/// that flight again. Next it finds the object in the map, unless the object has been removed; or it leads the next
/// load, or joins one that has not published.
///
/// *No waiter is forgotten.* A flight that its leader leaves unfinished is vacant, and one waiter is woken. A new
/// caller may take the lead before that waiter; then this caller ends the flight or hands it over. A woken waiter
/// that is dropped wakes the next. A vacant flight without waiters ends.
///
/// *No circle of waits forms.* Code that runs during a load registers before it waits, and is rejected if the load
/// that it would wait for waits for the load that it runs in. Each check sees all waits that were registered before
/// it. A flight's new leader waits for nothing yet, so a change of leaders closes no circle.
///
/// No code of a key, an object, a caller or an executor runs under a lock of this type. All such code may call the
/// cache.
///
/// # Examples
///
/// ```
/// use hotcache::Loads;
/// let loads: Loads<String, str> = Loads::new();
/// loads.written("event:1"); // nothing in flight: a fence and one read of a shared word
/// ```
pub struct Loads<V, K: Key + ?Sized> {
    /// The number of entries of `flights`. Writers read it to see without a lock that there are none.
    in_flight: AtomicUsize,
    flights: Mutex<Flights<V, K>>,
    hasher: RandomState,
}

/// The flights that have not ended. There are only as many as loaders are running, so a linear search is enough.
struct Flights<V, K: Key + ?Sized> {
    entries: Vec<Entry<V, K>>,
    /// The number of flights ever entered, which is the number of the next one.
    entered: u64,
}

struct Entry<V, K: Key + ?Sized> {
    hash: u64,
    number: u64,
    flight: Arc<Flight<V, K>>,
}

/// Gives the extension traits access to a cache's loads. Implemented by backends, and used by nothing else.
///
/// # Examples
///
/// ```
/// use cache_core::HasLoads;
/// let cache = hotcache::bucket::ObjCache::<u8>::default();
/// cache.loads().written("a");
/// ```
#[doc(hidden)]
pub trait HasLoads<V, K: Key + ?Sized = str> {
    /// Returns the loads in flight on this cache.
    fn loads(&self) -> &Loads<V, K>;
}

impl<V, K: Key + ?Sized> Loads<V, K> {
    /// Creates an empty table, without an allocation.
    #[must_use]
    pub fn new() -> Self {
        Self {
            in_flight: AtomicUsize::new(0),
            flights: Mutex::new(Flights { entries: Vec::new(), entered: 0 }),
            hasher: RandomState::new(),
        }
    }

    /// Announces that `key` is about to be written. A load of it that is in flight is not cached.
    ///
    /// # Examples
    ///
    /// ```
    /// hotcache::Loads::<u8, str>::new().written("event:1");
    /// ```
    ///
    /// # Performance
    ///
    /// A full fence, and one read of a word that is written only when a load starts or ends.
    #[inline]
    pub fn written(&self, key: &K) {
        if self.any_in_flight() {
            self.mark_stale(key);
        }
    }

    /// Announces that any key may be about to be written, as by `clear` and `retain`.
    ///
    /// # Examples
    ///
    /// ```
    /// hotcache::Loads::<u8, str>::new().all_written();
    /// ```
    pub fn all_written(&self) {
        if self.any_in_flight() {
            self.mark_all_stale();
        }
    }

    #[inline]
    fn any_in_flight(&self) -> bool {
        // Pairs with the fence in `enter`. Changes that the caller made before this write, for example in the
        // database that objects are loaded from, must become visible before this read: then either this read finds
        // the load, or the load finds the change. Without both fences, a test saw a stale object stay.
        fence(Ordering::SeqCst);
        // Pairs with the decrement in `remove`: if a load has ended, the object that it published is in the map and
        // can be replaced.
        self.in_flight.load(Ordering::Acquire) != 0
    }

    #[cold]
    fn mark_stale(&self, key: &K) {
        let (flights, _) = self.look(self.hasher.hash_one(key));
        for flight in flights {
            if flight.is_of(key) {
                flight.mark_stale();
            }
        }
    }

    #[cold]
    fn mark_all_stale(&self) {
        let table = lock(&self.flights);
        let flights: Vec<_> = table.entries.iter().map(|entry| entry.flight.clone()).collect();
        // Marking a flight may wait until its object is published.
        drop(table);
        for flight in flights {
            flight.mark_stale();
        }
    }

    /// Returns the flight of `key` to join, which is new if there was none. `None` if the loader of `key` calls this.
    fn join(&self, key: &K) -> Option<Arc<Flight<V, K>>> {
        let hash = self.hasher.hash_one(key);
        let mut spare = None;
        loop {
            let (flights, entered) = self.look(hash);
            let mut found = None;
            for flight in flights.iter().filter(|flight| flight.is_of(key)) {
                if !flight.is_stale() || seeded::bug("join-stale") {
                    found = Some(flight.clone());
                } else if flight.is_led_here() {
                    return None;
                }
            }
            drop(flights);
            if let Some(flight) = found {
                drop(spare);
                return Some(flight);
            }
            let flight = spare.unwrap_or_else(|| Arc::new(Flight::new(key.to_owned_key())));
            if self.enter(hash, entered, &flight) {
                return Some(flight);
            }
            spare = Some(flight);
        }
    }

    /// Returns the flights of keys with this hash, and the number of flights entered so far.
    ///
    /// The caller compares keys after the lock is released, because that runs the key's code.
    fn look(&self, hash: u64) -> (Vec<Arc<Flight<V, K>>>, u64) {
        let flights = lock(&self.flights);
        let alike = flights.entries.iter().filter(|entry| entry.hash == hash);
        (alike.map(|entry| entry.flight.clone()).collect(), flights.entered)
    }

    /// Enters a new flight, unless one of the same hash was entered after the first `seen`.
    fn enter(&self, hash: u64, seen: u64, flight: &Arc<Flight<V, K>>) -> bool {
        let mut flights = lock(&self.flights);
        if flights.entries.iter().any(|entry| entry.hash == hash && entry.number >= seen) {
            return false;
        }
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        // Pairs with the fence in `any_in_flight`: what this load reads comes after.
        fence(Ordering::SeqCst);
        let number = flights.entered;
        flights.entered += 1;
        flights.entries.push(Entry { hash, number, flight: flight.clone() });
        true
    }

    /// Removes `flight` from the table, if it is still there. Runs no code of a key, because it may be called during
    /// a panic.
    fn remove(&self, flight: &Arc<Flight<V, K>>) {
        let mut flights = lock(&self.flights);
        let place = flights.entries.iter().position(|entry| Arc::ptr_eq(&entry.flight, flight));
        if let Some(place) = place {
            // The caller also holds the flight, so nothing is dropped here.
            flights.entries.swap_remove(place);
            // Pairs with the read in `any_in_flight`.
            self.in_flight.fetch_sub(1, Ordering::Release);
        }
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Only an allocation can fail under these locks, and it leaves the state consistent.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
