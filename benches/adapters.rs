//! Each backend beside its map used by hand: `cargo xtask bench --adapters`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use hotcache_bench::{adapters, cli, peers};
use hotcache_bench_plan::Task;

fn main() -> anyhow::Result<ExitCode> {
    let (_, task) = cli::task();
    let Task::Adapters(plan) = task else {
        anyhow::bail!("this benchmark measures adapters only: --adapters")
    };
    let mut console = cli::console(&cli::directory()?)?;
    let measured = adapters::run(&plan, peers::ENTRIES, &mut console);
    Ok(cli::finish(&mut console, measured))
}
