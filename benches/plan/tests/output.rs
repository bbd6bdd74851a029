//! Names of saved runs, refused before anything is built.
#![forbid(unsafe_code)]

use std::fs;
use std::path::{Path, PathBuf};

use hotcache_bench_plan::{Flags, Kind, Output, partial_name};
use hotcache_report::{Cell, Machine, Run, Store, Work};

struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let directory = std::env::temp_dir().join(format!("hotcache-{name}-{}", std::process::id()));
        fs::create_dir_all(&directory).expect("a temporary directory");
        Self(directory)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // A file that stays in a temporary directory does no harm.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn saving(name: &str) -> Output {
    Output { save: Some(name.to_owned()), ..Output::default() }
}

fn comparing(name: &str) -> Output {
    Output { compare: Some(name.to_owned()), ..Output::default() }
}

fn writing(json: &Path) -> Output {
    Output { json: Some(json.to_owned()), ..Output::default() }
}

fn run() -> Run {
    let mut run = Run::new(Machine { cores: 2, ..Machine::default() });
    run.cells.extend(Cell::measured(Work::new("int", "get", 100, 1), "scc", Kind::Backend, vec![20.0]));
    run
}

#[test]
fn names_are_refused_that_cannot_be_saved_or_are_not_there() {
    let directory = Directory::new("refused");
    let store = Store::new(&directory.0);
    store.save("before", &run()).expect("a run");
    store.save("memory-only", &Run { cells: Vec::new(), ..run() }).expect("a run");
    fs::write(directory.0.join("broken.json"), "{").expect("a temporary file");
    let long = "x".repeat(60);
    for (output, named) in [
        (saving("../x"), "--save: `../x` cannot name a run"),
        (saving(""), "--save: `` cannot name a run"),
        // With what is added to the name of an interrupted run, it is too long.
        (saving(&long), "cannot name a run"),
        (
            comparing("after"),
            "--compare: there is no saved run `after`; there are: before, broken, memory-only",
        ),
        (comparing("a b"), "--compare: `a b` cannot name a run"),
        (comparing("broken"), "broken.json: EOF"),
        (comparing("memory-only"), "has no cell of the matrix to compare with"),
        (writing(&directory.0), "it is a directory"),
        (writing(&directory.0.join("no/such/run.json")), "there is no directory"),
        (writing("/dev/null".as_ref()), "not a regular file"),
        (writing("".as_ref()), "names no file"),
    ] {
        let refused = output.baseline(&store).expect_err(named).to_string();
        assert!(refused.contains(named), "{refused}");
    }
}

#[test]
fn a_run_is_found_again_partial_ones_too() {
    let directory = Directory::new("found");
    let store = Store::new(&directory.0);
    store.save(&partial_name("night"), &Run { partial: true, ..run() }).expect("a run");
    let found = comparing("night.partial").baseline(&store).expect("it is there");
    assert_eq!(found, Some(Run { partial: true, ..run() }));
    assert_eq!(saving("night").baseline(&store), Ok(None));
}

#[test]
fn what_cannot_be_saved_is_refused_before_anything_is_measured() {
    let directory = Directory::new("taken");
    let store = Store::new(&directory.0.join("runs"));
    assert_eq!(saving("night").baseline(&store), Ok(None), "the directory is made");
    fs::create_dir(directory.0.join("runs/full.partial.json")).expect("a directory in the way");
    let refused = Flags { full: true, ..Flags::default() }.baseline(&store).expect_err("it is in the way");
    assert!(refused.to_string().contains("full.partial.json: it is a directory"), "{refused}");
    fs::write(directory.0.join("file"), "").expect("a file");
    let refused = saving("night").baseline(&Store::new(&directory.0.join("file"))).expect_err("a file");
    assert!(refused.to_string().starts_with("--save: "), "{refused}");
}

#[test]
fn results_do_not_replace_the_trace() {
    let directory = Directory::new("trace");
    let trace = directory.0.join("requests.csv");
    fs::write(&trace, "0,a,1,1,1,get,0\n").expect("a trace");
    let flags = Flags { trace: vec![trace.clone()], output: writing(&trace), ..Flags::default() };
    let refused = flags.baseline(&Store::new(&directory.0)).expect_err("it is the trace").to_string();
    assert!(refused.contains("is the trace itself"), "{refused}");
}
