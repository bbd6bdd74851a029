//! Models of the layer and of its loads: threads that are switched at every atomic and lock, in random orders.
//!
//! The map below is the backend of locks. Its own locks are no part of a model, so no model may be switched while it
//! holds one: none calls `with` or `contains`, which look at an entry under the lock.
//!
//! Run with `cargo xtask loom`, or `RUSTFLAGS="--cfg shuttle" cargo test --profile loom -p cache-policy --lib models`.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::Duration;

use cache_rwlock::RwLockBackend;
use shuttle::{future, thread};

use crate::policy::Eviction;
use crate::{Cache, Cause, Group, Handle, ManualClock};

/// Orders that are tried of each model, and as many with few switches, which find what takes an unlikely order.
const RUNS: usize = 1_500;
const SWITCHES: usize = 3;

fn check(model: impl Fn() + Send + Sync + 'static) {
    let model = Arc::new(model);
    let again = Arc::clone(&model);
    shuttle::check_random(move || model(), RUNS);
    shuttle::check_pct(move || again(), RUNS, SWITCHES);
}

/// A cache that notes what leaves it.
struct Noted {
    cache: Cache<u32, u64, RwLockBackend>,
    left: Arc<Mutex<Vec<(u64, u32, Cause)>>>,
    most: usize,
}

impl Noted {
    fn new(most: usize, eviction: Eviction, clock: &ManualClock) -> Arc<Self> {
        let left = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&left);
        let cache = Cache::builder()
            .max_entries(most)
            .eviction(eviction)
            .clock(clock.clone())
            .listener(move |entry: &Handle<u32, u64>, cause| {
                notes.lock().expect("no panic").push((*entry.key(), **entry, cause));
            })
            .build();
        Arc::new(Self { cache, left, most })
    }

    /// Checks what holds while no call is in flight: the bound, the totals, and that each entry is present or was told of once.
    fn settled(&self, inserted: &[(u64, u32)]) {
        let present = self.cache.entries();
        assert_eq!(present.len(), self.cache.len(), "the total is wrong");
        assert!(present.len() <= self.most, "{} entries", present.len());
        let left = self.left.lock().expect("no panic");
        for &(key, value) in inserted {
            let there = present.iter().filter(|entry| (*entry.key(), ***entry) == (key, value)).count();
            let told = left.iter().filter(|(k, v, _)| (*k, *v) == (key, value)).count();
            assert_eq!(there + told, 1, "{key} = {value}: {there} times there, {told} times told of");
        }
        assert_eq!(present.len() + left.len(), inserted.len());
    }
}

#[test]
fn three_inserts_into_two_places() {
    check(|| {
        let noted = Noted::new(2, Eviction::Fifo, &ManualClock::new());
        let others: Vec<_> = (1..=2)
            .map(|key| {
                let noted = Arc::clone(&noted);
                thread::spawn(move || _ = noted.cache.insert(&key, 0))
            })
            .collect();
        noted.cache.insert(&3, 0);
        others.into_iter().for_each(|other| other.join().expect("no panic"));
        noted.settled(&[(1, 0), (2, 0), (3, 0)]);
        assert_eq!(noted.cache.len(), 2, "more was evicted than had to be");
    });
}

/// Room is made for two at once. Whoever picks asks again after each victim, as others pick and leave meanwhile.
#[test]
fn room_for_several_beside_a_removal() {
    check(|| {
        let noted = Noted::new(4, Eviction::Fifo, &ManualClock::new());
        (1..=4).for_each(|key| _ = noted.cache.insert(&key, 0));
        let (one, two) = (Arc::clone(&noted), Arc::clone(&noted));
        let inserts = thread::spawn(move || _ = one.cache.insert(&5, 0));
        let removes = thread::spawn(move || _ = two.cache.take(&4));
        noted.cache.insert(&6, 0);
        inserts.join().expect("no panic");
        removes.join().expect("no panic");
        noted.settled(&[1, 2, 3, 4, 5, 6].map(|key| (key, 0)));
        let entries = noted.cache.len();
        // A removal may come right after room was made.
        assert!(entries >= 2, "{entries} entries: more was evicted than had to be");
    });
}

#[test]
fn replacement_beside_eviction_and_removal() {
    check(|| {
        let noted = Noted::new(2, Eviction::Fifo, &ManualClock::new());
        noted.cache.insert(&1, 0);
        noted.cache.insert(&2, 0);
        let (one, two) = (Arc::clone(&noted), Arc::clone(&noted));
        let replaces = thread::spawn(move || _ = one.cache.insert(&1, 1));
        let removes = thread::spawn(move || two.cache.take(&1).map(|value| *value));
        noted.cache.insert(&3, 0);
        replaces.join().expect("no panic");
        let taken = removes.join().expect("no panic");
        noted.settled(&[(1, 0), (2, 0), (1, 1), (3, 0)]);
        let left = noted.left.lock().expect("no panic");
        let removed = left.iter().find(|(_, _, cause)| *cause == Cause::Removed);
        assert_eq!(removed.map(|(key, value, _)| (*key, *value)), taken.map(|value| (1, value)));
    });
}

#[test]
fn hits_beside_eviction() {
    for eviction in [Eviction::Clock, Eviction::S3Fifo, Eviction::Adaptive] {
        check(move || {
            let noted = Noted::new(2, eviction, &ManualClock::new());
            noted.cache.insert(&1, 10);
            noted.cache.insert(&2, 20);
            let reader = Arc::clone(&noted);
            let reads = thread::spawn(move || {
                for key in [1, 2, 1] {
                    assert!(reader.cache.get(&key).is_none_or(|value| u64::from(*value) == key * 10));
                }
            });
            let writer = Arc::clone(&noted);
            let writes = thread::spawn(move || _ = writer.cache.insert(&3, 30));
            noted.cache.insert(&4, 40);
            reads.join().expect("no panic");
            writes.join().expect("no panic");
            noted.settled(&[(1, 10), (2, 20), (3, 30), (4, 40)]);
            assert_eq!(noted.cache.len(), 2);
        });
    }
}

#[test]
fn an_entry_is_prolonged_or_swept() {
    check(|| {
        let clock = ManualClock::new();
        let noted = Noted::new(4, Eviction::Adaptive, &clock);
        noted.cache.insert_with_ttl(&1, 0, Duration::from_nanos(1));
        let (one, two) = (Arc::clone(&noted), Arc::clone(&noted));
        let prolongs = thread::spawn(move || one.cache.expire_in(&1, Duration::from_nanos(100)));
        let sweeps = thread::spawn(move || _ = two.cache.maintain(4));
        clock.advance(Duration::from_nanos(1));
        noted.cache.maintain(4);
        sweeps.join().expect("no panic");
        let prolonged = prolongs.join().expect("no panic");
        noted.cache.maintain(4);
        assert_eq!(noted.cache.get(&1).is_some(), prolonged);
        noted.settled(&[(1, 0)]);
    });
}

/// Time passes while a value is updated and while its life is prolonged. Once a key was absent, it stays so.
#[test]
fn what_is_absent_stays_absent() {
    check(|| {
        let clock = ManualClock::new();
        let noted = Noted::new(4, Eviction::Adaptive, &clock);
        noted.cache.insert_with_ttl(&1, 0, Duration::from_nanos(1));
        let (one, two) = (Arc::clone(&noted), Arc::clone(&noted));
        let updates = thread::spawn(move || one.cache.update(&1, |value| Some(value + 1)).is_ok());
        let prolongs = thread::spawn(move || two.cache.expire_in(&1, Duration::from_nanos(100)));
        clock.advance(Duration::from_nanos(1));
        let absent = noted.cache.get(&1).is_none();
        let updated = updates.join().expect("no panic");
        let prolonged = prolongs.join().expect("no panic");
        let there = noted.cache.get(&1).is_some();
        assert!(!(absent && there), "it came back");
        assert!(there || !updated, "it was updated, and is gone");
        assert!(there || !prolonged, "its life was prolonged, and it is gone");
        let inserted = [(1, 0), (1, 1)];
        noted.settled(&inserted[..1 + usize::from(updated)]);
    });
}

/// A read finds the value past its time while others load a new one: one loader at a time, and its value is cached.
#[test]
fn what_is_past_its_time_spoils_no_load() {
    check(|| {
        let clock = ManualClock::new();
        let cache: Arc<Loaded> = Arc::new(Cache::builder().clock(clock.clone()).build());
        cache.insert_with_ttl(&1, 1, Duration::from_nanos(1));
        clock.advance(Duration::from_nanos(1));
        let running = Arc::new(AtomicU32::new(0));
        let (one, two, busy) = (Arc::clone(&cache), Arc::clone(&cache), Arc::clone(&running));
        let loads = thread::spawn(move || _ = one.get_or_load(&1, || load(&busy, 7)));
        let reads = thread::spawn(move || _ = two.get(&1));
        assert_eq!(cache.get_or_load(&1, || load(&running, 7)).as_deref(), Ok(&7));
        loads.join().expect("no panic");
        reads.join().expect("no panic");
        assert_eq!(cache.get(&1).as_deref(), Some(&7));
    });
}

#[test]
fn expiry_beside_replacement_and_sweeps() {
    check(|| {
        let clock = ManualClock::new();
        let noted = Noted::new(4, Eviction::Adaptive, &clock);
        noted.cache.insert_with_ttl(&1, 0, Duration::from_nanos(1));
        noted.cache.insert_with_ttl(&2, 0, Duration::from_nanos(1));
        let (one, two) = (Arc::clone(&noted), Arc::clone(&noted));
        let sweeps = thread::spawn(move || _ = two.cache.maintain(4));
        let replaces = thread::spawn(move || {
            clock.advance(Duration::from_nanos(1));
            assert!(one.cache.get(&2).is_none());
            one.cache.insert(&1, 1);
            assert_eq!(one.cache.get(&1).as_deref(), Some(&1));
        });
        noted.cache.insert(&3, 0);
        sweeps.join().expect("no panic");
        replaces.join().expect("no panic");
        noted.cache.maintain(8);
        noted.settled(&[(1, 0), (2, 0), (1, 1), (3, 0)]);
        assert_eq!(noted.cache.get(&1).as_deref(), Some(&1), "a new entry went in an old one's name");
    });
}

#[test]
fn updates_are_not_lost() {
    check(|| {
        let noted = Noted::new(2, Eviction::Fifo, &ManualClock::new());
        noted.cache.insert(&1, 0);
        let other = Arc::clone(&noted);
        let adds =
            thread::spawn(move || *other.cache.update(&1, |value| Some(value + 1)).expect("it is there"));
        let mine = *noted.cache.update(&1, |value| Some(value + 1)).expect("it is there");
        let mut sums = [mine, adds.join().expect("no panic")];
        sums.sort_unstable();
        assert_eq!(sums, [1, 2]);
        noted.settled(&[(1, 0), (1, 1), (1, 2)]);
    });
}

/// A loader that notes when two run at a time.
fn load(running: &AtomicU32, value: u32) -> Result<u32, ()> {
    assert_eq!(running.fetch_add(1, Ordering::SeqCst), 0, "two loaders at a time");
    thread::yield_now();
    running.fetch_sub(1, Ordering::SeqCst);
    Ok(value)
}

type Loaded = Cache<u32, u64, RwLockBackend>;

/// Futures that load, or wait, and are dropped in their order.
fn come_and_go(cache: &Loaded, futures: usize) {
    let never = std::future::pending::<Result<u32, ()>>;
    let mut dropped: Vec<_> = (0..futures).map(|_| Box::pin(cache.get_or_load_async(&1, never))).collect();
    for future in &mut dropped {
        _ = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    }
    drop(dropped);
}

/// A task that loads in the end.
fn task(cache: &Arc<Loaded>) -> thread::JoinHandle<()> {
    let cache = Arc::clone(cache);
    thread::spawn(move || {
        let loaded = future::block_on(cache.get_or_load_async(&1, async || Ok::<u32, ()>(7)));
        assert_eq!(*loaded.expect("it is loaded"), 7);
    })
}

// A leader that panics does the same on its way, but shuttle has no panics that are caught.
#[test]
fn a_dropped_leader_hands_over() {
    check(|| {
        let cache = Arc::new(Loaded::new());
        let (task, other) = (task(&cache), Arc::clone(&cache));
        let waiter = thread::spawn(move || {
            assert_eq!(*other.get_or_load(&1, || Ok::<u32, ()>(7)).expect("it is loaded"), 7);
        });
        come_and_go(&cache, 1);
        task.join().expect("no panic");
        waiter.join().expect("no panic");
        assert_eq!(cache.get(&1).as_deref(), Some(&7));
    });
}

/// The second was called to lead when it is dropped.
#[test]
fn a_dropped_heir_hands_over() {
    check(|| {
        let cache = Arc::new(Loaded::new());
        let tasks = [task(&cache), task(&cache)];
        come_and_go(&cache, 2);
        tasks.into_iter().for_each(|task| task.join().expect("no panic"));
        assert_eq!(cache.get(&1).as_deref(), Some(&7));
    });
}

/// The database changes, and then the key is removed: nobody may see the old value after that.
#[test]
fn a_removal_wins_over_a_load() {
    check(|| {
        let cache = Arc::new(Loaded::new());
        let database = Arc::new(AtomicU32::new(1));
        let read = |database: &AtomicU32| {
            let value = database.load(Ordering::SeqCst);
            thread::yield_now();
            Ok::<u32, ()>(value)
        };
        let loaders: Vec<_> = (0..2)
            .map(|_| {
                let (cache, database) = (Arc::clone(&cache), Arc::clone(&database));
                thread::spawn(move || _ = cache.get_or_load(&1, || read(&database)))
            })
            .collect();
        database.store(2, Ordering::SeqCst);
        cache.remove(&1);
        assert_eq!(*cache.get_or_load(&1, || read(&database)).expect("it is loaded"), 2);
        loaders.into_iter().for_each(|loader| loader.join().expect("no panic"));
        assert_eq!(cache.get(&1).as_deref(), Some(&2));
    });
}

/// The database changes, and then the group is dropped: nobody who asks after that may be given the old value.
#[test]
fn a_dropped_group_wins_over_a_load() {
    check(|| {
        let cache = Arc::new(Loaded::new());
        let (group, database) = (Group::new(), Arc::new(AtomicU32::new(1)));
        let read = |group: &Group, database: &AtomicU32| {
            let member = group.join();
            let value = database.load(Ordering::SeqCst);
            thread::yield_now();
            Ok::<_, ()>(crate::Loaded::new(value).in_group(member))
        };
        let (one, group_of_one, data) = (Arc::clone(&cache), group.clone(), Arc::clone(&database));
        let loader = thread::spawn(move || _ = one.get_or_load(&1, || read(&group_of_one, &data)));
        database.store(2, Ordering::SeqCst);
        group.drop_entries();
        assert_eq!(*cache.get_or_load(&1, || read(&group, &database)).expect("it is loaded"), 2);
        loader.join().expect("no panic");
        assert!(cache.get(&1).is_none_or(|value| *value == 2));
    });
}

#[test]
fn loads_of_many_keys_share_and_end() {
    check(|| {
        let cache = Arc::new(Loaded::new());
        let loads = Arc::new([const { AtomicU32::new(0) }; 3]);
        let load_all = |cache: &Loaded, loads: &[AtomicU32; 3], keys: [u64; 2]| {
            let values = cache.get_or_load_many(&[&keys[0], &keys[1]], |keys| {
                keys.iter().for_each(|key| _ = loads[**key as usize].fetch_add(1, Ordering::SeqCst));
                thread::yield_now();
                Ok::<_, ()>(keys.iter().map(|key| **key as u32).collect())
            });
            let values = values.expect("they are loaded");
            assert!(values.iter().zip(keys).all(|(value, key)| u64::from(**value) == key));
        };
        let others: Vec<_> = [[1, 2], [2, 0]]
            .map(|keys| {
                let (cache, loads) = (Arc::clone(&cache), Arc::clone(&loads));
                thread::spawn(move || load_all(&cache, &loads, keys))
            })
            .into();
        load_all(&cache, &loads, [0, 1]);
        others.into_iter().for_each(|other| other.join().expect("no panic"));
        let loads = loads.each_ref().map(|loads| loads.load(Ordering::SeqCst));
        assert_eq!(loads, [1; 3], "how often each key was loaded");
    });
}

#[test]
fn one_caller_refreshes() {
    check(|| {
        let clock = ManualClock::new();
        let cache: Loaded = Cache::builder()
            .time_to_live(Duration::from_secs(1))
            .stale_for(Duration::from_secs(1))
            .clock(clock.clone())
            .build();
        let cache = Arc::new(cache);
        cache.insert(&1, 1);
        clock.advance(Duration::from_secs(1));
        let running = Arc::new(AtomicU32::new(0));
        let (other, busy) = (Arc::clone(&cache), Arc::clone(&running));
        let beside =
            thread::spawn(move || *other.get_or_load(&1, || load(&busy, 2)).expect("there is a value"));
        let mine = *cache.get_or_load(&1, || load(&running, 2)).expect("there is a value");
        let other = beside.join().expect("no panic");
        assert!(mine == 2 || other == 2, "nobody refreshed");
        assert_eq!(cache.get(&1).as_deref(), Some(&2));
        assert_eq!(cache.len(), 1);
    });
}
