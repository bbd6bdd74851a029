//! Where and how a run is measured.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use hotcache_bench_plan::Machine;

/// This machine, this build, this commit.
#[must_use]
pub fn describe() -> Machine {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    Machine {
        cpu: line_of("/proc/cpuinfo", "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
        cores: thread::available_parallelism().map_or(1, usize::from),
        memory_bytes: memory_bytes().unwrap_or(0),
        os: format!("{} {}", std::env::consts::OS, kernel().unwrap_or_default()).trim().to_owned(),
        rustc: env!("RUSTC_VERSION").to_owned(),
        allocator: "the system's".to_owned(),
        hasher: "foldhash fast, seeded".to_owned(),
        commit: commit().unwrap_or_default(),
        busy_elsewhere: None,
        started: now.map_or(0, |now| now.as_secs()),
    }
}

/// The memory of this machine, if the system tells.
#[must_use]
pub fn memory_bytes() -> Option<u64> {
    let kilobytes = line_of("/proc/meminfo", "MemTotal")?;
    let kilobytes: u64 = kilobytes.split(' ').next()?.parse().ok()?;
    Some(kilobytes * 1024)
}

/// The resident memory of this process, if the system tells.
#[must_use]
pub fn resident_bytes() -> Option<u64> {
    let kilobytes = line_of("/proc/self/status", "VmRSS")?;
    let kilobytes: u64 = kilobytes.split(' ').next()?.parse().ok()?;
    Some(kilobytes * 1024)
}

fn kernel() -> Option<String> {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").ok()?;
    Some(release.trim().to_owned())
}

/// The text behind `name:` in a file of such lines.
fn line_of(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    let (_, value) = line.split_once(':')?;
    Some(value.trim().to_owned())
}

fn commit() -> Option<String> {
    let git = Command::new("git")
        .args([
            "-C",
            env!("CARGO_MANIFEST_DIR"),
            "describe",
            "--always",
            "--dirty",
            "--abbrev=12",
            "--exclude=*",
        ])
        .output()
        .ok()?;
    git.status.success().then(|| String::from_utf8_lossy(&git.stdout).trim().to_owned())
}
