//! A backend that does not do what it says makes the harness fail, with the cell's name.
#![forbid(unsafe_code)]

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hotcache::{IntCache as _, ObjCache as _};
use hotcache_bench::console::Console;
use hotcache_bench::peer::{IntPeer, ObjPeer, Object};
use hotcache_bench::peers::{ENTRIES, Entry};
use hotcache_bench::subject::{Int, Obj};
use hotcache_bench::{document, latency, matrix};
use hotcache_bench_plan::{Cache, Dist, KeyCount, Matrix, Op, Pace, Profile, ROWS, Row, Work};
use hotcache_report::{Machine, Percentiles, Run};

/// What goes wrong, now and then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    Misses,
    ReadsAnother,
    LosesAdds,
    LosesSets,
    LosesOverwrites,
    KeepsDeleted,
    DeniesDeleting,
}

/// A correct map, broken on purpose.
#[derive(Debug)]
struct Broken<C> {
    cache: C,
    fault: Fault,
    /// The fault shows once in so many times.
    every: u64,
    calls: &'static AtomicU64,
}

impl<C> Broken<C> {
    fn new(cache: C, fault: Fault, every: u64) -> Self {
        // One count for all maps of a fault: a small map alone is not used a thousand times.
        static CALLS: [AtomicU64; 8] = [const { AtomicU64::new(0) }; 8];
        Self { cache, fault, every, calls: &CALLS[fault as usize] }
    }

    fn now(&self, fault: Fault) -> bool {
        self.fault == fault && self.calls.fetch_add(1, Ordering::Relaxed) % self.every == self.every - 1
    }
}

impl IntPeer for Broken<hotcache::rwlock::IntCache> {
    fn get(&self, key: &str) -> Option<i64> {
        if self.now(Fault::Misses) {
            return None;
        }
        let another = i64::from(self.now(Fault::ReadsAnother));
        self.cache.get(key).map(|value| value + another)
    }

    fn set(&self, key: &str, value: i64) {
        let lost = self.cache.get(key).is_some() && self.now(Fault::LosesOverwrites);
        if !lost && !self.now(Fault::LosesSets) {
            self.cache.set(key, value);
        }
    }

    fn add(&self, key: &str, delta: i64) -> i64 {
        let lost = self.now(Fault::LosesAdds);
        self.cache.add(key, if lost { 0 } else { delta })
    }

    fn insert_if_absent(&self, key: &str) {
        self.cache.add(key, 0);
    }

    fn del(&self, key: &str) -> bool {
        self.now(Fault::KeepsDeleted) || (self.cache.del(key) && !self.now(Fault::DeniesDeleting))
    }

    fn count(&self) -> usize {
        self.cache.len()
    }

    fn total(&self) -> i64 {
        let mut total = 0_i64;
        self.cache.for_each(&mut |_, value| total = total.wrapping_add(value));
        total
    }
}

impl ObjPeer for Broken<hotcache::rwlock::ObjCache<Object>> {
    fn get(&self, key: &str) -> Option<Arc<Object>> {
        if self.now(Fault::Misses) {
            return None;
        }
        let object = self.cache.get(key)?;
        Some(if self.now(Fault::ReadsAnother) { Arc::new(Object::new(object.id + 1)) } else { object })
    }

    fn set(&self, key: &str, value: Arc<Object>) {
        let lost = self.cache.get(key).is_some() && self.now(Fault::LosesOverwrites);
        if !lost && !self.now(Fault::LosesSets) {
            self.cache.set(key, value);
        }
    }

    fn insert_if_absent(&self, key: &str, value: Arc<Object>) {
        self.cache.get_or_insert(key, value);
    }

    fn del(&self, key: &str) -> bool {
        self.now(Fault::KeepsDeleted) || (self.cache.del(key) && !self.now(Fault::DeniesDeleting))
    }

    fn count(&self) -> usize {
        self.cache.len()
    }

    fn total(&self) -> i64 {
        let mut total = 0_i64;
        self.cache.for_each(&mut |_, object| total = total.wrapping_add(object.id));
        total
    }
}

/// An entry that takes the place of the row `rwlock`.
macro_rules! broken {
    ($fault:ident) => {
        broken!($fault, once in 1_000)
    };
    ($fault:ident, once in $every:expr) => {
        Entry {
            name: "rwlock",
            int: Some(|_| Box::new(Int(Broken::new(hotcache::rwlock::IntCache::new(), Fault::$fault, $every)))),
            obj: Some(|_| Box::new(Obj(Broken::new(hotcache::rwlock::ObjCache::new(), Fault::$fault, $every)))),
            reclaim: || {},
        }
    };
}

const PACE: Pace = Pace {
    warm_up: Duration::from_millis(1),
    measurement: Duration::from_millis(10),
    passes: 1,
    budget: None,
    patience: Duration::ZERO,
    own_key_batch: 2_000,
};

fn works(cache: Cache, op: Op) -> Vec<Work> {
    let work = |(max_key, threads)| Work {
        cache,
        op,
        max_key: KeyCount(max_key),
        threads,
        dist: Dist::Uniform,
        key_len: 6,
    };
    [(0, 1), (0, 2), (100, 2), (3_000, 1)].into_iter().map(work).collect()
}

/// Runs a small matrix, and returns its results or its error.
fn run(rows: Vec<&'static Row>, entries: &[Entry], works: Vec<Work>, passes: usize) -> Result<Run, String> {
    let directory = std::env::temp_dir().join(format!("hotcache-faults-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a temporary directory");
    let nowhere = || File::create(directory.join("console")).expect("a temporary file");
    let mut console = Console::new(nowhere(), nowhere());
    let results = document::begin(Machine { cores: 1, ..Machine::default() });
    let plan = Matrix { rows, works, pace: Pace { passes, ..PACE } };
    let done = matrix::run(&plan, entries, &directory.join("criterion"), &mut console, &results);
    let results = document::lock(&results).clone();
    match done {
        Ok(()) => Ok(results),
        Err(error) => Err(format!("{error:#}")),
    }
}

fn rwlock() -> Vec<&'static Row> {
    vec![Row::named("rwlock").expect("a row of the plan")]
}

/// A map of keys that come and go, or are used by weight: on one thread, or shared out.
fn counted(cache: Cache, op: Op) -> Vec<Work> {
    let work =
        |(max_key, threads, dist)| Work { cache, op, max_key: KeyCount(max_key), threads, dist, key_len: 6 };
    [(100, 1, Dist::Uniform), (3_000, 2, Dist::Zipf(0.5))].into_iter().map(work).collect()
}

fn mix(text: &str) -> Op {
    Op::Mix(text.parse().expect(text))
}

/// Every work must be refused by itself, so that no work's check stands in for another's.
#[track_caller]
fn assert_caught(entry: Entry, op: Op, by: &str) {
    for cache in Cache::ALL.into_iter().filter(|cache| cache.does(op)) {
        let works = if op.churns() || op.mix().is_some() { counted(cache, op) } else { works(cache, op) };
        for work in works {
            assert_refused(entry, work, by);
        }
    }
}

#[track_caller]
fn assert_refused(entry: Entry, work: Work, by: &str) {
    let cell = work.cell("rwlock");
    let error = run(rwlock(), &[entry], vec![work], 1).expect_err(&cell);
    assert!(error.contains(&cell), "{error:?} does not name {cell}");
    assert!(error.contains(by), "{error:?} does not say {by:?}");
}

#[test]
fn a_map_that_misses_is_caught() {
    for op in [Op::Get, Op::GetMany, Op::With] {
        assert_caught(broken!(Misses), op, "keys found");
    }
}

#[test]
fn a_map_that_returns_another_value_is_caught() {
    for op in [Op::Get, Op::GetMany, Op::With] {
        assert_caught(broken!(ReadsAnother), op, "the sum of the values read");
    }
}

#[test]
fn a_map_that_loses_adds_is_caught() {
    assert_caught(broken!(LosesAdds), Op::Add, "the sum of all adds");
}

#[test]
fn a_map_that_loses_inserts_is_caught() {
    assert_caught(broken!(LosesSets), Op::Insert, "keys after inserting all");
}

#[test]
fn a_map_that_keeps_what_it_says_it_deleted_is_caught() {
    assert_caught(broken!(KeepsDeleted), Op::Del, "keys left");
}

#[test]
fn a_map_that_denies_deleting_is_caught() {
    assert_caught(broken!(DeniesDeleting), Op::Del, "keys found to delete");
}

#[test]
fn a_map_that_loses_sets_is_caught() {
    // A lost set is overwritten by the next of its key unless it was the key's last, so this takes many keys; and
    // with more than one thread, keys that only one of them writes.
    let one = |cache, max_key, threads| Work {
        cache,
        op: Op::Set,
        max_key: KeyCount(max_key),
        threads,
        dist: Dist::Uniform,
        key_len: 6,
    };
    for cache in Cache::ALL {
        for work in [one(cache, 3_000, 1), one(cache, 0, 1), one(cache, 0, 2)] {
            // The map is whole when it is filled, and breaks afterwards.
            let error = run(rwlock(), &[broken!(LosesSets)], vec![work], 1).expect_err("sets are lost");
            assert!(error.contains(&work.cell("rwlock")), "{error}");
        }
    }
}

/// All threads on the one key of the map.
fn hot(cache: Cache, op: Op, threads: usize) -> Work {
    Work { cache, op, max_key: KeyCount(1), threads, dist: Dist::Hot, key_len: 6 }
}

#[test]
fn a_map_that_is_wrong_about_a_hot_key_is_caught() {
    for threads in [1, 2] {
        let int = |op| hot(Cache::Int, op, threads);
        assert_refused(broken!(Misses), int(Op::Get), "keys found");
        assert_refused(broken!(ReadsAnother), int(Op::Get), "the sum of the values read");
        assert_refused(broken!(LosesAdds), int(Op::Add), "the sum of all adds");
        // Only the last set of a sample can be missed: the others are overwritten.
        assert_refused(broken!(LosesSets, once in 3), int(Op::Set), "the value that was set last");
        let obj = |op| hot(Cache::Obj, op, threads);
        assert_refused(broken!(Misses), obj(Op::With), "keys found");
        assert_refused(broken!(LosesSets, once in 3), obj(Op::Set), "the value that was set last");
    }
}

#[test]
fn a_map_that_is_wrong_about_keys_that_come_and_go_is_caught() {
    for op in [Op::Churn, Op::Reinsert] {
        assert_caught(broken!(LosesSets), op, "keys");
        // What is kept and inserted again within a sample leaves no trace, so there must be some at its end.
        assert_caught(broken!(KeepsDeleted, once in 10), op, "keys in the map");
        assert_caught(broken!(DeniesDeleting), op, "keys found to remove");
        assert_caught(broken!(ReadsAnother, once in 100), op, "the value of a key that came");
    }
}

#[test]
fn a_map_that_is_wrong_within_a_mix_is_caught() {
    // Keys that come and go: of two threads, each knows those that it alone writes to.
    let all = "get=60,set=10,add=10,insert=5,del=15";
    // Often enough to show in a sample, and not only when the map is looked through after it.
    assert_caught(broken!(Misses, once in 50), mix(all), "keys found that only one thread writes to");
    assert_caught(broken!(ReadsAnother, once in 50), mix(all), "the sum of the values read");
    assert_caught(broken!(LosesAdds, once in 50), mix(all), "the sum of");
    assert_caught(broken!(DeniesDeleting, once in 50), mix(all), "keys found to delete");
    let without_add = "get=60,set=25,del=15";
    assert_caught(broken!(Misses, once in 50), mix(without_add), "keys found that only one thread writes to");
    assert_caught(broken!(LosesSets), mix(without_add), "");
    assert_caught(broken!(KeepsDeleted), mix(without_add), "");
    assert_caught(broken!(DeniesDeleting, once in 50), mix(without_add), "keys found to delete");
    // Nothing but adds: all threads write to all keys.
    assert_caught(broken!(Misses, once in 50), mix("get=80,add=20"), "keys found");
    assert_caught(broken!(LosesAdds, once in 50), mix("get=80,add=20"), "the sum of");
    // Only read.
    assert_caught(broken!(Misses, once in 50), Op::Profile(Profile::Lists), "keys found");
    // A value that should have been replaced is read, added to or left.
    for op in [mix("get=60,set=10,add=10"), Op::Profile(Profile::WriteHeavy)] {
        assert_caught(broken!(LosesOverwrites), op, "the sum of");
    }
    let never_read = mix("set=10,del=1");
    assert_caught(broken!(LosesOverwrites, once in 10), never_read, "the sum of all values");
}

#[test]
fn a_map_that_is_wrong_while_it_grows_is_caught() {
    assert_caught(broken!(LosesSets, once in 50), Op::Grow, "keys after inserting all");
}

#[test]
fn a_map_that_is_wrong_while_it_is_timed_is_caught() {
    let timed = |entry: Entry, op, keys, by: &str| {
        let work = Work { max_key: KeyCount(keys), ..counted(Cache::Int, op)[1] };
        let cell = work.cell("rwlock");
        let error = latency::measure(&work, &entry, 200_000.0, || {}).expect_err(&cell);
        let error = format!("{error:#}");
        assert!(error.contains(&cell) && error.contains(by), "{error:?} does not name {cell} and {by:?}");
    };
    timed(broken!(Misses), Op::Get, 100, "keys found");
    timed(broken!(LosesAdds), Op::Add, 100, "the sum of all adds");
    timed(broken!(LosesSets), Op::Grow, 5_000, "keys after inserting all");
    timed(broken!(KeepsDeleted), Op::Churn, 100, "keys in the map");
    timed(broken!(DeniesDeleting), mix("get=8,set=1,del=1"), 100, "keys found to delete");
}

#[test]
fn latencies_are_of_as_many_operations_as_were_due() {
    let sound = broken!(None);
    for (op, threads) in [(Op::Grow, 1), (Op::Grow, 2), (Op::Get, 2)] {
        let max_key = KeyCount(2_000);
        let work = Work { threads, max_key, ..counted(Cache::Int, op)[0] };
        let mut touched = false;
        let found = latency::measure(&work, &sound, 100_000.0, || touched = true).expect("it is sound");
        // At this rate for two seconds, in whole rounds; or each key once.
        let due = if op == Op::Grow { 2_000..=2_000 } else { 200_000..=220_000 };
        assert!(touched && due.contains(&found.count), "{op}: {} operations", found.count);
        let Percentiles { p50, p90, p99, p999, p9999, max } = found.percentiles;
        assert!(p50 > 0.0 && [p50, p90, p99, p999, p9999, max].is_sorted(), "{op}: {:?}", found.percentiles);
        assert!(found.curve.is_sorted() && found.curve.len() > 8, "{op}: {:?}", found.curve);
        assert!(latency::capacity(&work, &sound).expect("it is sound") > 0.0);
    }
}

#[test]
fn a_sound_map_passes_everything() {
    let mut works: Vec<_> = Cache::ALL
        .into_iter()
        .flat_map(|cache| cache.ops().iter().filter(|op| !op.churns()).flat_map(move |op| works(cache, *op)))
        .collect();
    for cache in Cache::ALL {
        let mixes = [
            "get=5,set=2,del=1",
            "get=5,set=2",
            "get=3",
            "get=6,insert=1,del=1",
            "get=4,add=1",
            "add=3,set=1",
        ];
        let ops = [Op::Churn, Op::Reinsert].into_iter().chain(mixes.map(mix));
        works.extend(ops.filter(|op| cache.does(*op)).flat_map(|op| counted(cache, op)));
    }
    works.extend([Op::Get, Op::Set, Op::Add].map(|op| hot(Cache::Int, op, 2)));
    works.extend([Op::Get, Op::Set, Op::With].map(|op| hot(Cache::Obj, op, 2)));
    let results = run(rwlock(), &[broken!(None)], works.clone(), 2).expect("it is sound");
    assert!(!results.partial);
    results.to_json().expect("a document that can be read again");
    assert_eq!(results.cells.len(), works.len());
    for cell in &results.cells {
        let grows = cell.op == "grow";
        let samples = if grows { 10 } else { 20 };
        assert_eq!(cell.samples.len(), samples, "{}: five or ten in each of two passes", cell.name());
        assert_eq!(cell.worst_ns.is_some_and(|ns| ns > 0.0), grows, "{}", cell.name());
        let deletes = cell.op.contains("del=");
        let tells = !matches!(cell.op.as_str(), "set" | "add" | "insert" | "grow" | "mix:set=1,add=3");
        match cell.hit_rate {
            // Keys are absent for a while.
            Some(rate) if deletes => assert!(rate > 0.3 && rate < 1.0, "{}: {rate}", cell.name()),
            rate => assert_eq!(rate, tells.then_some(1.0), "{}", cell.name()),
        }
        assert!(
            cell.ns_per_op.min > 0.0 && cell.iterations > Some(0) && cell.verified == Some(true),
            "{}",
            cell.name()
        );
    }
}

#[test]
fn every_row_of_the_plan_is_built_and_passes() {
    let names =
        |cache| ENTRIES.iter().filter(move |entry| entry.builder(cache).is_some()).map(|entry| entry.name);
    for cache in Cache::ALL {
        let here: Vec<_> = ROWS.iter().filter(|row| row.go.is_none()).collect();
        let planned = here.iter().filter(|row| row.does(cache, Op::Get)).map(|row| row.name);
        assert!(names(cache).eq(planned), "the plan's rows and the entries differ for {cache}");
        let ops = cache.ops().iter().filter(|op| !op.churns());
        let mut works: Vec<_> = ops.flat_map(|op| works(cache, *op).into_iter().skip(2).take(1)).collect();
        works.extend([Op::Get, Op::Set].map(|op| hot(cache, op, 2)));
        let mixes = ["get=5,set=2,add=1", "get=5,insert=2,del=1", "get=1,add=1"].map(mix);
        let counts = [Op::Churn, Op::Reinsert, Op::Profile(Profile::Lists)].into_iter().chain(mixes);
        works.extend(counts.filter(|op| cache.does(*op)).map(|op| counted(cache, op)[1]));
        let results = run(ROWS.iter().collect(), ENTRIES, works.clone(), 1).expect("all rows are sound");
        for work in works {
            for row in ROWS.iter().filter(|row| row.does(cache, work.op)) {
                let of_row = results.cells.iter().filter(|cell| cell.backend == row.name);
                let found = of_row.filter(|cell| cell.work() == (&work).into()).count();
                let is_skipped = results.skipped.iter().any(|skipped| skipped.backend == row.name);
                // Without Go, its rows say so.
                let expected = usize::from(row.go.is_none() || !is_skipped);
                assert_eq!(found, expected, "{}", work.cell(row.name));
            }
        }
    }
}
