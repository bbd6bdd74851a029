//! `cargo xtask fuzz`: libFuzzer on the targets in `fuzz/`, one after the other.
//!
//! Inputs that it finds are collected in `target/fuzz-corpus`, where the next run starts. The few that every test run
//! replays are in `crates/cache-fuzz/corpus`.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::flags::Fuzz;
use crate::install;
use crate::sh::{self, Steps, cargo, root};

/// The targets: functions of `cache-fuzz`, and files in `fuzz/targets`.
const TARGETS: [&str; 3] = ["int", "obj", "histories"];

/// The longest input. Each of its bytes is about half an operation.
const LONGEST: usize = 1200;

/// The number of seconds after which an input counts as a hang. Equal hashes are slow, and so is AddressSanitizer.
const HANGS: usize = 120;

pub(crate) fn run(flags: &Fuzz) -> Result<()> {
    if !flags.minutes.is_finite() || flags.minutes <= 0.0 {
        bail!("invalid --minutes {}: must be above 0", flags.minutes);
    }
    install::ensure(install::FUZZ, flags.install)?;
    let targets: Vec<_> = TARGETS
        .into_iter()
        .filter(|target| flags.target.as_deref().is_none_or(|only| only == *target))
        .collect();
    if targets.is_empty() {
        let named = flags.target.as_deref().unwrap_or_default();
        bail!("there is no target `{named}`; there are {}", TARGETS.join(", "));
    }
    let seconds = (flags.minutes * 60.0 / targets.len() as f64).ceil();
    let mut steps = Steps::new();
    for target in targets {
        steps.step(&format!("fuzz {target}"), || {
            let found = root().join("target/fuzz-corpus").join(target);
            fs::create_dir_all(&found).with_context(|| format!("cannot make {}", found.display()))?;
            let mut fuzz = Command::new("cargo");
            fuzz.current_dir(root()).args(["+nightly", "fuzz", "run", "--fuzz-dir", "fuzz"]);
            fuzz.args(["--target-dir", "target/fuzz", target]).arg(&found);
            fuzz.arg(root().join("crates/cache-fuzz/corpus").join(target));
            fuzz.args(["--", &format!("-max_total_time={seconds}"), &format!("-max_len={LONGEST}")]);
            // Long inputs from the start, as a table grows late. Looking for leaks after each input would take longer than
            // the input; the soak and the sanitizers look for them.
            fuzz.args([
                &format!("-timeout={HANGS}"),
                "-len_control=0",
                "-detect_leaks=0",
                "-print_final_stats=1",
            ]);
            sh::run(&mut fuzz)
        })?;
    }
    steps.finish();
    Ok(())
}

/// Lints the targets, which no other step builds. This needs no libFuzzer, so it uses the stable compiler.
pub(crate) fn lint() -> Result<()> {
    let mut clippy = cargo(["clippy", "--quiet", "--manifest-path", "fuzz/Cargo.toml"]);
    clippy.args(["--no-default-features", "--", "-D", "warnings"]);
    sh::run(clippy.env("CARGO_TARGET_DIR", root().join("target/fuzz-lint")))
}
