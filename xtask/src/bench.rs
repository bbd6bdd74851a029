//! `cargo xtask bench`: refuses what cannot be measured, builds the benchmark, and hands it the same flags.

use std::env;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use hotcache_bench_plan::{Flags, MAX_KEY_VARIABLE, saved_runs};
use serde_json::Value;

use crate::sh::cargo;

pub(crate) fn run(flags: &Flags) -> Result<()> {
    let max_key = env::var_os(MAX_KEY_VARIABLE).map(|text| text.to_string_lossy().into_owned());
    let task = flags.task(max_key.as_deref())?;
    flags.output.baseline(&saved_runs())?;
    let benchmark = build(task.target(), &[])?;
    // Ctrl-C reaches the benchmark too, which then shows what it has. This process only has to outlive it.
    ctrlc::set_handler(|| {}).context("cannot handle Ctrl-C")?;
    // The words after `cargo xtask bench`.
    let same_flags = env::args_os().skip(2);
    let status = Command::new(&benchmark)
        .arg("--bench")
        .args(same_flags)
        .status()
        .with_context(|| format!("cannot start {}", benchmark.display()))?;
    if !status.success() {
        bail!("the benchmark failed: {status}");
    }
    Ok(())
}

/// Builds a benchmark, and returns the program: run by cargo, it would be cut off by Ctrl-C.
pub(crate) fn build(target: &str, features: &[&str]) -> Result<PathBuf> {
    eprintln!("building the benchmarks (link-time optimisation takes a minute the first time)");
    let output = cargo(["bench", "--package", "hotcache-bench", "--bench", target])
        .args(["--features", &features.join(",")])
        .args(["--no-run", "--message-format=json-render-diagnostics"])
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start cargo")?;
    if !output.status.success() {
        bail!("the benchmark `{target}` does not build");
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    let program = messages.lines().find_map(|line| executable(line, target));
    program.with_context(|| format!("cargo built no program for the benchmark `{target}`"))
}

/// The program, if this message of cargo's says that it built the target.
fn executable(message: &str, target: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(message).ok()?;
    let is_target = message["target"]["name"] == target && message["target"]["kind"][0] == "bench";
    is_target.then(|| message["executable"].as_str().map(PathBuf::from))?
}
