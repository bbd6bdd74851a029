use std::hash::Hash;

use serde::{Deserialize, Serialize};

use super::Kind;

/// Memory that a map retired and had not freed, at some moments of one workload.
///
/// # Examples
///
/// ```
/// use hotcache_report::{Garbage, Kind, Moment};
///
/// let garbage = Garbage {
///     workload: "one object replaced".into(),
///     about: "one thread replaces the object of one key 250 times, 1 MiB each".into(),
///     cache: "obj".into(),
///     backend: "papaya".into(),
///     kind: Kind::Backend,
///     repeats: 250,
///     object_bytes: 1 << 20,
///     verified: true,
///     moments: vec![Moment { moment: "peak".into(), counted: 32 << 20, rss: None, objects: Some(32) }],
/// };
/// assert!(serde_json::to_string(&garbage).unwrap().contains(r#""counted":33554432"#));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Garbage {
    /// The name of what was done.
    pub workload: String,
    /// A description of the workload, with its sizes.
    pub about: String,
    /// `int` or `obj`.
    pub cache: String,
    /// The name of the row.
    pub backend: String,
    /// The kind of row.
    #[serde(default)]
    pub kind: Kind,
    /// How often what repeats was done: replacements, threads, caches or operations.
    pub repeats: u64,
    /// The bytes of each object beside the object itself; 0 for integers.
    pub object_bytes: u64,
    /// Whether the cache held what it should.
    pub verified: bool,
    /// The measurements, in order of time.
    pub moments: Vec<Moment>,
}

impl Garbage {
    /// Returns the fields that identify a measurement.
    pub(super) fn identity(&self) -> impl Hash + Eq + use<> {
        let names = (self.workload.clone(), self.cache.clone(), self.backend.clone());
        (names, self.repeats, self.object_bytes)
    }
}

/// Garbage at one moment: bytes beyond what the cache holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// Which moment it is.
    pub moment: String,
    /// Bytes asked of the allocator and not given back.
    pub counted: u64,
    /// How much more memory the process holds, where the system tells.
    #[serde(default)]
    pub rss: Option<i64>,
    /// Objects that are alive and in no cache, where there are objects.
    #[serde(default)]
    pub objects: Option<u64>,
}
