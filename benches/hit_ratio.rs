//! The hit ratios of bounded caches: `cargo xtask bench --hit-ratio`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use hotcache_bench::session::Session;
use hotcache_bench::{cli, hit_ratio};
use hotcache_bench_plan::Task;

fn main() -> anyhow::Result<ExitCode> {
    let (flags, task) = cli::task();
    let Task::HitRatio(plan) = task else { anyhow::bail!("this benchmark counts hits only: --hit-ratio") };
    Session::run(&flags, |console, document| hit_ratio::run(&plan, console, document))
}
