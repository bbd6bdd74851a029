//! What the benchmark targets share: the same flags as `cargo xtask bench`, results that outlive Ctrl-C.

use std::env;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{self, ExitCode};
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result};
use clap::Parser;
use hotcache_bench_plan::{Cache, Flags, MAX_KEY_VARIABLE, Results, Task, summary};

use crate::console::Console;
use crate::machine;
use crate::matrix::{Shared, lock};

/// What a shell expects of a program that Ctrl-C ended.
const INTERRUPTED: i32 = 130;

#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench")]
struct Cli {
    #[command(flatten)]
    flags: Flags,

    /// What cargo says to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

/// The flags of this process and the task they ask for; whatever is wrong with them ends the process, and is told.
#[must_use]
pub fn task() -> (Flags, Task) {
    let Cli { flags, bench } = Cli::parse();
    if !bench {
        // `cargo test --benches` runs benchmarks like this: there is nothing to test in one.
        println!("run this with cargo bench, or cargo xtask bench");
        process::exit(0);
    }
    let max_key = env::var_os(MAX_KEY_VARIABLE).map(|text| text.to_string_lossy().into_owned());
    match flags.task(max_key.as_deref()) {
        Ok(task) => (flags, task),
        Err(refusal) => {
            eprintln!("error: {refusal}");
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

/// Results to be, which Ctrl-C will show and write as far as they are.
///
/// # Errors
///
/// If Ctrl-C cannot be handled.
pub fn results(console: &Console, json: Option<&Path>) -> Result<Shared> {
    let results = Arc::new(Mutex::new(Results { machine: machine::describe(), ..Results::default() }));
    let (shared, mut console, json) = (Arc::clone(&results), console.try_clone()?, json.map(Path::to_owned));
    ctrlc::set_handler(move || {
        let told = console
            .line("\ninterrupted; this is what was measured:")
            .map_err(Into::into)
            .and_then(|()| conclude(&lock(&shared), &mut console, json.as_deref()));
        // The process ends either way; a broken output is no reason to stay.
        drop(told);
        process::exit(INTERRUPTED);
    })
    .context("cannot handle Ctrl-C")?;
    Ok(results)
}

/// Shows the tables, and writes the file if one is wanted.
///
/// # Errors
///
/// If either cannot be written.
pub fn conclude(results: &Results, console: &mut Console, json: Option<&Path>) -> Result<()> {
    for cache in Cache::ALL {
        let table = summary(results, cache);
        if !table.is_empty() {
            console.line("")?;
            console.line(table.trim_end())?;
        }
    }
    console.line("")?;
    console.line(&describe(results))?;
    if let Some(file) = json {
        results.write(file).with_context(|| format!("cannot write {}", file.display()))?;
        console.line(&format!("results are in {}", file.display()))?;
    }
    Ok(())
}

fn describe(results: &Results) -> String {
    let machine = &results.machine;
    format!(
        "{}, {} cores, {:.0} GiB, {}; {}; allocator: {}; hasher: {}; commit {}",
        machine.cpu,
        machine.cores,
        machine.memory_bytes as f64 / f64::from(1 << 30),
        machine.os,
        machine.rustc,
        machine.allocator,
        machine.hasher,
        if machine.commit.is_empty() { "unknown" } else { &machine.commit },
    )
}

/// Tells the console what went wrong, if anything, and ends the process accordingly.
///
/// # Errors
///
/// If the console cannot be told.
pub fn finish(console: &mut Console, done: Result<()>) -> Result<ExitCode> {
    console.clear()?;
    match done {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) => {
            console.line(&format!("error: {error:#}"))?;
            Ok(ExitCode::FAILURE)
        }
    }
}

/// The console of a benchmark target; criterion's own words go to a log beside its files.
///
/// # Errors
///
/// If the log cannot be written.
pub fn console(directory: &Path) -> io::Result<Console> {
    Console::take(&directory.join("criterion.log"))
}
