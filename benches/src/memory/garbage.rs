//! Memory that a map has retired and not freed, without calls of `reclaim`.
//!
//! Bytes are looked at while no thread works on the cache, where the count is exact.

mod churn;
mod eight_threads;
mod gauge;
mod helper;
mod one_object;
mod short_caches;
mod short_threads;
mod subject;

use anyhow::Result;
use hotcache_bench_plan::{Cache, Garbage, Workload};
use hotcache_report::Moment;

use crate::peers::Entry;
use subject::Tested;

/// The length of every key.
const KEY_LEN: usize = 8;

/// Does a workload on a row's map, and returns the garbage at its moments.
///
/// The numbers mean something only if nothing else in this process allocates meanwhile.
///
/// # Errors
///
/// If the cache does not hold what it should.
pub fn measure(sizes: &Garbage, entry: &Entry, cache: Cache, workload: Workload) -> Result<Vec<Moment>> {
    let tested = Tested::new(entry, cache, workload, sizes)?;
    match workload {
        Workload::OneObject => one_object::measure(&tested),
        Workload::EightThreads => eight_threads::measure(&tested),
        Workload::ShortThreads => short_threads::measure(&tested),
        Workload::ShortCaches => short_caches::measure(&tested),
        Workload::Churn => churn::measure(&tested),
    }
}
