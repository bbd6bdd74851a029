//! `cargo xtask report`: makes pages from saved runs of the benchmarks.

use std::path::Path;

use anyhow::{Context, Result, bail};
use hotcache_bench_plan::saved_runs;
use hotcache_report::{Report, Run, Store};

use crate::flags;
use crate::say::say;
use crate::sh;

pub(crate) fn run(flags: &flags::Report) -> Result<()> {
    let runs = runs(&flags.runs, &saved_runs())?;
    let out = flags.out.clone().unwrap_or_else(|| sh::root().join("target/report"));
    write(runs, &out)
}

fn write(runs: Vec<Run>, out: &Path) -> Result<()> {
    if out.is_file() {
        bail!("{} is a file; --out names a directory", out.display());
    }
    let files = Report::of(runs).write(out);
    for file in files.with_context(|| format!("cannot write to {}", out.display()))? {
        say(&file.display().to_string());
    }
    Ok(())
}

/// Returns the runs of these files and names, or the run that was saved last if there are none.
fn runs(asked: &[String], store: &Store) -> Result<Vec<Run>> {
    if asked.is_empty() {
        let Some(last) = store.last()? else {
            bail!("no run is saved yet: run cargo xtask bench --save NAME, or name a JSON file")
        };
        say(&format!("the run that was saved last: {last}"));
        return Ok(vec![store.load(&last)?]);
    }
    asked.iter().map(|one| find(one, store)).collect()
}

/// Finds a run by file or by name. An existing file, or text that looks like a path, is a file; anything else is a
/// name.
fn find(asked: &str, store: &Store) -> Result<Run> {
    let file = Path::new(asked);
    let like_a_file =
        asked.contains(['/', '\\']) || [".json", ".json.gz"].iter().any(|ending| asked.ends_with(ending));
    if like_a_file || file.is_file() { Ok(Run::read(file)?) } else { Ok(store.load(asked)?) }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use hotcache_report::{Cell, Kind, Machine, Work, write_whole};

    use super::*;

    fn directory(name: &str) -> PathBuf {
        let directory = std::env::temp_dir().join(format!("hotcache-xtask-{name}-{}", std::process::id()));
        fs::create_dir_all(&directory).expect("a temporary directory");
        directory
    }

    fn a_run(ns: f64) -> Run {
        let mut run = Run::new(Machine { cores: 2, ..Machine::default() });
        run.cells.extend(Cell::measured(Work::new("int", "get", 100, 1), "scc", Kind::Backend, vec![ns]));
        run
    }

    #[test]
    fn names_files_and_the_last_are_found() {
        let directory = directory("found");
        let store = Store::new(&directory.join("saved"));
        let nothing = runs(&[], &store).expect_err("nothing is saved").to_string();
        assert!(nothing.contains("--save NAME"), "{nothing}");
        store.save("before", &a_run(20.0)).expect("saved");
        let file = directory.join("other.json");
        write_whole(&file, a_run(30.0).to_json().expect("a run")).expect("written");
        let file = file.to_str().expect("plain text").to_owned();
        let found = runs(&["before".to_owned(), file], &store).expect("both are there");
        assert_eq!(found, [a_run(20.0), a_run(30.0)]);
        assert_eq!(runs(&[], &store).expect("one is saved"), [a_run(20.0)]);
        fs::remove_dir_all(directory).expect("removed");
    }

    #[test]
    fn pages_are_written_from_them() {
        let directory = directory("pages");
        write(vec![a_run(20.0)], &directory).expect("written");
        let packed = directory.join("run.json.gz").to_str().expect("plain text").to_owned();
        let again = runs(&[packed], &Store::new(&directory)).expect("it is read as it was written");
        assert_eq!(again, [a_run(20.0)]);
        for file in ["index.html", "README.md", "run.json.gz"] {
            assert!(directory.join(file).is_file(), "{file}");
        }
        fs::remove_dir_all(directory).expect("removed");
    }

    #[test]
    fn what_is_no_run_is_refused_by_name() {
        let directory = directory("refused");
        let store = Store::new(&directory);
        let bad = directory.join("bad.json");
        write_whole(&bad, "{\"version\": 7}").expect("written");
        let bad = bad.to_str().expect("plain text");
        for (asked, wanted) in [
            (bad, "bad.json: version: this is version 7"),
            ("no/such.json", "no/such.json: No such file"),
            ("such.json", "such.json: No such file"),
            ("after", "there is no saved run `after`"),
            ("a b", "`a b` cannot name a run"),
        ] {
            let refused = runs(&[asked.to_owned()], &store).expect_err(asked).to_string();
            assert!(refused.contains(wanted), "{asked}: {refused}");
        }
        let refused = write(vec![a_run(20.0)], Path::new(bad)).expect_err("a file").to_string();
        assert!(refused.contains("is a file; --out names a directory"), "{refused}");
        fs::remove_dir_all(directory).expect("removed");
    }
}
