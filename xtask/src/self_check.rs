//! `cargo xtask self-check`: tests whether the benchmarks' comparisons are reliable on this machine.
//!
//! Three runs of one program: two that must not differ, and one in which a backend takes 1.2 times as long.

use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::Parser;
use hotcache_bench_plan::{Kind, ROWS, SLOWED_VARIABLE, Task, saved_runs};
use hotcache_report::{Change, Comparison, Settings, Verdict, compare};

use crate::bench;
use crate::flags::SelfCheck;
use crate::say::say;

const FIRST: &str = "self-check-1";
const SECOND: &str = "self-check-2";
const SLOWED: &str = "self-check-slowed";

/// The share of unchanged cells in which no regression may be found.
const UNCHANGED: f64 = 0.95;
/// The share of slowed cells in which one must be.
const FOUND: f64 = 0.90;

#[derive(Parser)]
#[command(name = "-- of cargo xtask self-check", no_binary_name = true)]
struct Bench {
    #[command(flatten)]
    flags: hotcache_bench_plan::Flags,
}

pub(crate) fn run(asked: &SelfCheck) -> Result<()> {
    let is_backend = |name: &str| ROWS.iter().any(|row| row.kind == Kind::Backend && row.name == name);
    if !is_backend(&asked.slowed) {
        let backends = ROWS.iter().filter(|row| row.kind == Kind::Backend).map(|row| row.name);
        bail!(
            "there is no backend `{}`; there are: {}",
            asked.slowed,
            backends.collect::<Vec<_>>().join(", ")
        );
    }
    if !asked.again {
        measure(asked)?;
    }
    let store = saved_runs();
    let [first, second, slowed] = [FIRST, SECOND, SLOWED].map(|name| store.load(name));
    let (first, second, slowed) = (first?, second?, slowed?);
    let settings = Settings::default();
    judge(&compare(&first, &second, &settings), &compare(&first, &slowed, &settings), &asked.slowed)
}

fn measure(asked: &SelfCheck) -> Result<()> {
    let flags = Bench::try_parse_from(&asked.bench)?.flags;
    let Task::Matrix(_) = flags.task(None)? else { bail!("only cells of the matrix can be compared") };
    if flags.full || flags.output.save.is_some() || flags.output.compare.is_some() {
        bail!("self-check saves and compares runs itself: --full, --save and --compare are not allowed");
    }
    let program = bench::build("matrix", &["slowed"])?;
    for (name, slowed) in [(FIRST, None), (SECOND, None), (SLOWED, Some(&asked.slowed))] {
        say(&format!("\n== {name}"));
        let mut run = Command::new(&program);
        run.arg("--bench").args(&asked.bench).args(["--save", name]);
        run.env_remove(SLOWED_VARIABLE).envs(slowed.map(|backend| (SLOWED_VARIABLE, backend)));
        let status = run.status().with_context(|| format!("cannot start {}", program.display()))?;
        if !status.success() {
            bail!("the run {name} failed: {status}");
        }
    }
    Ok(())
}

fn judge(unchanged: &Comparison, slowed: &Comparison, backend: &str) -> Result<()> {
    say(&format!("\n== nothing changed\n{unchanged}"));
    say(&format!("\n== {backend} slowed by a fifth\n{slowed}"));
    let maps: Vec<_> = unchanged.changes.iter().filter(|change| change.kind == Kind::Backend).collect();
    let cells: Vec<_> = slowed.changes.iter().filter(|change| change.backend == backend).collect();
    let quiet = share(&maps, |change| change.verdict != Verdict::Slower)?;
    let found = share(&cells, |change| change.verdict == Verdict::Slower)?;
    say(&format!(
        "nothing changed: no regression in {:.1} % of {} cells (at least {:.0} %)",
        quiet * 100.0,
        maps.len(),
        UNCHANGED * 100.0
    ));
    say(&format!(
        "{backend} slowed: found in {:.1} % of its {} cells (at least {:.0} %)",
        found * 100.0,
        cells.len(),
        FOUND * 100.0
    ));
    if quiet < UNCHANGED || found < FOUND {
        bail!(
            "comparisons cannot be relied on here; a machine that does nothing else, or more --passes, may help"
        );
    }
    Ok(())
}

fn share(changes: &[&Change], is: impl Fn(&Change) -> bool) -> Result<f64> {
    if changes.is_empty() {
        bail!("no cell was compared");
    }
    Ok(changes.iter().filter(|change| is(change)).count() as f64 / changes.len() as f64)
}

#[cfg(test)]
mod tests {
    use hotcache_report::{Cell, Machine, Run, Work};

    use super::*;

    /// A run without noise, in which papaya takes this many times as long.
    fn run(papaya: f64) -> Run {
        let mut run = Run::new(Machine { cores: 2, ..Machine::default() });
        for max_key in [100, 10_000, 100_000] {
            for (row, ns) in [("rwlock", 16.0), ("dashmap", 17.0), ("scc", 25.0), ("papaya", 18.0 * papaya)] {
                let samples = (0..20).map(|i| ns * (1.0 + 0.002 * f64::from(i % 4))).collect();
                let work = Work::new("int", "get", max_key, 1);
                run.cells.extend(Cell::measured(work, row, Kind::Backend, samples));
            }
        }
        run
    }

    #[test]
    fn a_sound_comparison_passes_and_one_that_finds_nothing_or_too_much_does_not() {
        let against = |papaya| compare(&run(1.0), &run(papaya), &Settings::default());
        judge(&against(1.0), &against(1.3), "papaya").expect("it is found, and nothing else");
        assert!(judge(&against(1.0), &against(1.0), "papaya").is_err(), "nothing is found");
        assert!(judge(&against(1.3), &against(1.3), "papaya").is_err(), "a regression where nothing changed");
        assert!(judge(&against(1.0), &against(1.3), "nobody").is_err(), "no cell to judge by");
    }
}
