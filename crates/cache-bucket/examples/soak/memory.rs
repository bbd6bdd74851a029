//! The leak check, which counts bytes before and after.

use std::fs;

use cache_bucket::BucketBackend;
use cache_core::Backend;
use hotcache_bench_alloc::live_bytes;

/// The bytes that may stay: output buffers, and the domain's records of a few more threads. A leaked table is far
/// larger.
const SLACK: i64 = 64 << 10;

/// Runs `part` after `warm_up`, and fails if it leaves memory allocated.
pub(crate) fn unchanged(name: &str, warm_up: impl FnOnce(), part: impl FnOnce()) {
    warm_up();
    BucketBackend::reclaim();
    let (before, resident_before) = (live_bytes(), resident());
    part();
    BucketBackend::reclaim();
    let (after, resident_after) = (live_bytes(), resident());
    println!(
        "{name}: {before} bytes allocated before, {after} after; resident {} KiB before, {} after",
        resident_before / 1024,
        resident_after / 1024
    );
    assert!(after - before <= SLACK, "{name}: {} bytes were left allocated", after - before);
}

/// The resident memory of this process in bytes; 0 where the system does not tell.
fn resident() -> u64 {
    let line = fs::read_to_string("/proc/self/status")
        .ok()
        .and_then(|status| status.lines().find_map(|line| line.strip_prefix("VmRSS:").map(str::to_owned)));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).map_or(0, |kib| kib * 1024)
}
