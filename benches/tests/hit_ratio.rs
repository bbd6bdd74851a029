//! Hit ratios: of traces and of workloads that are made up, at the capacities that were asked for, and each once.
#![forbid(unsafe_code)]

use std::fs::{self, File};
use std::path::PathBuf;

use hotcache_bench::console::Console;
use hotcache_bench::document::{self, Shared};
use hotcache_bench::{hit_ratio, matrix};
use hotcache_bench_plan::{Capacity, HitRatio, Matrix, NamedTrace, Pace};
use hotcache_report::{Machine, Run, hit_ratios};

/// A directory that is removed with all that is in it.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let directory = std::env::temp_dir().join(format!("hotcache-hits-{name}-{}", std::process::id()));
        fs::create_dir_all(&directory).expect("a temporary directory");
        Self(directory)
    }

    fn trace(&self, name: &str, content: &str) -> NamedTrace {
        let file = self.0.join(name);
        fs::write(&file, content).expect("a temporary file");
        NamedTrace { file, name: name.to_owned() }
    }

    fn console(&self) -> Console {
        let log = || File::options().create(true).append(true).open(self.0.join("console")).expect("a log");
        Console::new(log(), log())
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // A file that stays in a temporary directory does no harm.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn begin() -> Shared {
    document::begin(Machine { cores: 1, ..Machine::default() })
}

fn found(document: &Shared) -> Run {
    document::lock(document).clone()
}

#[test]
fn hits_are_counted_on_each_trace_at_each_capacity() {
    let directory = Directory::new("traces");
    // Blocks 0 to 9 over and over, and three that come back once a request for another.
    let blocks: String = (0..100).map(|n| format!("{} 1 0 {n}\n", n % 10)).collect();
    let few: String = (0..60).map(|n| format!("{} 1 0 {n}\n", n % 3)).collect();
    let traces = vec![directory.trace("loop.lis", &blocks), directory.trace("few.lis", &few)];
    let plan = HitRatio { traces, capacities: vec![Capacity(4), Capacity(20)], ..HitRatio::WHOLE };
    let document = begin();
    hit_ratio::run(&plan, &mut directory.console(), &document).expect("the traces are well formed");
    let run = found(&document);
    assert!(!run.partial);
    run.to_json().expect("a document that can be read again");
    let hits = |workload: &str, capacity: u64, backend: &str| {
        let one = run
            .hit_ratio
            .iter()
            .find(|one| one.workload == workload && one.capacity == capacity && one.backend == backend);
        one.map(|one| one.hits)
    };
    for backend in ["lru", "fifo", "clock", "s3-fifo", "adaptive", "cache", "moka", "quick_cache", "tinyufo"]
    {
        // All but the first request for each key.
        assert_eq!(hits("loop.lis", 20, backend), Some(90), "{backend}");
        assert_eq!(hits("few.lis", 20, backend), Some(57), "{backend}");
    }
    assert_eq!(hits("loop.lis", 4, "lru"), Some(0), "a loop that is longer than the cache");
    assert_eq!(hits("few.lis", 4, "lru"), Some(57));
    assert_eq!(run.hit_ratio.len(), 2 * 2 * 11);
    let table = hit_ratios(&run);
    assert!(table.lines().any(|line| line.starts_with("loop.lis         4    0.00")), "{table}");
    assert_eq!(table.lines().count(), 2 + 4, "{table}");
    let shown = fs::read_to_string(directory.0.join("console")).expect("a log");
    assert!(shown.contains("100 requests, 10 distinct keys") && shown.contains("Megiddo"), "{shown}");
    assert!(shown.contains("reading the trace loop.lis"), "no progress: {shown}");
}

#[test]
fn a_trace_of_which_nothing_can_be_counted_is_refused_by_its_name() {
    let directory = Directory::new("refused");
    for (name, content, why) in [
        ("bad.lis", "1 1 0 1\n1 1 0\n", "bad.lis:2: "),
        ("deletes.csv", "0,a,1,1,1,delete,0\n", "deletes.csv deletes keys only"),
    ] {
        let plan = HitRatio { traces: vec![directory.trace(name, content)], ..HitRatio::WHOLE };
        let refused = hit_ratio::run(&plan, &mut directory.console(), &begin()).expect_err(name);
        assert!(format!("{refused:#}").contains(why), "{refused:#}");
    }
}

#[test]
fn a_trace_of_one_key_is_counted_once_a_capacity() {
    let directory = Directory::new("one");
    let plan =
        HitRatio { traces: vec![directory.trace("one.lis", &"7 1 0 1\n".repeat(9))], ..HitRatio::WHOLE };
    let document = begin();
    hit_ratio::run(&plan, &mut directory.console(), &document).expect("a trace");
    let run = found(&document);
    run.to_json().expect("nothing is there twice");
    let lru = run.hit_ratio.iter().find(|one| one.backend == "lru").expect("it was counted");
    assert_eq!((lru.capacity, lru.hits), (1, 8));
}

#[test]
fn a_matrix_counts_them_besides_and_does_not_count_again() {
    let directory = Directory::new("matrix");
    let small = HitRatio { requests: 2_000, ..HitRatio::SMALL };
    let pace = Pace {
        warm_up: std::time::Duration::from_millis(1),
        measurement: std::time::Duration::from_millis(1),
        passes: 1,
        budget: None,
        patience: std::time::Duration::ZERO,
        own_key_batch: 1,
    };
    let plan = Matrix { rows: Vec::new(), works: Vec::new(), pace, hit_ratio: Some(small) };
    let document = begin();
    let criterion = directory.0.join("criterion");
    let measure =
        || matrix::run(&plan, &[], &criterion, &mut directory.console(), &document).expect("no cell fails");
    measure();
    let first = found(&document);
    let mut workloads: Vec<_> = first.hit_ratio.iter().map(|one| one.workload.as_str()).collect();
    workloads.dedup();
    assert_eq!(workloads, ["zipf 0.7", "zipf 1.0", "scans", "loop", "flash sale", "twice"]);
    assert_eq!(first.hit_ratio.len(), 6 * 11);
    let shown = fs::read_to_string(directory.0.join("console")).expect("a log");
    assert!(shown.contains("[0/66] zipf 0.7, 1000 entries: lru"), "no progress: {shown}");
    measure();
    assert_eq!(found(&document), first);
}
