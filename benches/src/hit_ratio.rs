//! Which share of requests hit, in every policy of ours and in the caches that are its peers.
//!
//! Each request is a look-up, and an insert if it misses. All entries weigh 1. Caches that decide in the background are made
//! to do so after each insert, as they offer; they are asked by one thread. So the figures are of policies, and the
//! same in every run, but for caches that are random in themselves.

mod caches;
mod workload;

use std::env;
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Result;
use clap::Parser;

use self::caches::{CACHES, lru};
use self::workload::Workload;

#[derive(Debug, Parser)]
#[command(name = "hit_ratio", about = "Hit ratios of bounded caches, in per cent of requests")]
struct Flags {
    /// Traces to replay, .lis or Twitter's format, plain or packed; without any, requests that are made up.
    #[arg(long, value_name = "FILE")]
    trace: Vec<PathBuf>,
    /// How many entries the caches hold.
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..))]
    capacity: Vec<u32>,
    /// What cargo says to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

/// Prints a row for each workload and capacity, a column for each cache.
///
/// # Errors
///
/// If a trace is malformed, or nobody reads what is printed.
pub fn main() -> Result<()> {
    if !env::args_os().any(|argument| argument == "--bench") {
        // As `cargo test` runs it: there is nothing to test.
        return Ok(());
    }
    let flags = Flags::parse();
    let workloads = if flags.trace.is_empty() {
        workload::made_up()
    } else {
        flags.trace.iter().map(|file| Workload::read(file)).collect::<Result<_>>()?
    };
    let mut out = std::io::stdout().lock();
    for cite in workloads.iter().filter_map(|workload| workload.cite).take(1) {
        writeln!(out, "{cite}")?;
    }
    write!(out, "{:<12}{:>10}{:>12}", "workload", "capacity", "lru")?;
    CACHES.iter().try_for_each(|(name, _)| write!(out, "{name:>12}"))?;
    writeln!(out)?;
    for workload in &workloads {
        let asked = if flags.capacity.is_empty() { &workload.capacities } else { &flags.capacity };
        for &capacity in asked {
            let capacity = capacity as usize;
            let percent = |hits: usize| hits as f64 * 100.0 / workload.keys.len().max(1) as f64;
            let hits = lru(&workload.keys, capacity);
            write!(out, "{:<12}{capacity:>10}{:>12.2}", workload.name, percent(hits))?;
            for (_, build) in CACHES {
                let mut request = build(capacity);
                let hits = workload.keys.iter().filter(|&&key| request(key)).count();
                write!(out, "{:>12.2}", percent(hits))?;
                out.flush()?;
            }
            writeln!(out)?;
        }
    }
    Ok(())
}
