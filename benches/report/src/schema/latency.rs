use std::hash::Hash;

use serde::{Deserialize, Serialize};

use super::{Kind, Work};

/// How long operations took that arrived on a fixed schedule, from the instant each was due.
///
/// # Examples
///
/// ```
/// use hotcache_report::{Kind, Latency, Percentiles};
///
/// let latency = Latency {
///     cache: "int".into(),
///     backend: "bucket".into(),
///     kind: Kind::Backend,
///     op: "insert".into(),
///     max_key: 1_000_000,
///     threads: 1,
///     dist: "uniform".into(),
///     key_len: 8,
///     per_second: 500_000.0,
///     count: 1_000_000,
///     percentiles: Percentiles { p50: 210.0, p90: 400.0, p99: 900.0, p999: 4e3, p9999: 5e4, max: 9e5 },
///     curve: vec![[0.0, 120.0], [0.5, 210.0], [0.9, 400.0]],
///     page_faults: Some(0),
/// };
/// assert!(serde_json::to_string(&latency).unwrap().contains(r#""p99.9":4000.0"#));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// `int` or `obj`.
    pub cache: String,
    /// The name of the row.
    pub backend: String,
    /// The kind of row.
    #[serde(default)]
    pub kind: Kind,
    /// The operation.
    pub op: String,
    /// The number of keys; for an operation that grows the map, how many it grows to.
    pub max_key: u64,
    /// The number of threads.
    pub threads: usize,
    /// How often each key is asked for.
    #[serde(default = "uniform")]
    pub dist: String,
    /// The length of every key in bytes.
    #[serde(default = "eight")]
    pub key_len: usize,
    /// Arrivals a second, of all threads together.
    pub per_second: f64,
    /// The number of operations.
    pub count: u64,
    /// The usual percentiles, in nanoseconds.
    pub percentiles: Percentiles,
    /// Points of the whole distribution: a quantile from 0 to 1 and its nanoseconds, in rising order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub curve: Vec<[f64; 2]>,
    /// Pages of memory that were touched for the first time meanwhile, where the system tells: each is a pause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page_faults: Option<u64>,
}

/// The nanoseconds within which a percentage of the operations were done.
///
/// # Examples
///
/// ```
/// use hotcache_report::Percentiles;
/// let json = r#"{"p50":1,"p90":2,"p99":3,"p99.9":4,"p99.99":5,"max":6}"#;
/// assert_eq!(serde_json::from_str::<Percentiles>(json).unwrap().p9999, 5.0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Percentiles {
    /// Half of them.
    pub p50: f64,
    /// 90 %.
    pub p90: f64,
    /// 99 %.
    pub p99: f64,
    /// 99.9 %.
    #[serde(rename = "p99.9")]
    pub p999: f64,
    /// 99.99 %.
    #[serde(rename = "p99.99")]
    pub p9999: f64,
    /// All of them.
    pub max: f64,
}

/// The distribution of documents that name none.
fn uniform() -> String {
    "uniform".to_owned()
}

fn eight() -> usize {
    8
}

impl Latency {
    /// The work that was measured.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hotcache_report::Latency;
    /// let json = r#"{"cache": "int", "backend": "scc", "op": "get", "max_key": 100, "threads": 1, "per_second": 1e6,
    ///     "count": 9, "percentiles": {"p50": 1, "p90": 2, "p99": 3, "p99.9": 4, "p99.99": 5, "max": 6}}"#;
    /// let latency: Latency = serde_json::from_str(json).unwrap();
    /// assert_eq!(latency.work().to_string(), "int get, 100 keys, 1 thread, uniform, 8-byte keys");
    /// ```
    #[must_use]
    pub fn work(&self) -> Work {
        Work {
            dist: self.dist.clone(),
            key_len: self.key_len,
            ..Work::new(&self.cache, &self.op, self.max_key, self.threads)
        }
    }

    /// Returns the fields that identify a measurement.
    pub(super) fn identity(&self) -> impl Hash + Eq + use<> {
        (self.work(), self.backend.clone())
    }
}

impl Percentiles {
    /// Each with its name, from the least to the greatest.
    pub(crate) fn named(&self) -> [(&'static str, f64); 6] {
        let Percentiles { p50, p90, p99, p999, p9999, max } = *self;
        [("p50", p50), ("p90", p90), ("p99", p99), ("p99.9", p999), ("p99.99", p9999), ("max", max)]
    }
}
