use std::fmt;

use crate::kinds::DEFAULT_KEY_LEN;
use crate::{Cache, Dist, KeyCount, KeyType, Op, Pace, Row, Work};

/// Throughput of caches that evict, beside the unbounded map.
#[derive(Clone, Debug, PartialEq)]
pub struct Bounded {
    /// The rows: the empty loop, backends, each of which stands for our cache over it and for itself, and peers.
    pub rows: Vec<&'static Row>,
    /// The works, in the order of measuring: those on equal caches together.
    pub works: Vec<BoundedWork>,
    /// How long to measure.
    pub pace: Pace,
}

/// One workload of a bounded cache.
///
/// # Examples
///
/// ```
/// use hotcache_bench_plan::{BoundedWork, Requests};
///
/// let work = BoundedWork { requests: Requests::Mix { percent: 90 }, threads: 2 };
/// assert_eq!(work.cell("moka"), "bounded/mix:90/100k/t2/zipf:1/k8/moka");
/// assert!(Requests::Hits { keys: 100, expires: false }.capacity() > 100);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BoundedWork {
    /// The requests.
    pub requests: Requests,
    /// The number of threads.
    pub threads: usize,
}

/// The requests of a work, all for keys of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requests {
    /// Look-ups of keys that are all there.
    Hits {
        /// The number of keys.
        keys: usize,
        /// Whether the entries have a time to live.
        expires: bool,
    },
    /// Look-ups of keys that were never there, each inserted into a full cache.
    Misses {
        /// The entries of the cache.
        capacity: usize,
    },
    /// Look-ups of a few hot keys and many cold ones; what misses is inserted.
    Mix {
        /// About how many of a hundred hit.
        percent: u8,
    },
    /// Inserts of new keys into a full cache, each timed.
    Evicting {
        /// The entries of the cache.
        capacity: usize,
    },
    /// Inserts of new keys while as many old ones fall due within a second of a clock that the harness advances, each timed.
    Expiring {
        /// The entries that fall due.
        keys: usize,
    },
}

/// The different keys of a mix: with their entries they exceed a core's own cache, and a mix reaches its hit ratio soon.
const MIX_KEYS: usize = 100_000;

/// Their Zipf exponent.
const MIX_EXPONENT: f64 = 1.0;

/// The hit ratios of the mixes in per cent, each with the entries with which our cache reaches about that.
const MIXES: [(u8, usize); 3] = [(50, 350), (90, 38_000), (99, 91_000)];

impl Requests {
    /// The hit ratios of the mixes, in per cent.
    pub const MIX_PERCENTS: [u8; 3] = [MIXES[0].0, MIXES[1].0, MIXES[2].0];

    /// The most entries of the cache.
    #[must_use]
    pub fn capacity(self) -> usize {
        match self {
            // Enough for caches that share it out among shards, which are never equally full.
            Requests::Hits { keys, .. } => keys + keys / 10 + 100,
            Requests::Misses { capacity } | Requests::Evicting { capacity } => capacity,
            Requests::Mix { percent } => {
                let mix = MIXES.iter().find(|(of, _)| *of == percent);
                mix.map_or(MIX_KEYS, |(_, capacity)| *capacity)
            }
            // So that nothing is evicted, were none of the old entries freed.
            Requests::Expiring { keys } => keys * 2,
        }
    }

    /// The number of different keys; 0 where every request has a key of its own.
    #[must_use]
    pub const fn keys(self) -> KeyCount {
        match self {
            Requests::Hits { keys, .. } => KeyCount(keys),
            Requests::Mix { .. } => KeyCount(MIX_KEYS),
            Requests::Misses { .. } | Requests::Evicting { .. } | Requests::Expiring { .. } => KeyCount(0),
        }
    }

    /// How often each key is asked for.
    #[must_use]
    pub const fn dist(self) -> Dist {
        if let Requests::Mix { .. } = self { Dist::Zipf(MIX_EXPONENT) } else { Dist::Uniform }
    }

    /// Whether each operation is timed alone.
    #[must_use]
    pub const fn is_timed(self) -> bool {
        matches!(self, Requests::Evicting { .. } | Requests::Expiring { .. })
    }
}

impl fmt::Display for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Requests::Hits { expires: false, .. } => f.pad("hit"),
            Requests::Hits { expires: true, .. } => f.pad("hit-ttl"),
            Requests::Misses { .. } => f.pad("miss"),
            Requests::Mix { percent } => f.pad(&format!("mix:{percent}")),
            Requests::Evicting { .. } => f.pad("insert-evicting"),
            Requests::Expiring { .. } => f.pad("insert-expiring"),
        }
    }
}

impl BoundedWork {
    /// The length of every key.
    pub const KEY_LEN: usize = DEFAULT_KEY_LEN;

    /// The name of one row's cell of this work.
    #[must_use]
    pub fn cell(&self, row: &str) -> String {
        let Self { requests, threads } = self;
        let size = match *requests {
            // Of new keys there is no end.
            Requests::Misses { capacity } | Requests::Evicting { capacity } => capacity,
            Requests::Expiring { keys } | Requests::Hits { keys, .. } => keys,
            Requests::Mix { .. } => MIX_KEYS,
        };
        let size = KeyCount(size);
        format!("bounded/{requests}/{size}/t{threads}/{}/k{}/{row}", requests.dist(), Self::KEY_LEN)
    }

    /// The work whose keys these are, as the matrix has it.
    #[must_use]
    pub fn plain(&self) -> Work {
        Work {
            cache: Cache::Obj,
            op: Op::Get,
            max_key: self.requests.keys(),
            threads: self.threads,
            dist: self.requests.dist(),
            key_type: KeyType::Str,
            key_len: Self::KEY_LEN,
        }
    }
}

impl From<&BoundedWork> for hotcache_report::Work {
    /// The work as the document of a run names it.
    fn from(work: &BoundedWork) -> Self {
        Self { cache: "bounded".to_owned(), op: work.requests.to_string(), ..(&work.plain()).into() }
    }
}
