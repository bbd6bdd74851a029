//! Latencies at a fixed rate of arrivals: `cargo xtask bench --latency`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use hotcache_bench::session::Session;
use hotcache_bench::{cli, latency, peers};
use hotcache_bench_plan::Task;

fn main() -> anyhow::Result<ExitCode> {
    let (flags, task) = cli::task();
    let Task::Latency(plan) = task else {
        anyhow::bail!("this benchmark measures latencies only: --latency")
    };
    if latency::as_child(&plan, peers::ENTRIES)? {
        return Ok(ExitCode::SUCCESS);
    }
    Session::run(&flags, |console, document| latency::run(&plan, console, document))
}
