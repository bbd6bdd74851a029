//! An interrupted run goes on where it stopped.
#![forbid(unsafe_code)]

use std::fs::File;
use std::time::Duration;

use hotcache_bench::console::Console;
use hotcache_bench::document::{self, SAMPLES, Shared, lock};
use hotcache_bench::matrix;
use hotcache_bench::peers::{ENTRIES, Entry};
use hotcache_bench_plan::{Cache, Dist, KeyCount, KeyType, Matrix, Op, Pace, Row, Work};
use hotcache_report::Machine;

fn work(op: Op) -> Work {
    Work {
        cache: Cache::Int,
        op,
        max_key: KeyCount(100),
        threads: 1,
        dist: Dist::Uniform,
        key_type: KeyType::Str,
        key_len: 6,
    }
}

/// Measures these works of three rows into a document.
fn measure(works: &[Op], passes: usize, entries: &[Entry], document: &Shared) {
    let directory = std::env::temp_dir().join(format!("hotcache-resume-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a temporary directory");
    let nowhere = || File::create(directory.join("console")).expect("a temporary file");
    let rows = ["empty", "rwlock", "papaya"].map(|name| Row::named(name).expect("a row of the plan"));
    let pace = Pace {
        warm_up: Duration::from_millis(1),
        measurement: Duration::from_millis(10),
        passes,
        budget: None,
        patience: Duration::ZERO,
        own_key_batch: 2_000,
    };
    let works = works.iter().map(|op| work(*op)).collect();
    let plan = Matrix { rows: rows.to_vec(), works, pace, hit_ratio: None };
    let mut console = Console::new(nowhere(), nowhere());
    matrix::run(&plan, entries, &directory.join("criterion"), &mut console, document).expect("sound rows");
}

/// Rows that nobody may measure.
fn forbidden() -> Vec<Entry> {
    let none: hotcache_bench::peers::Build = |_| panic!("this was measured before");
    ENTRIES.iter().map(|entry| Entry { int: Some(none), obj: Some(none), ..*entry }).collect()
}

#[test]
fn what_is_done_is_not_measured_again() {
    let document = document::begin(Machine { cores: 1, ..Machine::default() });
    measure(&[Op::Get, Op::Insert], 1, ENTRIES, &document);
    let first = lock(&document).clone();
    assert!(!first.partial);
    measure(&[Op::Get, Op::Insert], 1, &forbidden(), &document);
    assert_eq!(*lock(&document), first);

    // Another pass and another work are added to what is there, each cell in the order of the matrix.
    measure(&[Op::Get, Op::Set, Op::Insert], 2, ENTRIES, &document);
    let run = lock(&document);
    assert_eq!(run.cells.len(), 3 * 3);
    for cell in &run.cells {
        assert_eq!(cell.samples.len(), 2 * SAMPLES, "{}", cell.name());
        if let Some(before) = first.cells.iter().find(|before| before.name() == cell.name()) {
            assert_eq!(before.samples, cell.samples[..SAMPLES], "{}", cell.name());
        }
    }
    for cells in run.cells.chunks(3) {
        let rows: Vec<_> = cells.iter().map(|cell| cell.backend.as_str()).collect();
        assert_eq!(rows, ["empty", "rwlock", "papaya"], "{}", cells[0].op);
    }
    run.to_json().expect("a document that can be read again");
}
