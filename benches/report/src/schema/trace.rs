use std::hash::Hash;

use serde::{Deserialize, Serialize};

use super::{Kind, Spread, nullable};

/// A recorded trace of requests, replayed through one backend.
///
/// # Examples
///
/// ```
/// use hotcache_report::{Kind, Replay, Spread};
///
/// let replay = Replay {
///     trace: "OLTP".into(),
///     cache: "int".into(),
///     backend: "scc".into(),
///     kind: Kind::Backend,
///     threads: 1,
///     requests: 914_145,
///     distinct_keys: 186_880,
///     hit_rate: Some(0.79),
///     ns_per_op: Spread { median: 90.0, min: 88.0, max: 97.0 },
/// };
/// assert!(serde_json::to_string(&replay).unwrap().contains("OLTP"));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Replay {
    /// The name of the trace.
    pub trace: String,
    /// `int` or `obj`.
    pub cache: String,
    /// The name of the row.
    pub backend: String,
    /// The kind of row.
    #[serde(default)]
    pub kind: Kind,
    /// The number of threads.
    pub threads: usize,
    /// Requests that were replayed.
    pub requests: u64,
    /// The keys among them.
    pub distinct_keys: u64,
    /// The share of reads that found their key; `null` for what stores nothing.
    #[serde(deserialize_with = "nullable")]
    pub hit_rate: Option<f64>,
    /// Nanoseconds for a request of one thread.
    pub ns_per_op: Spread,
}

impl Replay {
    /// Returns the fields that identify a measurement.
    pub(super) fn identity(&self) -> impl Hash + Eq + use<> {
        (self.trace.clone(), self.cache.clone(), self.backend.clone(), self.threads)
    }
}
