//! The matrix of operations: `cargo bench`, or `cargo xtask bench`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use hotcache_bench::session::Session;
use hotcache_bench::{cli, matrix, peers};
use hotcache_bench_plan::Task;

fn main() -> anyhow::Result<ExitCode> {
    let (flags, task) = cli::task();
    let Task::Matrix(plan) = task else { anyhow::bail!("this benchmark measures the matrix only") };
    let criterion = cli::directory()?.join("criterion");
    Session::run(&flags, |console, document| {
        matrix::run(&plan, peers::ENTRIES, &criterion, console, document)
    })
}
