use std::hash::Hash;

use serde::{Deserialize, Serialize};

use super::Kind;

/// The requests that hit in one cache, of those of a trace or of a workload that was made up.
///
/// Each request is a look-up, and an insert if it misses. All entries weigh the same.
///
/// # Examples
///
/// ```
/// use hotcache_report::{HitRatio, Kind};
///
/// let adaptive = HitRatio {
///     workload: "OLTP.lis".into(),
///     capacity: 1_000,
///     backend: "adaptive".into(),
///     kind: Kind::Backend,
///     requests: 914_145,
///     distinct_keys: 186_880,
///     hits: 383_026,
/// };
/// assert_eq!(format!("{:.2}", adaptive.percent()), "41.90");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HitRatio {
    /// The name of the trace or workload.
    pub workload: String,
    /// The most entries of the cache.
    pub capacity: u64,
    /// The name of the policy or cache.
    pub backend: String,
    /// Whether it is ours.
    #[serde(default)]
    pub kind: Kind,
    /// The number of requests.
    pub requests: u64,
    /// The keys among them, each of which must miss once.
    pub distinct_keys: u64,
    /// The requests that found their key.
    pub hits: u64,
}

impl HitRatio {
    /// The requests that hit, in per cent; 0 if there was no request.
    ///
    /// # Examples
    ///
    /// See [`HitRatio`].
    #[must_use]
    pub fn percent(&self) -> f64 {
        self.hits as f64 * 100.0 / self.requests.max(1) as f64
    }

    /// Returns the fields that identify a measurement.
    pub(super) fn identity(&self) -> impl Hash + Eq + use<> {
        (self.workload.clone(), self.capacity, self.backend.clone(), self.requests)
    }
}
