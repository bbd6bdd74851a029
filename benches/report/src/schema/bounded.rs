use std::hash::Hash;

use serde::{Deserialize, Serialize};

use super::{Cell, Footprint, Kind, Percentiles};

/// One row's result for one work on caches that evict.
///
/// The fields of [`Cell`] are fields of this in the document. Its `cache` is `bounded`. Floors are the empty loop and
/// unbounded maps, which evict nothing.
///
/// # Examples
///
/// ```
/// use hotcache_report::{Bounded, Cell, Kind, Work};
///
/// let work = Work::new("bounded", "mix:90", 100_000, 2);
/// let cell = Cell::measured(work, "moka", Kind::Peer, vec![210.0]).unwrap();
/// let json = serde_json::to_string(&Bounded { capacity: 38_000, single: None, cell }).unwrap();
/// assert!(json.starts_with(r#"{"capacity":38000,"cache":"bounded","backend":"moka","op":"mix:90""#));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bounded {
    /// The most entries of the cache. The unbounded map holds what it is given.
    pub capacity: u64,
    /// The time of single operations, where each was timed: the least of all passes, as what comes in one pass only is the
    /// machine's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub single: Option<Percentiles>,
    /// What was measured, and the time of an operation.
    #[serde(flatten)]
    pub cell: Cell,
}

impl Bounded {
    /// Returns the fields that identify a measurement.
    pub(super) fn identity(&self) -> impl Hash + Eq + use<> {
        (self.cell.identity(), self.capacity)
    }
}

/// The memory of a full cache, ghosts and queues included.
///
/// # Examples
///
/// ```
/// use hotcache_report::{BoundedMemory, Footprint, Kind};
///
/// let memory = BoundedMemory {
///     backend: "bucket".into(),
///     kind: Kind::Backend,
///     capacity: 1_000_000,
///     key_type: "u64".into(),
///     key_len: 8,
///     entry: Footprint { counted: Some(130.2), rss: None },
///     overhead: Some(54.7),
/// };
/// assert!(serde_json::to_string(&memory).unwrap().contains(r#""overhead":54.7"#));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BoundedMemory {
    /// The name of the row.
    pub backend: String,
    /// The kind of row; the unbounded map is a floor.
    #[serde(default)]
    pub kind: Kind,
    /// The entries that the cache holds.
    pub capacity: u64,
    /// The type of the keys.
    pub key_type: String,
    /// The length of every key in bytes.
    pub key_len: usize,
    /// Bytes for each entry, with its key and its value.
    pub entry: Footprint,
    /// Counted bytes for each entry beyond those of the unbounded bucket table with the same history.
    #[serde(default)]
    pub overhead: Option<f64>,
}

impl BoundedMemory {
    /// Returns the fields that identify a measurement.
    pub(super) fn identity(&self) -> impl Hash + Eq + use<> {
        (self.backend.clone(), self.key_type.clone(), self.key_len, self.capacity)
    }
}
