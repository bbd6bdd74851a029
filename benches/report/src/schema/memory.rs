use std::hash::Hash;

use serde::{Deserialize, Serialize};

use super::Kind;

/// The memory of a map of integers or objects, in bytes per key that was loaded.
///
/// # Examples
///
/// ```
/// use hotcache_report::{Footprint, Kind, Memory};
///
/// let memory = Memory {
///     cache: "int".into(),
///     backend: "papaya".into(),
///     kind: Kind::Backend,
///     keys: 1_000_000,
///     key_len: 8,
///     after_load: Footprint { counted: Some(87.0), rss: Some(91.5) },
///     worst: None,
///     after_churn: None,
///     after_delete_all: None,
/// };
/// assert!(serde_json::to_string(&memory).unwrap().contains(r#""counted":87.0"#));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// `int` or `obj`.
    pub cache: String,
    /// The name of the row.
    pub backend: String,
    /// The kind of row.
    #[serde(default)]
    pub kind: Kind,
    /// The keys that were loaded.
    pub keys: u64,
    /// The length of every key in bytes.
    pub key_len: usize,
    /// With all keys loaded.
    pub after_load: Footprint,
    /// At the worst point while the map grew to twice the keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worst: Option<Footprint>,
    /// After keys came and went at a constant number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_churn: Option<Footprint>,
    /// With every key deleted again: what the map does not give back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_delete_all: Option<Footprint>,
}

impl Memory {
    /// Returns the fields that identify a measurement.
    pub(super) fn identity(&self) -> impl Hash + Eq + use<> {
        (self.cache.clone(), self.backend.clone(), self.keys, self.key_len)
    }
}

/// Bytes for each key, by two ways of counting.
///
/// # Examples
///
/// ```
/// let footprint = hotcache_report::Footprint { counted: Some(55.0), rss: None };
/// assert_eq!(footprint.best_known(), Some(55.0));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Footprint {
    /// The bytes that were allocated and not freed.
    #[serde(default)]
    pub counted: Option<f64>,
    /// How much more memory the process holds than before.
    #[serde(default)]
    pub rss: Option<f64>,
}

impl Footprint {
    /// The counted bytes, or else what the process holds.
    #[must_use]
    pub fn best_known(&self) -> Option<f64> {
        self.counted.or(self.rss)
    }
}
