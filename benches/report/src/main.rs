//! `report`: pages from saved runs of the benchmarks.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Parser;
use hotcache_report::{Report, Run};

/// Makes pages from saved runs of the benchmarks.
///
/// Runs of one machine, commit and build make one page together.
#[derive(Debug, Parser)]
#[command(name = "report")]
struct Flags {
    /// The saved runs: JSON files that `cargo xtask bench --json` or `--save` wrote.
    #[arg(long, required = true, num_args = 1.., value_name = "FILE")]
    input: Vec<PathBuf>,
    /// The directory that gets index.html, README.md, charts/*.svg and run.json; made if it is not there.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

fn main() -> Result<()> {
    let flags = Flags::parse();
    if flags.out.is_file() {
        bail!("{} is a file; --out names a directory", flags.out.display());
    }
    let runs = flags.input.iter().map(|file| Run::read(file)).collect::<Result<Vec<_>, _>>()?;
    for file in Report::of(runs).write(&flags.out)? {
        println!("{}", file.display());
    }
    Ok(())
}
