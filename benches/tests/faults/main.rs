//! A backend that does not do what it says makes the harness fail, with the cell's name.
#![forbid(unsafe_code)]

mod broken;
mod caught;
mod sound;

use std::fs::File;
use std::time::Duration;

use hotcache_bench::console::Console;
use hotcache_bench::peers::Entry;
use hotcache_bench::{document, matrix};
use hotcache_bench_plan::{Cache, Dist, KeyCount, KeyType, Matrix, Op, Pace, Row, Work};
use hotcache_report::{Machine, Run};

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
        key_type: KeyType::Str,
        key_len: 6,
    };
    let mut works: Vec<_> = [(0, 1), (0, 2), (100, 2), (3_000, 1)].into_iter().map(work).collect();
    works.push(Work { key_type: KeyType::U64, key_len: 8, ..work((3_000, 2)) });
    works
}

/// Runs a small matrix, and returns its results or its error.
fn run(rows: Vec<&'static Row>, entries: &[Entry], works: Vec<Work>, passes: usize) -> Result<Run, String> {
    let directory = std::env::temp_dir().join(format!("hotcache-faults-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a temporary directory");
    let nowhere = || File::create(directory.join("console")).expect("a temporary file");
    let mut console = Console::new(nowhere(), nowhere());
    let results = document::begin(Machine { cores: 1, ..Machine::default() });
    let plan = Matrix { rows, works, pace: Pace { passes, ..PACE }, hit_ratio: None };
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
    let work = |(max_key, threads, dist)| Work {
        cache,
        op,
        max_key: KeyCount(max_key),
        threads,
        dist,
        key_type: KeyType::Str,
        key_len: 6,
    };
    let mut works: Vec<_> =
        [(100, 1, Dist::Uniform), (3_000, 2, Dist::Zipf(0.5))].into_iter().map(work).collect();
    works.push(Work { key_type: KeyType::U64, key_len: 8, ..works[1] });
    works
}

fn mix(text: &str) -> Op {
    Op::Mix(text.parse().expect(text))
}

/// All threads on the one key of the map.
fn hot(cache: Cache, op: Op, threads: usize) -> Work {
    Work { cache, op, max_key: KeyCount(1), threads, dist: Dist::Hot, key_type: KeyType::Str, key_len: 6 }
}
