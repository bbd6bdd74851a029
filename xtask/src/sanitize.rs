//! `cargo xtask sanitize`: the conformance suite under AddressSanitizer and ThreadSanitizer.
//!
//! The sanitizers need a nightly compiler. The standard library is not instrumented, so ThreadSanitizer does not see
//! the synchronisation of `thread::join` and `Arc`. Such false reports are suppressed by name in `tsan.supp`, each
//! with its reason. A planted race must still be reported with the same suppressions.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::backends::BACKENDS;
use crate::install;
use crate::sh::{self, Steps};

/// The share of each test's full size that runs, in per cent, because instrumented code is slow.
const SCALE_PERCENT: &str = "20";

/// The exit status of a program for which ThreadSanitizer reported anything.
const RACE_REPORTED: i32 = 66;

/// Bugs of the bucket table that `src/seeded.rs` can plant, with the stress test that finds each: an entry that is
/// published by a relaxed store, and objects that are freed while they are in use.
const SEEDED: [(&str, &str); 2] =
    [("lane", "no_add_is_lost_while_the_table_grows"), ("no-grace", "long_keys_come_and_go")];

pub(crate) fn run(install: bool) -> Result<()> {
    install::ensure(install::SANITIZE, install)?;
    let host = host()?;
    let mut steps = Steps::new();
    for backend in BACKENDS {
        steps.step(&format!("AddressSanitizer, {}", backend.feature), || {
            let package = backend.package();
            // The maps of others keep what they like until the process ends.
            let (tests, options): (&[&str], _) = if backend.ours {
                (&["--lib", "--tests"], "detect_leaks=1")
            } else {
                (&["--test", "conformance"], "detect_leaks=0")
            };
            let mut test = nightly("address", &host, &[&["test", "-p", &package], tests].concat());
            sh::run(test.env("ASAN_OPTIONS", options))
        })?;
    }
    // The layer's own memory, over the maps that leave nothing, and then over those that do.
    let (ours, others): (Vec<_>, Vec<_>) = BACKENDS.iter().partition(|backend| backend.ours);
    for (backends, options) in [(ours, "detect_leaks=1"), (others, "detect_leaks=0")] {
        let names: Vec<_> = backends.iter().map(|backend| format!("{}::", backend.feature)).collect();
        steps.step(&format!("AddressSanitizer, the policy layer over {}", names.join(" ")), || {
            let names = names.iter().map(String::as_str);
            let args: Vec<_> = ["test", "-p", "cache-policy", "--test", "conformance", "--"]
                .into_iter()
                .chain(names)
                .collect();
            sh::run(nightly("address", &host, &args).env("ASAN_OPTIONS", options))
        })?;
    }
    steps.step("ThreadSanitizer reports a planted race", || {
        must_report(nightly("thread", &host, &["run", "-p", "cache-testkit", "--example", "planted-race"]))
    })?;
    for (bug, test) in SEEDED {
        steps.step(&format!("ThreadSanitizer reports `{bug}`, planted in the bucket table"), || {
            let args = ["test", "-p", "cache-bucket", "--test", "stress", test];
            let mut stress = nightly("thread", &host, &args);
            stress.env("HOTCACHE_SEEDED", bug);
            must_report(stress)
        })?;
    }
    for backend in BACKENDS.iter().filter(|backend| backend.thread_sanitizer) {
        steps.step(&format!("ThreadSanitizer, {}, integers", backend.feature), || {
            let package = backend.package();
            let mut test =
                nightly("thread", &host, &["test", "-p", &package, "--test", "conformance", "int::"]);
            sh::run(test.env("TSAN_OPTIONS", thread_options()))
        })?;
    }
    for backend in BACKENDS.iter().filter(|backend| backend.ours) {
        steps.step(&format!("ThreadSanitizer, {}, stress", backend.feature), || {
            let package = backend.package();
            let mut test = nightly("thread", &host, &["test", "-p", &package, "--lib", "--test", "stress"]);
            // An `Arc` orders its drop by a fence.
            test.args(["--", "--skip", "objects_are_dropped"]);
            sh::run(test.env("TSAN_OPTIONS", thread_options()))
        })?;
    }
    steps.finish();
    Ok(())
}

/// Runs a test with a planted race, and fails unless the race is reported.
fn must_report(mut race: Command) -> Result<()> {
    let output = sh::capture(race.env("TSAN_OPTIONS", thread_options()))?;
    let said = String::from_utf8_lossy(&output.stderr);
    // Cargo has a status of its own when a test fails.
    let reported = said.contains("WARNING: ThreadSanitizer: ") && !said.contains("error: could not compile");
    if output.status.success() || !reported {
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
    // std is not instrumented: this flag allows the mixture.
    let mut flags = format!("-Zsanitizer={sanitizer} -Cunsafe-allow-abi-mismatch=sanitizer");
    if sanitizer == "thread" {
        // In place of fences and plain stores, what it can follow.
        flags += " --cfg tsan";
    }
    command.env("RUSTFLAGS", flags);
    command.env("HOTCACHE_TEST_SCALE", SCALE_PERCENT);
    command
}

/// Returns the target triple of this machine. With an explicit target, build scripts are not instrumented.
fn host() -> Result<String> {
    let output = sh::capture(Command::new("rustc").args(["+nightly", "-vV"]))?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let host = printed.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("`rustc +nightly -vV` names no host")
}
