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
    let mut console = cli::console(&cli::directory()?)?;
    let session = Session::begin(flags.json.as_deref());
    session.handle_ctrl_c(&console)?;
    let measured = memory::run(&plan, &mut console, session.document());
    session.conclude(&mut console)?;
    cli::finish(&mut console, measured)
}
