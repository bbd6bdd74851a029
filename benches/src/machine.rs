//! Where and how a run is measured, and what memory there is.

use std::fs;
use std::path::Path;

use hotcache_report::Machine;

/// This machine, this build, this commit.
#[must_use]
pub fn describe() -> Machine {
    let tree = Path::new(env!("CARGO_MANIFEST_DIR"));
    let here = Machine::here("the system's, counted", "foldhash fast, seeded", env!("BENCH_FLAGS"));
    Machine { compiler: env!("BENCH_COMPILER").to_owned(), ..here.of_tree(tree) }
}

/// The memory of this machine, if the system tells.
#[must_use]
pub fn memory_bytes() -> Option<u64> {
    kilobytes("/proc/meminfo", "MemTotal")
}

/// The resident memory of this process, if the system tells.
#[must_use]
pub fn resident_bytes() -> Option<u64> {
    kilobytes("/proc/self/status", "VmRSS")
}

/// The bytes that stand as kilobytes behind `name:` in a file of such lines.
fn kilobytes(file: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    let (_, value) = line.split_once(':')?;
    let kilobytes: u64 = value.trim().split(' ').next()?.parse().ok()?;
    Some(kilobytes * 1024)
}
