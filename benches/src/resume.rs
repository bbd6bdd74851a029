//! Going on with a run that was interrupted.

use anyhow::{Context, Result, bail};
use hotcache_bench_plan::partial_name;
use hotcache_report::{Machine, Run, Store, StoreError};

use crate::document::{self, Shared};

/// The document of a run that is kept under this name as it grows: what an interrupted run left, unless it is to be
/// begun `fresh` or there is none.
///
/// # Errors
///
/// If the partial run is of another machine, build or commit, because its cells are not comparable.
pub(crate) fn document(name: &str, fresh: bool, here: Machine, store: &Store) -> Result<Shared> {
    let partial = partial_name(name);
    if fresh {
        store.remove(&partial)?;
    }
    let run = match store.load(&partial) {
        Ok(left) => Run { skipped: Vec::new(), ..same(left, &here, name)? },
        Err(StoreError::Unknown { .. }) => Run::new(here),
        Err(error) => return Err(error).context("what an interrupted run left; --fresh begins anew"),
    };
    Ok(document::resume(run, Some(partial)))
}

fn same(left: Run, here: &Machine, name: &str) -> Result<Run> {
    let mut differences = left.machine.differences(here);
    if left.machine.commit != here.commit {
        differences.push(format!("commit: {}, now {}", left.machine.commit, here.commit));
    }
    if differences.is_empty() {
        return Ok(left);
    }
    bail!(
        "the interrupted run `{name}` was of something else ({}): --fresh begins anew, --save NAME begins another \
         beside it",
        differences.join("; ")
    );
}

/// Describes the part of the run that exists already.
pub(crate) fn describe(run: &Run) -> String {
    if run.cells.is_empty() {
        return "beginning anew; after Ctrl-C the same command goes on where this stopped".to_owned();
    }
    let samples: usize = run.cells.iter().map(|cell| cell.samples.len()).sum();
    let caution = if run.machine.commit.ends_with("-dirty") {
        "; whether the tree is the same, only you know"
    } else {
        ""
    };
    format!(
        "going on with the run of {}: {} cells are there, {samples} samples of them{caution}; --fresh begins anew",
        run.machine.date,
        run.cells.len()
    )
}

#[cfg(test)]
mod tests {
    use hotcache_report::{Cell, Kind, Work};

    use super::*;
    use crate::document::lock;

    fn store(name: &str) -> Store {
        let directory = std::env::temp_dir().join(format!("hotcache-resume-{name}-{}", std::process::id()));
        Store::new(&directory)
    }

    fn machine(commit: &str) -> Machine {
        Machine { cores: 2, commit: commit.to_owned(), ..Machine::default() }
    }

    #[test]
    fn what_was_measured_is_gone_on_with_on_the_same_commit_only() {
        let store = store("same");
        let begun = document("night", false, machine("a"), &store).expect("nothing is there");
        assert!(describe(&lock(&begun)).starts_with("beginning anew"));
        let work = Work::new("int", "get", 100, 1);
        lock(&begun).cells.extend(Cell::measured(work, "scc", Kind::Backend, vec![20.0]));
        store.save("night.partial", &lock(&begun)).expect("saved");
        let again = document("night", false, machine("a"), &store).expect("the same");
        assert_eq!(lock(&again).cells, lock(&begun).cells);
        assert!(lock(&again).partial);
        assert!(describe(&lock(&again)).contains("1 cells are there, 1 samples"));
        let refused = document("night", false, machine("b"), &store).expect_err("another").to_string();
        assert!(refused.contains("commit: a, now b") && refused.contains("--fresh"), "{refused}");
        let anew = document("night", true, machine("b"), &store).expect("anew");
        assert!(lock(&anew).cells.is_empty());
        assert!(store.names().expect("a directory").is_empty(), "what was left is given up");
    }
}
