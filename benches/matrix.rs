//! The matrix of operations: `cargo bench`, or `cargo xtask bench`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use hotcache_bench::{cli, matrix, peers};
use hotcache_bench_plan::Task;

fn main() -> anyhow::Result<ExitCode> {
    let (flags, task) = cli::task();
    let Task::Matrix(plan) = task else { anyhow::bail!("this benchmark measures the matrix only") };
    let directory = cli::directory()?;
    let mut console = cli::console(&directory)?;
    let results = cli::results(&console, flags.json.as_deref())?;
    let measured = matrix::run(&plan, peers::ENTRIES, &directory.join("criterion"), &mut console, &results);
    console.clear()?;
    cli::conclude(&matrix::lock(&results), &mut console, flags.json.as_deref())?;
    cli::finish(&mut console, measured)
}
