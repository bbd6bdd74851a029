use std::fmt;

use crate::{Cache, Dist, KeyCount, KeyType, Op};

/// The work that a line of a table measures. It is the same for every row.
///
/// # Examples
///
/// ```
/// use hotcache_bench_plan::{Cache, Dist, KeyCount, KeyType, Op, Work};
///
/// let work = Work {
///     cache: Cache::Int,
///     op: Op::Get,
///     max_key: KeyCount(100),
///     threads: 2,
///     dist: Dist::Uniform,
///     key_type: KeyType::Str,
///     key_len: 8,
/// };
/// assert_eq!(work.to_string(), "int get, 100 keys, 2 threads, uniform, 8-byte keys");
/// assert_eq!(work.cell("papaya"), "int/get/100/t2/uniform/k8/papaya");
/// let work = Work { key_type: KeyType::U64, ..work };
/// assert_eq!(work.cell("papaya"), "int/get/100/t2/uniform/u64/papaya");
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Work {
    /// The cache.
    pub cache: Cache,
    /// The operation.
    pub op: Op,
    /// The number of keys.
    pub max_key: KeyCount,
    /// The number of threads.
    pub threads: usize,
    /// How often each key is asked for.
    pub dist: Dist,
    /// The type of the keys.
    pub key_type: KeyType,
    /// The length of every key in bytes.
    pub key_len: usize,
}

impl Work {
    /// The name of one row's cell of this work.
    #[must_use]
    pub fn cell(&self, row: &str) -> String {
        let Work { cache, op, max_key, threads, dist, key_type, key_len } = self;
        let keys = match key_type {
            KeyType::Str => format!("k{key_len}"),
            typed => typed.to_string(),
        };
        format!("{cache}/{op}/{max_key}/t{threads}/{dist}/{keys}/{row}")
    }
}

impl From<&Work> for hotcache_report::Work {
    /// The work as the document of a run names it.
    fn from(work: &Work) -> Self {
        let Work { cache, op, max_key, threads, dist, key_type, key_len } = *work;
        Self {
            dist: dist.to_string(),
            key_type: key_type.to_string(),
            key_len,
            ..Self::new(cache.name(), &op.to_string(), max_key.0 as u64, threads)
        }
    }
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Work { cache, op, max_key, threads, dist, key_type, key_len } = self;
        write!(f, "{cache} {op}, ")?;
        if max_key.is_own() {
            write!(f, "a key of its own each, ")?;
        } else {
            write!(f, "{max_key} keys, ")?;
        }
        let s = if *threads == 1 { "" } else { "s" };
        write!(f, "{threads} thread{s}, {dist}, ")?;
        match key_type {
            KeyType::Str => write!(f, "{key_len}-byte keys"),
            typed => write!(f, "{typed} keys"),
        }
    }
}
