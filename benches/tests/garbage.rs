//! Garbage: what is sound leaves none that is not known, and maps that leak on purpose are seen in the numbers.
#![forbid(unsafe_code)]

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hotcache_bench::memory::measure_garbage;
use hotcache_bench::peer::{IntPeer, ObjPeer, Object};
use hotcache_bench::peers::{Build, ENTRIES, Entry};
use hotcache_bench::subject::{Int, Obj};
use hotcache_bench_plan::{Cache, Garbage, Kind, ROWS, Workload};
use hotcache_report::Moment;

/// Enough to tell one in a hundred.
const SIZES: Garbage = Garbage {
    large_object: 100_000,
    replacements: 250,
    sets_per_thread: 640,
    threads: 160,
    caches: 100,
    operations: 40_000,
};

/// The allowance for allocations that are not garbage, by the harness or by a thread.
const SLACK: u64 = 32 << 10;

/// One test at a time: bytes are counted for the whole process.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn moments(entry: &Entry, cache: Cache, workload: Workload) -> Vec<Moment> {
    measure_garbage(&SIZES, entry, cache, workload).unwrap_or_else(|error| panic!("{workload}: {error:#}"))
}

fn at<'a>(moments: &'a [Moment], name: &str) -> &'a Moment {
    moments.iter().find(|moment| moment.moment == name).unwrap_or_else(|| panic!("{name} in {moments:?}"))
}

fn objects(moment: &Moment) -> u64 {
    moment.objects.expect("objects are counted")
}

fn rwlock() -> &'static Entry {
    ENTRIES.iter().find(|entry| entry.name == "rwlock").expect("a row")
}

#[test]
fn every_row_does_every_workload() {
    let _alone = alone();
    for row in ROWS.iter().filter(|row| row.kind != Kind::Floor && row.go.is_none()) {
        let entry = Entry::of(row).expect(row.name);
        for cache in Cache::ALL {
            for workload in Workload::ALL.into_iter().filter(|workload| workload.suits(cache)) {
                let found = moments(entry, cache, workload);
                let bytes = SIZES.object_bytes(workload, cache) as u64;
                for moment in found.iter().filter(|moment| moment.moment != "left, for each cache") {
                    assert_eq!(moment.objects.is_some(), cache == Cache::Obj, "{row} {workload}: {moment:?}");
                    let dead = moment.objects.unwrap_or(0);
                    assert!(moment.counted >= dead * bytes, "{row} {workload}: {moment:?}");
                }
            }
        }
    }
}

#[test]
fn a_map_that_frees_at_once_leaves_nothing() {
    let _alone = alone();
    for cache in Cache::ALL {
        for workload in Workload::ALL.into_iter().filter(|workload| workload.suits(cache)) {
            for moment in moments(rwlock(), cache, workload) {
                // After churn the table is there.
                assert!(moment.counted < SLACK, "{cache} {workload}: {moment:?}");
                assert_eq!(moment.objects.unwrap_or(0), 0, "{cache} {workload}: {moment:?}");
            }
        }
    }
}

#[test]
fn an_object_in_a_hundred_that_leaks_is_seen() {
    let _alone = alone();
    let leaking = &objects_in(|_| Box::new(Obj(Broken::new(Fault::KeepsOneIn(100)))), || {});
    let one = moments(leaking, Cache::Obj, Workload::OneObject);
    // Of 250 replaced, and 64 small ones that have no bytes of their own.
    for moment in ["peak", "idle", "after 64 small writes", "after the drop"] {
        let found = at(&one, moment);
        assert!((2..=3).contains(&objects(found)), "{found:?}");
        assert!((200_000..400_000).contains(&found.counted), "{found:?}");
    }
    let eight = moments(leaking, Cache::Obj, Workload::EightThreads);
    assert!((52..=53).contains(&objects(at(&eight, "idle"))), "of 5256: {eight:?}");
    let threads = moments(leaking, Cache::Obj, Workload::ShortThreads);
    assert!((15..=16).contains(&objects(at(&threads, "left"))), "of 1600: {threads:?}");
    assert_eq!(at(&threads, "left").counted, at(&threads, "peak").counted);
    let caches = moments(leaking, Cache::Obj, Workload::ShortCaches);
    // Ten are replaced in each of a hundred caches.
    assert!((9..=11).contains(&objects(at(&caches, "left"))), "{caches:?}");
    assert!(at(&caches, "left, for each cache").counted >= 9, "{caches:?}");
    let churn = moments(leaking, Cache::Obj, Workload::Churn);
    assert!(objects(at(&churn, "left, empty")) > 10, "{churn:?}");
}

#[test]
fn what_waits_for_reclaim_is_seen() {
    let _alone = alone();
    let reclaim = || KEPT.lock().unwrap_or_else(PoisonError::into_inner).clear();
    let keeping = &objects_in(|_| Box::new(Obj(Broken::new(Fault::KeepsOneIn(1)))), reclaim);
    let one = moments(keeping, Cache::Obj, Workload::OneObject);
    for moment in ["peak", "idle", "after 64 small writes", "after the drop"] {
        // The drop of the map frees its last object, and none of those that it keeps.
        assert_eq!(objects(at(&one, moment)), 250, "{one:?}");
        assert!(at(&one, moment).counted >= 250 * 100_000, "{one:?}");
    }
    let eight = moments(keeping, Cache::Obj, Workload::EightThreads);
    let sets = SIZES.repeats(Workload::EightThreads) as u64;
    assert_eq!(objects(at(&eight, "idle")), sets);
    assert_eq!(objects(at(&eight, "after 64 writes")), sets + 64);
    let threads = moments(keeping, Cache::Obj, Workload::ShortThreads);
    assert_eq!(objects(at(&threads, "left")), 1_600);
    let caches = moments(keeping, Cache::Obj, Workload::ShortCaches);
    assert_eq!(objects(at(&caches, "left")), 100 * 10);
    assert!(at(&caches, "left, for each cache").counted >= 10 * 100, "{caches:?}");
}

#[test]
fn a_map_that_loses_a_write_is_no_measurement() {
    let _alone = alone();
    let losing = Entry {
        name: "rwlock",
        int: Some(|_| Box::new(Int(Broken::new(Fault::LosesSets)))),
        obj: Some(|_| Box::new(Obj(Broken::new(Fault::LosesSets)))),
        reclaim: || {},
    };
    for cache in Cache::ALL {
        for workload in Workload::ALL.into_iter().filter(|workload| workload.suits(cache)) {
            let error = measure_garbage(&SIZES, &losing, cache, workload).expect_err("writes are lost");
            let error = format!("{error:#}");
            assert!(error.contains(&format!("{cache}/{workload}/rwlock")), "{error}");
            assert!(error.contains("failed its verification"), "{error}");
        }
    }
}

/// A row of this cache of objects.
fn objects_in(obj: Build, reclaim: fn()) -> Entry {
    Entry { name: "rwlock", int: None, obj: Some(obj), reclaim }
}

/// Objects that maps keep which should have freed them.
static KEPT: Mutex<Vec<Arc<Object>>> = Mutex::new(Vec::new());

/// A map under one lock, broken on purpose.
#[derive(Debug)]
struct Broken<V> {
    map: Mutex<HashMap<String, V>>,
    fault: Fault,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    /// Keeps one object of so many that were replaced or deleted.
    KeepsOneIn(usize),
    /// Stores nothing under odd keys.
    LosesSets,
}

impl<V> Broken<V> {
    fn new(fault: Fault) -> Self {
        Self { map: Mutex::default(), fault }
    }

    fn map(&self) -> MutexGuard<'_, HashMap<String, V>> {
        self.map.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn insert(&self, key: &str, value: V) -> Option<V> {
        let is_odd = key.bytes().last().is_some_and(|digit| digit % 2 == 1);
        if self.fault == Fault::LosesSets && is_odd { None } else { self.map().insert(key.to_owned(), value) }
    }
}

impl Broken<Arc<Object>> {
    fn free(&self, object: Option<Arc<Object>>) {
        // One count for all maps: a small one alone does not free a hundred. Objects that nobody counts are freed.
        static FREED: AtomicUsize = AtomicUsize::new(0);
        let counted = object.filter(|object| object.payload.is_some());
        if let (Some(object), Fault::KeepsOneIn(many)) = (counted, self.fault)
            && FREED.fetch_add(1, Ordering::Relaxed).is_multiple_of(many)
        {
            KEPT.lock().unwrap_or_else(PoisonError::into_inner).push(object);
        }
    }
}

impl ObjPeer for Broken<Arc<Object>> {
    type Key = str;

    fn get(&self, key: &str) -> Option<Arc<Object>> {
        self.map().get(key).cloned()
    }

    fn set(&self, key: &str, value: Arc<Object>) {
        self.free(self.insert(key, value));
    }

    fn insert_if_absent(&self, key: &str, value: Arc<Object>) {
        self.map().entry(key.to_owned()).or_insert(value);
    }

    fn del(&self, key: &str) -> bool {
        let deleted = self.map().remove(key);
        let found = deleted.is_some();
        self.free(deleted);
        found
    }

    fn count(&self) -> usize {
        self.map().len()
    }

    fn total(&self) -> i64 {
        self.map().values().map(|object| object.id).sum()
    }
}

impl IntPeer for Broken<i64> {
    type Key = str;

    fn get(&self, key: &str) -> Option<i64> {
        self.map().get(key).copied()
    }

    fn set(&self, key: &str, value: i64) {
        self.insert(key, value);
    }

    fn add(&self, key: &str, delta: i64) -> i64 {
        let mut map = self.map();
        let value = map.entry(key.to_owned()).or_default();
        *value += delta;
        *value
    }

    fn insert_if_absent(&self, key: &str) {
        self.map().entry(key.to_owned()).or_default();
    }

    fn del(&self, key: &str) -> bool {
        self.map().remove(key).is_some()
    }

    fn count(&self) -> usize {
        self.map().len()
    }

    fn total(&self) -> i64 {
        self.map().values().sum()
    }
}
