//! Throughput of caches that evict: `cargo xtask bench --bounded`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use hotcache_bench::session::Session;
use hotcache_bench::{bounded, cli};
use hotcache_bench_plan::Task;

fn main() -> anyhow::Result<ExitCode> {
    let (flags, task) = cli::task();
    let Task::Bounded(plan) = task else {
        anyhow::bail!("this benchmark measures bounded caches only: --bounded")
    };
    let criterion = cli::directory()?.join("criterion");
    Session::run(&flags, |console, document| {
        bounded::run(&plan, bounded::ENTRIES, &criterion, console, document)
    })
}
