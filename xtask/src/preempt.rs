//! `cargo xtask soak --preempt`: threads interrupted inside every operation of our own table.
//!
//! It runs the example `preempt` of `cache-bucket`, which finds nothing in the unchanged table. That is evidence only
//! if it finds the planted bugs (`seeded.rs`), each within a minute.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::sh::{self, cargo};

/// A bug that can be planted, and the profile of the example whose caches show it.
struct Bug {
    name: &'static str,
    profile: &'static str,
    /// Whether it is in code for threads whose pins need no fence, which the portable build does not have.
    fast: bool,
}

const fn fast(name: &'static str, profile: &'static str) -> Bug {
    Bug { name, profile, fast: true }
}

const fn slow(name: &'static str, profile: &'static str) -> Bug {
    Bug { name, profile, fast: false }
}

/// Every bug that must be found. A new one is a line here, and a place in the kernel.
const BUGS: &[Bug] = &[
    // The fast paths: checks left out.
    fast("insert-at-home", "reuse"),
    fast("insert-closed", "growth"),
    fast("upsert-again", "reuse"),
    fast("seek-open", "growth"),
    fast("remove-at-home", "reuse"),
    fast("remove-at-home-moved", "growth"),
    // The fast paths: epochs compared wrongly.
    fast("age", "small"),
    fast("unseen-fast", "reuse"),
    fast("one-epoch", "small"),
    // The slow paths.
    slow("insert", "reuse-long"),
    slow("unseen", "overflow"),
    slow("remove-again", "reuse-names"),
    slow("remove-moved", "growth-names"),
    slow("close", "growth-names"),
    slow("step-lock", "growth"),
    slow("step-moved", "growth"),
    slow("get-moved", "growth"),
    slow("get-likely", "growth"),
    // What all of them rely on.
    slow("version", "reuse"),
    slow("removed", "small"),
    slow("strays", "reuse"),
    slow("stray-gone", "reuse"),
    slow("stray-late", "strays"),
    slow("move-twice", "growth"),
    slow("settled-anyway", "growth"),
    slow("assist-early", "growth"),
    slow("passed", "growth"),
    slow("move-anyway", "small"),
    slow("no-grace", "reuse-objects"),
    slow("bag-busy", "reuse-objects"),
    // Removals that decide on a value.
    slow("blindly", "reuse"),
    slow("unsettled", "reuse"),
    slow("restless", "growth"),
    slow("reopen", "growth"),
];

/// The bugs of the brief run. Each is found within a second, and by a different check.
const BRIEF: [&str; 3] = ["one-epoch", "remove-at-home", "settled-anyway"];

/// The names of the bugs.
pub(crate) fn bugs() -> impl Iterator<Item = &'static str> {
    BUGS.iter().map(|bug| bug.name)
}

/// The time within which a bug must be found.
const WITHIN: Duration = Duration::from_secs(60);
/// The time that a program may run longer than requested before it counts as a hang.
const SLACK: Duration = Duration::from_secs(60);
/// How long the brief run tests the table as it is, in seconds.
const BRIEF_SECONDS: u64 = 15;

/// How the table is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Build {
    /// The build that users of this machine get.
    Usual,
    Portable,
}

impl Build {
    const ALL: [Build; 2] = [Build::Usual, Build::Portable];

    fn name(self) -> &'static str {
        match self {
            Build::Usual => "usual build",
            Build::Portable => "portable build",
        }
    }

    /// Whether the pins of a thread need no fence, so that it takes the fast paths.
    fn is_fast(self) -> bool {
        self == Build::Usual
    }

    /// Builds the example, and returns the program.
    fn make(self) -> Result<PathBuf> {
        let (flags, folder) = match self {
            Build::Usual => ("--cfg seeded", "target/preempt"),
            Build::Portable => ("--cfg seeded --cfg portable", "target/preempt-portable"),
        };
        // Directories of their own, as the flags differ.
        let target = sh::root().join(folder);
        let mut build = cargo(["build", "--release", "-p", "cache-bucket", "--example", "preempt"]);
        // Without link-time optimisation, which takes longer than all else and inlines nothing in the kernel.
        sh::without_lto(&mut build);
        sh::run(build.env("RUSTFLAGS", flags).env("CARGO_TARGET_DIR", &target))?;
        Ok(target.join("release/examples/preempt"))
    }
}

/// Checks that every bug is found, and that the unchanged table shows none for `seconds` in each build.
pub(crate) fn run(seconds: u64, seed: u64) -> Result<()> {
    println!("to repeat: cargo xtask soak --preempt --minutes {:.2} --seed {seed}", seconds as f64 / 60.0);
    only_linux()?;
    let programs = programs()?;
    for (build, program) in &programs {
        for bug in BUGS.iter().filter(|bug| build.is_fast() || !bug.fast) {
            find(*build, program, bug, seed)?;
        }
    }
    find_nothing(&programs, seconds, seed)
}

/// Runs the same checks for half a minute, with a few bugs and the default build only, because the other build takes
/// minutes to compile.
pub(crate) fn brief() -> Result<()> {
    if !cfg!(target_os = "linux") {
        println!("skipped: only Linux has timers for a single thread");
        return Ok(());
    }
    // The same operations in each run; what they are interrupted by differs anyway.
    let seed = 1;
    let (build, program) = (Build::Usual, Build::Usual.make()?);
    for bug in BUGS.iter().filter(|bug| BRIEF.contains(&bug.name)) {
        find(build, &program, bug, seed)?;
    }
    find_nothing(&[(build, program)], BRIEF_SECONDS, seed)
}

fn only_linux() -> Result<()> {
    ensure!(cfg!(target_os = "linux"), "only Linux has timers for a single thread");
    Ok(())
}

fn programs() -> Result<Vec<(Build, PathBuf)>> {
    Build::ALL.into_iter().map(|build| Ok((build, build.make()?))).collect()
}

/// Runs the unchanged table.
fn find_nothing(programs: &[(Build, PathBuf)], seconds: u64, seed: u64) -> Result<()> {
    for (build, program) in programs {
        println!("\n{}, as it is, for {seconds} s", build.name());
        let mut command = Command::new(program);
        command.args([seconds, seed].map(|number| number.to_string())).env_remove("HOTCACHE_SEEDED");
        let run = Run::of(&mut command, Duration::from_secs(seconds) + SLACK)?;
        print!("{}", run.said);
        match run.ended {
            Some(status) if status.success() => {}
            Some(status) => bail!("the {} failed: {status}, seed {seed}", build.name()),
            None => bail!("the {} hangs, seed {seed}", build.name()),
        }
    }
    Ok(())
}

/// Runs the table with a bug, which must be found. A crash or a hang also counts.
fn find(build: Build, program: &Path, bug: &Bug, seed: u64) -> Result<()> {
    let seconds = WITHIN.as_secs().to_string();
    let mut command = Command::new(program);
    command.args([&seconds, &seed.to_string(), bug.profile]).env("HOTCACHE_SEEDED", bug.name);
    let start = Instant::now();
    let run = Run::of(command.stderr(Stdio::null()), WITHIN + SLACK)?;
    let took = start.elapsed().as_secs_f64();
    let how = match run.ended {
        Some(status) if status.success() => bail!(
            "the bug {:?} was not found within {seconds} s in the {}, seed {seed}, profile {}:\n{}",
            bug.name,
            build.name(),
            bug.profile,
            run.said
        ),
        Some(status) => match run.said.lines().find_map(|line| line.strip_prefix("found: ")) {
            Some(found) => found.to_owned(),
            None => format!("the process died: {status}"),
        },
        None => "the process hung".to_owned(),
    };
    println!("{took:>6.1} s  {}, bug {:?}: {how}", build.name(), bug.name);
    Ok(())
}

/// The result of a program.
struct Run {
    /// `None` if it had to be killed.
    ended: Option<ExitStatus>,
    said: String,
}

impl Run {
    /// Runs a program, and kills it after `at_most`.
    fn of(command: &mut Command, at_most: Duration) -> Result<Run> {
        /// The interval between two checks whether it has ended.
        const LOOK: Duration = Duration::from_millis(20);

        let mut child = command.stdout(Stdio::piped()).spawn().context("cannot start the program")?;
        let end = Instant::now() + at_most;
        let mut ended = None;
        while Instant::now() < end {
            ended = child.try_wait()?;
            if ended.is_some() {
                break;
            }
            thread::sleep(LOOK);
        }
        if ended.is_none() {
            child.kill()?;
            child.wait()?;
        }
        // It says little: less than a pipe holds.
        let mut said = Vec::new();
        child.stdout.take().context("its output is piped")?.read_to_end(&mut said)?;
        Ok(Run { ended, said: String::from_utf8_lossy(&said).into_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_brief_run_has_bugs_of_the_list() {
        for name in BRIEF {
            assert!(bugs().any(|bug| bug == name), "{name}");
        }
    }

    #[test]
    fn a_program_that_does_not_end_is_killed() {
        let run =
            Run::of(Command::new("sleep").arg("60"), Duration::from_millis(50)).expect("there is a sleep");
        assert!(run.ended.is_none() && run.said.is_empty());
    }

    #[test]
    fn what_a_program_says_is_kept() {
        let run = Run::of(Command::new("echo").arg("found: it"), WITHIN).expect("there is an echo");
        assert!(run.ended.is_some_and(|status| status.success()));
        assert_eq!(run.said, "found: it\n");
    }
}
