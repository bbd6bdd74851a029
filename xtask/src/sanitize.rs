//! `cargo xtask sanitize`: the conformance suite under AddressSanitizer and ThreadSanitizer.
//!
//! The sanitizers come with a nightly compiler. The standard library is not instrumented, so ThreadSanitizer does
//! not see what `thread::join` and `Arc` order; those reports are suppressed by name in `tsan.supp`, each with its
//! reason. A planted race, run with the same suppressions, must still be reported, or the run says nothing.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::backends::BACKENDS;
use crate::install;
use crate::sh::{self, Steps};

/// How much of each test's full size is run: instrumented code is slower by this order.
const SCALE_PERCENT: &str = "20";

/// What ThreadSanitizer ends a program with when it reported anything.
const RACE_REPORTED: i32 = 66;

pub(crate) fn run(install: bool) -> Result<()> {
    install::ensure(install::SANITIZE, install)?;
    let host = host()?;
    let mut steps = Steps::new();
    for backend in BACKENDS {
        steps.step(&format!("AddressSanitizer, {}", backend.feature), || {
            let mut test =
                nightly("address", &host, &["test", "-p", &backend.package(), "--test", "conformance"]);
            sh::run(test.env("ASAN_OPTIONS", "detect_leaks=0"))
        })?;
    }
    steps.step("ThreadSanitizer reports a planted race", || planted_race(&host))?;
    for backend in BACKENDS.iter().filter(|backend| backend.thread_sanitizer) {
        steps.step(&format!("ThreadSanitizer, {}, integers", backend.feature), || {
            let package = backend.package();
            let mut test =
                nightly("thread", &host, &["test", "-p", &package, "--test", "conformance", "int::"]);
            sh::run(test.env("TSAN_OPTIONS", thread_options()))
        })?;
    }
    steps.finish();
    Ok(())
}

/// Runs the example that races on purpose, and fails unless the race is reported.
fn planted_race(host: &str) -> Result<()> {
    let mut race = nightly("thread", host, &["run", "-p", "cache-testkit", "--example", "planted-race"]);
    let output = sh::capture(race.env("TSAN_OPTIONS", thread_options()))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.code() != Some(RACE_REPORTED) || !said.contains("WARNING: ThreadSanitizer: data race") {
        bail!(
            "the planted race was not reported ({}), so a clean run would prove nothing:\n{said}",
            output.status
        );
    }
    println!("reported, as it must be");
    Ok(())
}

fn thread_options() -> String {
    let suppressions = sh::root().join("xtask/tsan.supp");
    format!("exitcode={RACE_REPORTED} suppressions={}", suppressions.display())
}

/// A cargo command of the nightly toolchain with one sanitizer, in a target directory of its own.
fn nightly(sanitizer: &str, host: &str, args: &[&str]) -> Command {
    let (subcommand, rest) = args.split_first().expect("callers name a subcommand");
    let mut command = Command::new("cargo");
    command.current_dir(sh::root()).args(["+nightly", subcommand, "--target", host]).args(rest);
    // The target directory has to differ, as the flags are the same for cargo's eyes only.
    command.env("CARGO_TARGET_DIR", sh::root().join("target/sanitize").join(sanitizer));
    // std is not instrumented: the compiler is told that the mixture is meant.
    command.env("RUSTFLAGS", format!("-Zsanitizer={sanitizer} -Cunsafe-allow-abi-mismatch=sanitizer"));
    command.env("HOTCACHE_TEST_SCALE", SCALE_PERCENT);
    command
}

/// The triple of this machine; with an explicit target, build scripts stay free of the sanitizer.
fn host() -> Result<String> {
    let output = sh::capture(Command::new("rustc").args(["+nightly", "-vV"]))?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let host = printed.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("`rustc +nightly -vV` names no host")
}
