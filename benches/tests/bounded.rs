//! Bounded caches: every row of the plan is sound, and one that does not do what it says is refused by its cell's name.
#![forbid(unsafe_code)]

use std::collections::{HashMap, VecDeque};
use std::fs::{self, File};
use std::sync::Mutex;
use std::time::Duration;

use hotcache_bench::bounded::{Driven, ENTRIES, Entry, Peer, Setup, Subject, run};
use hotcache_bench::console::Console;
use hotcache_bench::document;
use hotcache_bench_plan::{BOUNDED_ONLY, Bounded, BoundedWork, Kind, Pace, ROWS, Requests, Row};
use hotcache_report::{Machine, Run};

const PACE: Pace = Pace {
    warm_up: Duration::from_millis(1),
    measurement: Duration::from_millis(10),
    passes: 1,
    budget: None,
    patience: Duration::ZERO,
    own_key_batch: 2_000,
};

const KEYS: usize = 1_000;

const HITS: Requests = Requests::Hits { keys: KEYS, expires: false };
const EXPIRING_HITS: Requests = Requests::Hits { keys: KEYS, expires: true };
const MISSES: Requests = Requests::Misses { capacity: KEYS };
const MIX: Requests = Requests::Mix { percent: 50 };
const EVICTING: Requests = Requests::Evicting { capacity: KEYS };
const EXPIRING: Requests = Requests::Expiring { keys: KEYS };

fn rows(names: &[&str]) -> Vec<&'static Row> {
    names.iter().map(|name| Row::named(name).expect(name)).collect()
}

/// Measures these requests, and returns the document and what was printed.
fn measured(
    name: &str,
    rows: Vec<&'static Row>,
    entries: &[Entry],
    requests: &[Requests],
    passes: usize,
) -> Result<(Run, String), String> {
    let directory = std::env::temp_dir().join(format!("hotcache-bounded-{name}-{}", std::process::id()));
    fs::create_dir_all(&directory).expect("a temporary directory");
    let log = directory.join("console");
    fs::write(&log, "").expect("a temporary file");
    let out = || File::options().append(true).open(&log).expect("the log");
    let of = |requests: &Requests| {
        let threads = if requests.is_timed() { &[1][..] } else { &[1, 2] };
        threads
            .iter()
            .map(|threads| BoundedWork { requests: *requests, threads: *threads })
            .collect::<Vec<_>>()
    };
    let plan = Bounded { rows, works: requests.iter().flat_map(of).collect(), pace: Pace { passes, ..PACE } };
    let results = document::begin(Machine { cores: 1, ..Machine::default() });
    let mut console = Console::new(out(), out());
    let done = run(&plan, entries, &directory.join("criterion"), &mut console, &results);
    let results = document::lock(&results).clone();
    let shown = fs::read_to_string(&log).expect("the log");
    fs::remove_dir_all(directory).expect("removed");
    done.map(|()| (results, shown)).map_err(|error| format!("{error:#}"))
}

#[test]
fn every_row_of_the_plan_is_built_and_passes() {
    let planned = || ROWS.iter().chain(BOUNDED_ONLY).filter(|row| row.is_bounded());
    assert!(planned().map(|row| row.name).eq(ENTRIES.iter().map(|entry| entry.name)));
    let rows: Vec<_> = rows(&["empty"]).into_iter().chain(planned()).collect();
    let all = [HITS, EXPIRING_HITS, MISSES, MIX, EVICTING, EXPIRING];
    let (results, shown) = measured("sound", rows, ENTRIES, &all, 1).expect("all rows are sound");
    assert!(!results.partial);
    results.to_json().expect("a document that can be read again");
    let backends = ROWS.iter().filter(|row| row.kind == Kind::Backend).count();
    let peers = planned().count() - backends;
    // The empty loop, each backend's cache and, where nothing is evicted, its map; and the peers that can do it.
    for (requests, threads, expected) in [
        (HITS, 2, 1 + backends * 2 + peers),
        (EXPIRING_HITS, 2, 1 + backends + 2),
        (MISSES, 2, 1 + backends + peers),
        (MIX, 2, 1 + backends + peers),
        (EVICTING, 1, 1 + backends + peers),
        (EXPIRING, 1, 1 + backends),
    ] {
        let of = || results.bounded.iter().filter(|one| one.cell.op == requests.to_string());
        assert_eq!(of().count(), expected * threads, "{requests}");
        for one in of() {
            let (name, cell) = (one.cell.name(), &one.cell);
            assert_eq!(one.capacity, requests.capacity() as u64, "{name}");
            assert_eq!(one.single.is_some(), requests.is_timed(), "{name}");
            // Or of one in which each insert was timed.
            assert_eq!(cell.samples.len(), if requests.is_timed() { 1 } else { 10 }, "{name}");
            assert!(cell.verified == Some(true) && cell.iterations > Some(0), "{name}");
            let is_floor = cell.backend == "empty";
            match requests {
                Requests::Hits { .. } if cell.kind != Kind::Peer && !is_floor => {
                    assert_eq!(cell.hit_rate, Some(1.0), "{name}");
                }
                Requests::Misses { .. } => assert_eq!(cell.hit_rate, (!is_floor).then_some(0.0), "{name}"),
                Requests::Mix { .. } if !is_floor => {
                    assert!(cell.hit_rate.is_some_and(|rate| rate > 0.2 && rate < 0.8), "{name}: {cell:?}");
                }
                _ => {}
            }
        }
    }
    // In the order of the plan, whatever the order of measuring.
    let first: Vec<_> = results.bounded.iter().take(3).map(|one| one.cell.backend.as_str()).collect();
    assert_eq!(first, ["empty", "rwlock-1-unbounded", "rwlock-1"]);
    assert!(shown.contains("bounded/mix:50/100k/t2/zipf:1/k8/moka"), "{shown}");
    assert!(shown.contains("% hit"), "{shown}");
}

/// A fault of a cache that is right otherwise.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// Loses keys that it has room for.
    Loses,
    /// Returns the value of another key.
    Confuses,
    /// Finds keys that were never there.
    Invents,
    /// Evicts nothing.
    Grows,
    /// Keeps half of what it may hold.
    Shrinks,
    /// Returns what is past its time.
    Outlives,
}

/// Values with the time at which each is due, and their keys, oldest first.
#[derive(Default)]
struct Held {
    values: HashMap<String, (u64, u64)>,
    order: VecDeque<String>,
}

/// The oldest leaves.
struct Broken {
    fault: Fault,
    capacity: usize,
    setup: Setup,
    held: Mutex<Held>,
}

impl Broken {
    fn now(&self) -> u64 {
        use hotcache::policy::Clock as _;
        self.setup.clock.as_ref().map_or(0, |clock| clock.now())
    }

    fn is_now(&self, fault: Fault, key: &str) -> bool {
        self.fault == fault && key.ends_with('7')
    }
}

impl Peer for Broken {
    type Key = str;

    fn get(&self, key: &str) -> Option<u64> {
        let held = self.held.lock().expect("no panic");
        let found =
            held.values.get(key).filter(|(_, due)| self.fault == Fault::Outlives || *due > self.now());
        match found {
            Some((value, _)) => Some(if self.is_now(Fault::Confuses, key) { value + 1 } else { *value }),
            None => self.is_now(Fault::Invents, key).then_some(0),
        }
    }

    fn insert(&self, key: &str, value: u64) {
        if self.is_now(Fault::Loses, key) {
            return;
        }
        let mut held = self.held.lock().expect("no panic");
        let due = self.setup.lifetime.map_or(u64::MAX, |lifetime| self.now() + lifetime.as_nanos() as u64);
        if held.values.insert(key.to_owned(), (value, due)).is_none() {
            held.order.push_back(key.to_owned());
        }
        while held.order.len() > self.capacity {
            let oldest = held.order.pop_front().expect("there is one");
            held.values.remove(&oldest);
        }
    }

    fn count(&self) -> Option<usize> {
        Some(self.held.lock().expect("no panic").values.len())
    }
}

fn broken(setup: &Setup, fault: Fault) -> Box<dyn Subject> {
    let capacity = match fault {
        Fault::Grows => usize::MAX,
        Fault::Shrinks => setup.capacity / 2,
        _ => setup.capacity,
    };
    Box::new(Driven(Broken { fault, capacity, setup: setup.clone(), held: Mutex::default() }))
}

/// An entry that takes the place of the row `rwlock`.
macro_rules! broken {
    ($fault:ident) => {
        Entry {
            name: "rwlock",
            cache: |setup| broken(setup, Fault::$fault),
            unbounded: None,
            expires: true,
            takes_clock: true,
            reclaim: || {},
        }
    };
}

#[test]
fn a_cache_that_is_wrong_is_caught() {
    let all = [HITS, EXPIRING_HITS, MISSES, MIX, EVICTING, EXPIRING];
    let (twice, _) = measured("none", rows(&["rwlock"]), &[broken!(None)], &all, 2).expect("it is sound");
    for one in &twice.bounded {
        let (samples, passes) = (one.cell.samples.len(), one.cell.busy.len());
        assert_eq!(samples, if one.single.is_some() { 2 } else { 20 }, "{}", one.cell.name());
        assert!(passes == 2 || cfg!(not(target_os = "linux")), "{}: {passes} passes", one.cell.name());
    }
    assert_eq!(twice.bounded.len(), 4 * 2 + 2);
    for (entry, requests, by) in [
        (broken!(Loses), HITS, "keys found, all of which fit"),
        (broken!(Loses), EXPIRING_HITS, "keys found, all of which fit"),
        (broken!(Confuses), HITS, "values differ"),
        (broken!(Confuses), MIX, "values differ"),
        (broken!(Invents), MISSES, "values differ"),
        (broken!(Grows), MISSES, "entries in the cache"),
        (broken!(Grows), MIX, "entries in the cache"),
        (broken!(Grows), EVICTING, "entries in the cache"),
        (broken!(Shrinks), MISSES, "entries in the cache"),
        (broken!(Shrinks), EVICTING, "entries in the cache"),
        (broken!(Outlives), EXPIRING, "keys found that are past their time"),
    ] {
        let refused = measured("caught", rows(&["rwlock"]), &[entry], &[requests], 1).expect_err(by);
        let cell = format!("cell bounded/{requests}/");
        assert!(refused.contains(&cell) && refused.contains(by), "{refused:?} does not say {cell:?}, {by:?}");
    }
}
