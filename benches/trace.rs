//! Recorded requests, replayed: `cargo xtask bench --trace FILE`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use hotcache_bench::session::Session;
use hotcache_bench::{cli, peers, trace};
use hotcache_bench_plan::Task;

fn main() -> anyhow::Result<ExitCode> {
    let (flags, task) = cli::task();
    let Task::Trace(plan) = task else { anyhow::bail!("--trace FILE is required") };
    Session::run(&flags, |console, document| trace::run(&plan, peers::ENTRIES, console, document))
}
