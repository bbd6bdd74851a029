//! Code that the benchmark targets share: the flags of `cargo xtask bench`, and the exit status.

use std::env;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{self, ExitCode};

use anyhow::{Context, Result};
use clap::Parser;
use hotcache_bench_plan::{Flags, MAX_KEY_VARIABLE, Task};

use crate::console::Console;

#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench")]
struct Cli {
    #[command(flatten)]
    flags: Flags,

    /// A flag that cargo passes to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

/// Returns the flags of this process and their task. If the flags are invalid, prints the error and exits.
#[must_use]
pub fn task() -> (Flags, Task) {
    if !env::args_os().any(|argument| argument == "--bench") {
        // `cargo test` runs benchmarks like this, maybe with words of its own: there is nothing to test in one.
        // Whether anybody reads it makes no difference.
        let _ = writeln!(io::stdout(), "run this with cargo bench, or cargo xtask bench");
        process::exit(0);
    }
    let Cli { flags, bench } = Cli::parse();
    debug_assert!(bench, "it is among the arguments");
    let max_key = env::var_os(MAX_KEY_VARIABLE).map(|text| text.to_string_lossy().into_owned());
    match flags.task(max_key.as_deref()) {
        Ok(task) => (flags, task),
        Err(refusal) => {
            let _ = writeln!(io::stderr(), "error: {refusal}");
            process::exit(2);
        }
    }
}

/// A directory for what benchmarks leave behind, in cargo's target directory.
///
/// # Errors
///
/// If it cannot be made.
pub fn directory() -> Result<PathBuf> {
    // target/release/deps/matrix-0123456789abcdef
    let program = env::current_exe().context("the path of this program")?;
    let target = program.ancestors().nth(3).unwrap_or(Path::new("."));
    let directory = target.join("hotcache-bench");
    std::fs::create_dir_all(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
    Ok(directory)
}

/// Tells what went wrong, if anything, and how the process shall end.
#[must_use]
pub fn finish(console: &mut Console, done: Result<()>) -> ExitCode {
    console.clear();
    let lost = console.lost().map(|error| format!("standard output: {error}"));
    match (done, lost) {
        (Ok(()), None) => return ExitCode::SUCCESS,
        (Ok(()), Some(lost)) => console.error(&format!("{lost}; what was measured is kept all the same")),
        // The failure may have had this very cause.
        (Err(error), Some(lost)) if error.is::<io::Error>() => console.error(&lost),
        (Err(error), _) => console.error(&format!("{error:#}")),
    }
    ExitCode::FAILURE
}

/// The console of a benchmark target; criterion's own words go to a log beside its files.
///
/// # Errors
///
/// If the log cannot be written.
pub fn console(directory: &Path) -> io::Result<Console> {
    Console::take(&directory.join("criterion.log"))
}
