//! Rows that a program in Go measures: the exchange with it, and the program itself where there is a Go.
#![forbid(unsafe_code)]

mod stand_in;

use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use hotcache_bench::console::Console;
use hotcache_bench::fault::Fault;
use hotcache_bench::go::Program;
use hotcache_bench::keys::Keys;
use hotcache_bench::sample::{Cell, Sample};
use hotcache_bench::stream::streams;
use hotcache_bench::team::Team;
use hotcache_bench::{document, matrix};
use hotcache_bench_plan::{Cache, Dist, KeyCount, KeyType, Matrix, Op, Pace, ROWS, Row, Work};
use hotcache_report::{Machine, Run};

use stand_in::{Lie, StandIn};

const OPS: [Op; 5] = [Op::Get, Op::Set, Op::Add, Op::Insert, Op::Del];

fn work(op: Op, max_key: usize, threads: usize) -> Work {
    Work {
        cache: Cache::Int,
        op,
        max_key: KeyCount(max_key),
        threads,
        dist: Dist::Uniform,
        key_type: KeyType::Str,
        key_len: 6,
    }
}

/// Three samples of a work, as criterion would ask for them.
fn sample(program: &mut Program, work: Work) -> Result<Vec<Sample>, Fault> {
    let keys = Keys::render(0..work.max_key.0 as u32, work.key_len);
    let streams = streams(&work, work.max_key.0);
    let team = Team::new(work.threads).expect("threads");
    let name = work.cell("go-sync-map");
    let (streams, keys, team) = (&streams[..], &keys, &team);
    let cell = Cell { name: &name, work: &work, streams, mixed: &[], keys, team, timers: None };
    [(0, 1), (1, 2), (3, 1)]
        .map(|(turn, rounds)| program.sample("sync.Map", &cell, turn, rounds))
        .into_iter()
        .collect()
}

#[test]
fn a_program_that_does_as_it_is_asked_passes() {
    for (max_key, threads) in [(100, 1), (100, 2), (20_000, 3)] {
        for op in OPS {
            let (mut program, asked) = StandIn::start(Lie::None);
            let samples = sample(&mut program, work(op, max_key, threads)).expect("it is sound");
            let ops: Vec<_> = samples.iter().map(|sample| sample.ops).collect();
            assert_eq!((ops[1], ops[2]), (ops[0] * 2, ops[0]), "{op}");
            let tells = matches!(op, Op::Get | Op::Del);
            assert!(samples.iter().all(|sample| sample.hits == tells.then_some(sample.ops)), "{op}");
            drop(program);
            let asked = asked.join().expect("it does not panic").expect("its pipes work");
            assert_eq!(asked, "ks...", "{op}");
        }
    }
}

#[test]
fn keys_are_told_once_for_a_group_and_streams_once_for_a_work() {
    let (mut program, asked) = StandIn::start(Lie::None);
    sample(&mut program, work(Op::Get, 100, 1)).expect("it is sound");
    sample(&mut program, work(Op::Get, 100, 2)).expect("it is sound");
    program.forget();
    sample(&mut program, work(Op::Add, 50, 2)).expect("it is sound");
    drop(program);
    assert_eq!(asked.join().expect("it does not panic").expect("its pipes work"), "ks...s...ks...");
}

#[test]
fn every_lie_is_caught_with_the_cells_name() {
    for (lie, op, said) in [
        (Lie::OneHitMore, Op::Get, "keys found"),
        (Lie::OneHitMore, Op::Del, "keys found to delete"),
        (Lie::OneKeyLess, Op::Get, "keys in the map"),
        (Lie::OneKeyLess, Op::Set, "keys in the map"),
        (Lie::OneKeyLess, Op::Insert, "keys after inserting all"),
        (Lie::OneKeyLess, Op::Del, "keys left after deleting all"),
        (Lie::OtherSum, Op::Get, "the sum of the values read"),
        (Lie::OtherTotal, Op::Add, "the sum of all adds"),
        (Lie::OtherTotal, Op::Insert, "the sum of the values inserted"),
        (Lie::StaleValues, Op::Set, "the value that was set last"),
        (Lie::FewerOperations, Op::Add, "operations"),
        (Lie::NoMaps, Op::Add, "maps"),
        (Lie::Refuses, Op::Get, "there is no map sync.Map"),
        (Lie::EndsInstead, Op::Get, "ended without an answer"),
        (Lie::TalksRubbish, Op::Get, "its program"),
    ] {
        let (mut program, _asked) = StandIn::start(lie);
        let work = work(op, 100, 2);
        let fault = sample(&mut program, work).expect_err(said).to_string();
        assert!(fault.contains(&work.cell("go-sync-map")) && fault.contains(said), "{lie:?} {op}: {fault}");
    }
}

/// Measures the rows that are in Go as a run does.
fn run(works: Vec<Work>) -> Run {
    let directory = std::env::temp_dir().join(format!("hotcache-go-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a temporary directory");
    let nowhere = || File::create(directory.join("console")).expect("a temporary file");
    let document = document::begin(Machine { cores: 1, ..Machine::default() });
    let (warm_up, measurement) = (Duration::from_millis(1), Duration::from_millis(5));
    let patience = Duration::ZERO;
    let pace = Pace { warm_up, measurement, passes: 2, budget: None, patience, own_key_batch: 2_000 };
    let rows = ROWS.iter().filter(|row| row.go.is_some()).collect();
    let plan = Matrix { rows, works, pace, hit_ratio: None };
    let mut console = Console::new(nowhere(), nowhere());
    matrix::run(&plan, &[], &directory.join("criterion"), &mut console, &document)
        .expect("the rows are sound");
    document::lock(&document).clone()
}

#[test]
fn the_rows_are_measured_where_there_is_a_go_and_say_so_where_there_is_none() {
    let works: Vec<_> = [(0, 1), (0, 2), (100, 2), (3_000, 4)]
        .into_iter()
        .flat_map(|(max_key, threads)| OPS.map(|op| work(op, max_key, threads)))
        .collect();
    let run = run(works.clone());
    let rows: Vec<_> = ROWS.iter().filter(|row: &&Row| row.go.is_some()).collect();
    if let Some(version) = &run.machine.go {
        assert!(version.contains("go1.") && run.skipped.is_empty(), "{version} {:?}", run.skipped);
        assert_eq!(run.cells.len(), works.len() * rows.len());
        assert!(run.cells.iter().all(|cell| cell.verified == Some(true) && cell.samples.len() == 20));
        return;
    }
    assert_eq!((run.cells.len(), run.partial), (0, false));
    let skipped: Vec<_> = run.skipped.iter().map(|skipped| skipped.backend.as_str()).collect();
    assert_eq!(skipped, ["go-sync-map", "go-rwmutex"]);
    assert!(run.skipped.iter().all(|skipped| skipped.why.contains("go")), "{:?}", run.skipped);
}

#[test]
fn the_program_is_formatted_and_vetted_where_there_is_a_go() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("go");
    let said = |program: &Path, arguments: &[&str]| {
        let output =
            Command::new(program).args(arguments).current_dir(&source).env("GOTOOLCHAIN", "local").output();
        output.ok().map(|output| {
            (output.status.success(), String::from_utf8_lossy(&output.stdout).trim().to_owned())
        })
    };
    let Some((true, root)) = said(Path::new("go"), &["env", "GOROOT"]) else { return };
    let formatted = said(&Path::new(&root).join("bin/gofmt"), &["-l", "."]);
    assert!(matches!(&formatted, None | Some((true, _))), "{formatted:?}");
    assert_eq!(formatted.map_or_else(String::new, |(_, files)| files), "", "gofmt would change these");
    let vetted =
        Command::new("go").args(["vet", "./..."]).current_dir(&source).env("GOTOOLCHAIN", "local").output();
    let vetted = vetted.expect("go has just run");
    assert!(vetted.status.success(), "{}", String::from_utf8_lossy(&vetted.stderr));
}
