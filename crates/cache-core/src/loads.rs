mod flight;
mod lead;
mod load;
mod seat;
mod waiters;

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::flight::Flight;
use crate::Key;

/// The loads in flight on one object cache: one loader at a time for each key, for threads and tasks alike.
///
/// A backend keeps one beside its map, returns it from [`HasLoads::loads`], and calls
/// [`written`](Loads::written) before each `set` and `del` touches the map and [`all_written`](Loads::all_written)
/// before `clear` and `retain` do. That is all it does for
/// [`get_or_insert_with`](crate::ObjCacheExt::get_or_insert_with) and
/// [`get_or_load_async`](crate::ObjCacheAsyncExt::get_or_load_async) to work.
///
/// # Consistency
///
/// *A write wins over a load that it overtakes.* The write is told of before it touches the map. A load that began
/// before is found here and told not to publish, or has published already and is then replaced. A load that begins
/// later reads what is as new as the write.
///
/// *Nobody is given what was removed before they asked.* A caller may take another's object only if it joined that
/// load before the object was published, and before any write of the key was told of. Let a `del` have returned
/// before the caller asked. If the load was in flight when the `del` was told of, the caller comes after the mark
/// and does not join. If it was not, it began later, so it loads what is as new; and the object enters the map after
/// the caller has joined, so after the `del`. Whoever joins later than that looks into the map, and then starts
/// over with a load of its own. The same holds for `set`, `clear` and `retain`. Errors go by this rule too: a caller
/// shares only the error of a load that it joined while the loader ran.
///
/// *Nobody waits for a load that was overtaken before they asked.* A marked flight takes no more callers. The next
/// caller enters a flight of its own, so two loaders of one key may run, but never two that are unmarked. A marked
/// flight never publishes, and its leader has no successor: if it panics or is dropped, its waiters join the newer
/// flight. So at most one flight of a key can publish, and every write of the key finds that one.
///
/// *Nobody starts over for ever.* A caller starts over when another caller's load has ended, and takes that flight out
/// of the table first; or when the flight it found has been marked, and then it does not find it again. It finds the
/// object in the map, unless it was removed meanwhile, or leads the next load, or joins one that has not published.
///
/// *Nobody is left waiting.* A flight that its leader leaves unfinished is vacant, and one waiter is called. A caller
/// that comes first may take the lead instead; then it is the one to end or hand over. A called waiter that is dropped
/// calls the next. A flight that is vacant with nobody waiting ends.
///
/// *No circle is waited out.* Code that runs during a load registers before it waits, and is refused if the load it
/// would wait for waits for the load it runs in. Each check sees all waits that were registered before it. A flight's new
/// leader waits for nothing yet, so a change of leaders closes no circle.
///
/// No code of a key, an object, a caller or an executor runs under a lock of this type, so all of it may call the
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
    /// How many entries `flights` has, so that writers need not lock it to learn that there are none.
    in_flight: AtomicUsize,
    flights: Mutex<Flights<V, K>>,
    hasher: RandomState,
}

/// The flights that have not ended. There are as many as there are loaders, so they are looked through in turn.
struct Flights<V, K: Key + ?Sized> {
    entries: Vec<Entry<V, K>>,
    /// How many flights were ever entered, which numbers them.
    entered: u64,
}

struct Entry<V, K: Key + ?Sized> {
    hash: u64,
    number: u64,
    flight: Arc<Flight<V, K>>,
}

/// Gives the extension traits access to a cache's loads. Implemented by backends; of no use to callers.
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
    /// The loads in flight on this cache.
    fn loads(&self) -> &Loads<V, K>;
}

impl<V, K: Key + ?Sized> Loads<V, K> {
    /// An empty table; allocates nothing.
    #[must_use]
    pub fn new() -> Self {
        Self {
            in_flight: AtomicUsize::new(0),
            flights: Mutex::new(Flights { entries: Vec::new(), entered: 0 }),
            hasher: RandomState::new(),
        }
    }

    /// Tells that `key` is about to be written: a load of it that is in flight will not be cached.
    ///
    /// # Examples
    ///
    /// ```
    /// hotcache::Loads::<u8, str>::new().written("event:1");
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
    /// hotcache::Loads::<u8, str>::new().all_written();
    /// ```
    pub fn all_written(&self) {
        if self.any_in_flight() {
            self.mark_all_stale();
        }
    }

    #[inline]
    fn any_in_flight(&self) -> bool {
        // Pairs with the fence in `enter`. What the caller changed before this write, such as the source that
        // objects are loaded from, must not become visible after this read: then either this finds the load, or
        // the load finds the change. Without both fences a stale object was seen to stay.
        fence(Ordering::SeqCst);
        // Pairs with the decrement in `remove`: where a load has ended, what it published is there to be replaced.
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
        // A mark may wait for an object to be published.
        drop(table);
        for flight in flights {
            flight.mark_stale();
        }
    }

    /// Returns the flight of `key` to join, a new one if there is none. `None` if `key`'s own loader asks.
    fn join(&self, key: &K) -> Option<Arc<Flight<V, K>>> {
        let hash = self.hasher.hash_one(key);
        let mut spare = None;
        loop {
            let (flights, entered) = self.look(hash);
            let mut found = None;
            for flight in flights.iter().filter(|flight| flight.is_of(key)) {
                if !flight.is_stale() {
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

    /// The flights of keys with this hash, and how many flights were entered so far.
    ///
    /// They are compared with a key outside the lock, as that runs the key's code.
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

    /// Takes `flight` out of the table, if it is still there. Runs no code of a key's: it may be called in a panic.
    fn remove(&self, flight: &Arc<Flight<V, K>>) {
        let mut flights = lock(&self.flights);
        let place = flights.entries.iter().position(|entry| Arc::ptr_eq(&entry.flight, flight));
        if let Some(place) = place {
            // The caller holds the flight too, so that nothing is dropped here.
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
    // Only an allocation can fail under these locks, and both states are whole after it.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
