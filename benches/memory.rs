//! Bytes per key: `cargo xtask bench --memory`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use hotcache_bench::{cli, memory, peers};
use hotcache_bench_plan::Task;

fn main() -> anyhow::Result<ExitCode> {
    let (_, task) = cli::task();
    let Task::Memory(plan) = task else { anyhow::bail!("this benchmark measures memory only: --memory") };
    if memory::as_child(&plan, peers::ENTRIES)? {
        return Ok(ExitCode::SUCCESS);
    }
    let mut console = cli::console(&cli::directory()?)?;
    let measured = memory::run(&plan, &mut console);
    cli::finish(&mut console, measured)
}
