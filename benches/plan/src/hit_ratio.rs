use std::path::PathBuf;

use crate::Capacity;

/// The share of requests that hit, in every policy of ours and in the caches that are its peers.
#[derive(Clone, Debug, PartialEq)]
pub struct HitRatio {
    /// The traces to replay; without any, workloads are made up.
    pub traces: Vec<NamedTrace>,
    /// The capacities; without any, those that suit each workload.
    pub capacities: Vec<Capacity>,
    /// The requests of each workload that is made up.
    pub requests: usize,
    /// Whether the first of the capacities that suit a workload is enough.
    pub one_capacity: bool,
}

/// A trace, and its name in tables and documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedTrace {
    /// The file or pipe: `.lis` or Twitter's format, plain or packed with zstd or gzip.
    pub file: PathBuf,
    /// Its name.
    pub name: String,
}

impl HitRatio {
    /// Workloads that are made up, at several capacities each.
    pub const WHOLE: HitRatio = HitRatio::made_up(1_000_000, false);

    /// A tenth of the requests, at one capacity each: in seconds.
    pub const SMALL: HitRatio = HitRatio::made_up(100_000, true);

    const fn made_up(requests: usize, one_capacity: bool) -> Self {
        Self { traces: Vec::new(), capacities: Vec::new(), requests, one_capacity }
    }
}
