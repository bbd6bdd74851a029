//! Recorded requests, replayed: `cargo xtask bench --trace FILE`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use hotcache_bench::session::Session;
use hotcache_bench::{cli, peers, trace};
use hotcache_bench_plan::Task;

fn main() -> anyhow::Result<ExitCode> {
    let (flags, task) = cli::task();
    let Task::Trace(plan) = task else { anyhow::bail!("say which trace: --trace FILE") };
    let mut console = cli::console(&cli::directory()?)?;
    let session = Session::begin(flags.json.as_deref());
    session.handle_ctrl_c(&console)?;
    let replayed = trace::run(&plan, peers::ENTRIES, &mut console, session.document());
    session.conclude(&mut console)?;
    cli::finish(&mut console, replayed)
}
