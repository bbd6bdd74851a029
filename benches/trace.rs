//! Recorded requests, replayed: `cargo xtask bench --trace FILE`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use hotcache_bench::{cli, peers, trace};
use hotcache_bench_plan::Task;

fn main() -> anyhow::Result<ExitCode> {
    let (_, task) = cli::task();
    let Task::Trace(plan) = task else { anyhow::bail!("say which trace: --trace FILE") };
    let mut console = cli::console(&cli::directory()?)?;
    let replayed = trace::run(&plan, peers::ENTRIES, &mut console);
    cli::finish(&mut console, replayed)
}
