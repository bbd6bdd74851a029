//! The matrix of operations: `cargo bench`, or `cargo xtask bench`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use hotcache_bench::session::Session;
use hotcache_bench::{cli, matrix, peers};
use hotcache_bench_plan::Task;

fn main() -> anyhow::Result<ExitCode> {
    let (flags, task) = cli::task();
    let Task::Matrix(plan) = task else { anyhow::bail!("this benchmark measures the matrix only") };
    let directory = cli::directory()?;
    let mut console = cli::console(&directory)?;
    let session = Session::begin(flags.json.as_deref());
    session.handle_ctrl_c(&console)?;
    let criterion = directory.join("criterion");
    let measured = matrix::run(&plan, peers::ENTRIES, &criterion, &mut console, session.document());
    console.clear()?;
    session.conclude(&mut console)?;
    cli::finish(&mut console, measured)
}
