//! Bytes per key: `cargo xtask bench --memory`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use hotcache_bench::session::Session;
use hotcache_bench::{cli, memory, peers};
use hotcache_bench_plan::Task;

fn main() -> anyhow::Result<ExitCode> {
    let (flags, task) = cli::task();
    let Task::Memory(plan) = task else { anyhow::bail!("this benchmark measures memory only: --memory") };
    if memory::as_child(&plan, peers::ENTRIES)? {
        return Ok(ExitCode::SUCCESS);
    }
    Session::run(&flags, |console, document| memory::run(&plan, console, document))
}
