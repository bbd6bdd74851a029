use std::fmt;

use serde::{Deserialize, Serialize};

use super::nullable;
use crate::number;

/// The kind of row that was measured.
///
/// # Examples
///
/// ```
/// use hotcache_report::Kind;
/// assert!(Kind::ByHand.is_reference() && !Kind::Backend.is_reference());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A backend of hotcache.
    #[default]
    Backend,
    /// The map below a backend, used without hotcache.
    ByHand,
    /// An alternative to hotcache.
    Peer,
    /// A lower bound for every map: the loop alone, or a bare array.
    Floor,
}

impl Kind {
    /// Whether it holds no code of hotcache's, so that a change of ours cannot move it.
    #[must_use]
    pub const fn is_reference(self) -> bool {
        !matches!(self, Kind::Backend)
    }

    /// The name for a reader of tables.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Kind::Backend => "backend",
            Kind::ByHand => "by hand",
            Kind::Peer => "peer",
            Kind::Floor => "floor",
        }
    }
}

/// The work that a cell measures. Numbers of two backends are comparable if their work is the same.
///
/// # Examples
///
/// ```
/// use hotcache_report::Work;
///
/// let work = Work::new("int", "get", 100_000, 2);
/// assert_eq!(work.to_string(), "int get, 100k keys, 2 threads, uniform, 8-byte keys");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Work {
    /// `int` or `obj`.
    pub cache: String,
    /// The operation: `get`, `set`, `add`, `insert`, `del`, or a mix by its name.
    pub op: String,
    /// How often each key is asked for: `uniform`, `zipf:0.99`, or another by its name.
    pub dist: String,
    /// The type of the keys: `str`, `u64`, or another by its name.
    pub key_type: String,
    /// The length of every key in bytes.
    pub key_len: usize,
    /// The number of keys; 0 where every operation has a key of its own.
    pub max_key: u64,
    /// The number of threads.
    pub threads: usize,
}

impl Work {
    /// Work with uniform keys of text, 8 bytes long; change the fields for other keys.
    #[must_use]
    pub fn new(cache: &str, op: &str, max_key: u64, threads: usize) -> Self {
        let (cache, op, dist) = (cache.to_owned(), op.to_owned(), "uniform".to_owned());
        Self { cache, op, dist, key_type: text(), key_len: 8, max_key, threads }
    }

    /// Describes its keys.
    pub(crate) fn keys(&self) -> String {
        number::key_form(&self.key_type, self.key_len)
    }
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Work { cache, op, dist, max_key, threads, .. } = self;
        let s = if *threads == 1 { "" } else { "s" };
        let keys = number::keys(*max_key);
        write!(f, "{cache} {op}, {keys}, {threads} thread{s}, {dist}, {}", self.keys())
    }
}

/// The middle and the ends of repeated measurements.
///
/// # Examples
///
/// ```
/// use hotcache_report::Spread;
/// let spread = Spread::of(&[3.0, 1.0, 2.0, 10.0]).unwrap();
/// assert_eq!((spread.median, spread.min, spread.max), (2.5, 1.0, 10.0));
/// assert_eq!(Spread::of(&[]), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Half of the measurements are at most this.
    pub median: f64,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
}

impl Spread {
    /// The spread of some measurements; `None` if there are none.
    #[must_use]
    pub fn of(samples: &[f64]) -> Option<Self> {
        let median = crate::stats::median(samples)?;
        let min = samples.iter().copied().min_by(f64::total_cmp)?;
        let max = samples.iter().copied().max_by(f64::total_cmp)?;
        Some(Self { median, min, max })
    }
}

/// One backend's result for one work.
///
/// # Examples
///
/// ```
/// use hotcache_report::{Cell, Kind, Work};
///
/// let work = Work::new("int", "add", 100, 2);
/// let cell = Cell::measured(work, "papaya", Kind::Backend, vec![20.0, 22.0, 21.0]).unwrap();
/// assert_eq!(cell.ns_per_op.median, 21.0);
/// assert_eq!(cell.mops.round(), 95.0); // two threads, each an operation every 21 ns
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// `int` or `obj`.
    pub cache: String,
    /// The name of the row.
    pub backend: String,
    /// The operation.
    pub op: String,
    /// The number of keys; 0 where every operation has a key of its own.
    pub max_key: u64,
    /// The number of threads.
    pub threads: usize,
    /// How often each key is asked for.
    pub dist: String,
    /// The type of the keys; text if the document does not say.
    #[serde(default = "text", skip_serializing_if = "is_text")]
    pub key_type: String,
    /// The length of every key in bytes.
    pub key_len: usize,
    /// Nanoseconds for an operation of one thread.
    pub ns_per_op: Spread,
    /// Million operations a second of all threads together, at the median.
    pub mops: f64,
    /// Bytes allocated for an operation; `null` where they were not counted.
    #[serde(deserialize_with = "nullable")]
    pub bytes_per_op: Option<f64>,
    /// Allocations for an operation; `null` where they were not counted.
    #[serde(deserialize_with = "nullable")]
    pub allocs_per_op: Option<f64>,
    /// The share of operations that found their key; `null` where the operation does not tell.
    #[serde(deserialize_with = "nullable")]
    pub hit_rate: Option<f64>,
    /// The kind of row; `Backend` if the document has none.
    #[serde(default)]
    pub kind: Kind,
    /// Nanoseconds for an operation in each sample, in the order of measuring: what comparisons work on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub samples: Vec<f64>,
    /// Operations that were timed, of all threads together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iterations: Option<u64>,
    /// Whether sums, counts and hits were checked after the clock stopped, and were right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<bool>,
    /// Nanoseconds of the longest single operation, where it was looked for: while a map grew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worst_ns: Option<f64>,
    /// For each pass over the whole matrix, the share of the processors that other processes took while this cell was
    /// measured, or of their speed that neighbours on the same core took; the samples are those of the passes in turn, as many of each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub busy: Vec<f64>,
}

impl Cell {
    /// A cell from its samples, with nothing counted yet; `None` unless there is a sample and all are positive.
    #[must_use]
    pub fn measured(work: Work, backend: &str, kind: Kind, samples: Vec<f64>) -> Option<Self> {
        if !samples.iter().all(|ns| ns.is_finite() && *ns > 0.0) {
            return None;
        }
        let ns_per_op = Spread::of(&samples)?;
        let Work { cache, op, dist, key_type, key_len, max_key, threads } = work;
        Some(Self {
            cache,
            backend: backend.to_owned(),
            op,
            max_key,
            threads,
            dist,
            key_type,
            key_len,
            ns_per_op,
            mops: threads as f64 * 1e3 / ns_per_op.median,
            bytes_per_op: None,
            allocs_per_op: None,
            hit_rate: None,
            kind,
            samples,
            iterations: None,
            verified: None,
            worst_ns: None,
            busy: Vec::new(),
        })
    }

    /// The work that was measured.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hotcache_report::{Cell, Kind, Work};
    /// let work = Work::new("int", "add", 100, 2);
    /// let cell = Cell::measured(work.clone(), "papaya", Kind::Backend, vec![20.0]).unwrap();
    /// assert_eq!(cell.work(), work);
    /// ```
    #[must_use]
    pub fn work(&self) -> Work {
        Work {
            cache: self.cache.clone(),
            op: self.op.clone(),
            dist: self.dist.clone(),
            key_type: self.key_type.clone(),
            key_len: self.key_len,
            max_key: self.max_key,
            threads: self.threads,
        }
    }

    /// Returns the fields that identify a measurement.
    pub(super) fn identity(&self) -> (Work, String) {
        (self.work(), self.backend.clone())
    }

    /// The name by which a message speaks of this cell.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hotcache_report::{Cell, Kind, Work};
    /// let cell = Cell::measured(Work::new("int", "add", 0, 1), "scc", Kind::Backend, vec![20.0]).unwrap();
    /// assert_eq!(cell.name(), "scc: int add, a key of its own each, 1 thread, uniform, 8-byte keys");
    /// ```
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}: {}", self.backend, self.work())
    }
}

/// The type of keys that a document need not name.
fn text() -> String {
    "str".to_owned()
}

fn is_text(key_type: &str) -> bool {
    key_type == text()
}

/// A row that could not be measured.
///
/// # Examples
///
/// ```
/// let skipped = hotcache_report::Skipped::new("go sync.Map", "no go 1.24 or later on the PATH");
/// assert_eq!(skipped.backend, "go sync.Map");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// The name of the row.
    pub backend: String,
    /// Why there is nothing in it.
    pub why: String,
}

impl Skipped {
    /// Says that a row is empty, and why.
    #[must_use]
    pub fn new(backend: &str, why: &str) -> Self {
        Self { backend: backend.to_owned(), why: why.to_owned() }
    }
}
