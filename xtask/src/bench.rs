//! `cargo xtask bench`: checks the flags, builds the benchmark, and runs it with the same flags.

use std::env;
use std::path::PathBuf;
use std::process::{self, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, bail};
use hotcache_bench_plan::{Flags, MAX_KEY_VARIABLE, saved_runs};
use serde_json::Value;

use crate::gate;
use crate::redis;
use crate::say::tell;
use crate::sh::cargo;

pub(crate) fn run(flags: &Flags) -> Result<ExitCode> {
    let max_key = env::var_os(MAX_KEY_VARIABLE).map(|text| text.to_string_lossy().into_owned());
    let task = flags.task(max_key.as_deref())?;
    flags.baseline(&saved_runs())?;
    let Some(target) = task.target() else {
        let run = if flags.gate { gate::run } else { redis::run };
        return run(flags.quick).map(|()| ExitCode::SUCCESS);
    };
    let benchmark = build(target, &[])?;
    hand_signals_on()?;
    // The words after `cargo xtask bench`.
    let same_flags = env::args_os().skip(2);
    let mut child = Command::new(&benchmark)
        .arg("--bench")
        .args(same_flags)
        .spawn()
        .with_context(|| format!("cannot start {}", benchmark.display()))?;
    MEASURES.store(child.id(), Ordering::Relaxed);
    let status = child.wait().context("cannot wait for the benchmark")?;
    MEASURES.store(NOBODY, Ordering::Relaxed);
    // It has said itself what went wrong.
    match status.code() {
        Some(code) => Ok(u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from)),
        None => bail!("the benchmark failed: {status}"),
    }
}

/// The process that measures.
static MEASURES: AtomicU32 = AtomicU32::new(NOBODY);

/// The placeholder for no process.
const NOBODY: u32 = 0;

/// Ctrl-C also reaches the benchmark, which then saves and shows its results: this process only has to outlive it.
/// Signals to this process alone are forwarded.
fn hand_signals_on() -> Result<()> {
    hand_terminations_on().context("cannot handle SIGTERM")?;
    ctrlc::set_handler(|| {
        if MEASURES.load(Ordering::Relaxed) == NOBODY {
            process::exit(130);
        }
    })
    .context("cannot handle Ctrl-C")
}

#[cfg(unix)]
fn hand_terminations_on() -> std::io::Result<()> {
    use rustix::process::{Pid, Signal, kill_process};
    use signal_hook::consts::SIGTERM;
    use signal_hook::iterator::Signals;

    let mut signals = Signals::new([SIGTERM])?;
    let hand_on = move || {
        for signal in signals.forever() {
            match MEASURES.load(Ordering::Relaxed) {
                NOBODY => process::exit(128 + signal),
                id => {
                    let id = i32::try_from(id).ok().and_then(Pid::from_raw);
                    // It may have ended already.
                    let _ = id.map(|id| kill_process(id, Signal::TERM));
                }
            }
        }
    };
    std::thread::Builder::new().spawn(hand_on).map(drop)
}

/// Other systems have Ctrl-C only.
#[cfg(not(unix))]
fn hand_terminations_on() -> std::io::Result<()> {
    Ok(())
}

/// Builds a benchmark, and returns the program. If cargo ran it, Ctrl-C would kill it.
pub(crate) fn build(target: &str, features: &[&str]) -> Result<PathBuf> {
    tell("building the benchmarks (link-time optimisation takes a minute the first time)");
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

/// Returns the program, if this message of cargo says that it built the target.
fn executable(message: &str, target: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(message).ok()?;
    let is_target = message["target"]["name"] == target && message["target"]["kind"][0] == "bench";
    is_target.then(|| message["executable"].as_str().map(PathBuf::from))?
}
