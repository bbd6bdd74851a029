//! Runs other programs: prints the command, and names it in errors.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    let mut xtask = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    xtask.pop();
    xtask
}

/// Returns a cargo command in the root of the workspace, with the toolchain of this process.
pub(crate) fn cargo<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(args: I) -> Command {
    let mut command = Command::new("cargo");
    command.args(args).current_dir(root());
    command
}

/// Runs a command with its output passed through, and fails unless it succeeds.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let shown = show(command);
    println!("$ {shown}");
    let status = command.status().with_context(|| format!("cannot start `{shown}`"))?;
    if !status.success() {
        bail!("`{shown}` failed: {status}");
    }
    Ok(())
}

/// Lets a release build of cargo link without optimisation, with the number of codegen units that suits that.
pub(crate) fn without_lto(command: &mut Command) {
    command.env("CARGO_PROFILE_RELEASE_LTO", "off").env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
}

/// Runs a command and returns what it printed, whether or not it succeeded.
pub(crate) fn capture(command: &mut Command) -> Result<Output> {
    let shown = show(command);
    command.stdin(Stdio::null()).output().with_context(|| format!("cannot start `{shown}`"))
}

/// Whether a program can be started and succeeds with these arguments.
pub(crate) fn works(program: &str, args: &[&str]) -> bool {
    capture(Command::new(program).args(args)).is_ok_and(|output| output.status.success())
}

/// Formats a command for a shell: the variables that were set, the program, its arguments.
fn show(command: &Command) -> String {
    let set = command.get_envs().filter_map(|(name, value)| {
        Some(format!("{}='{}'", name.to_string_lossy(), value?.to_string_lossy()))
    });
    let called = std::iter::once(command.get_program()).chain(command.get_args());
    set.chain(called.map(|word| word.to_string_lossy().into_owned())).collect::<Vec<_>>().join(" ")
}

/// Named steps, with their times, and a summary at the end.
pub(crate) struct Steps {
    done: Vec<(String, Duration)>,
}

impl Steps {
    pub(crate) fn new() -> Self {
        Self { done: Vec::new() }
    }

    /// Runs one step; a failure carries its name.
    pub(crate) fn step(&mut self, name: &str, run: impl FnOnce() -> Result<()>) -> Result<()> {
        println!("\n== {name}");
        let start = Instant::now();
        run().with_context(|| format!("step {name:?} failed"))?;
        self.done.push((name.to_owned(), start.elapsed()));
        Ok(())
    }

    /// Prints every step with the time it took.
    pub(crate) fn finish(self) {
        println!();
        for (name, took) in &self.done {
            println!("{:>6.1} s  {name}", took.as_secs_f64());
        }
        let total: Duration = self.done.iter().map(|(_, took)| *took).sum();
        println!("{:>6.1} s  all {} steps passed", total.as_secs_f64(), self.done.len());
    }
}
