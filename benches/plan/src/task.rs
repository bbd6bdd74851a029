use std::path::PathBuf;

use crate::{Bounded, Cache, Garbage, HitRatio, Matrix, Rate, Row, Work};

/// The task of a run, made from valid flags.
#[derive(Clone, Debug, PartialEq)]
pub enum Task {
    /// Measure operations.
    Matrix(Matrix),
    /// Replay a trace.
    Trace(Trace),
    /// Measure memory.
    Memory(Memory),
    /// Measure latencies.
    Latency(Latency),
    /// Compare backends with their maps used by hand.
    Adapters(Adapters),
    /// Measure caches that evict.
    Bounded(Bounded),
    /// Count hits.
    HitRatio(HitRatio),
    /// Measure mirrors and leases on a Redis of their own; with less of everything if so.
    Redis {
        /// Whether `--quick` was given.
        quick: bool,
    },
    /// Measure refusals of the gate beside the look-ups that they make; for a shorter time if so.
    Gate {
        /// Whether `--quick` was given.
        quick: bool,
    },
}

/// A replay of recorded requests through every row.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// The file or pipe: `.lis` or Twitter's format, plain or packed with zstd or gzip.
    pub file: PathBuf,
    /// Its name in tables and documents.
    pub name: String,
    /// Which caches to replay into.
    pub caches: Vec<Cache>,
    /// The rows.
    pub rows: Vec<&'static Row>,
    /// Numbers of threads; request `i` goes to thread `i` modulo their number.
    pub threads: Vec<usize>,
}

/// Bytes per key of each row, and what garbage it leaves, each in a process of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Memory {
    /// Which caches.
    pub caches: Vec<Cache>,
    /// The rows.
    pub rows: Vec<&'static Row>,
    /// The number of keys after loading; growth goes on to twice as many.
    pub keys: usize,
    /// The length of every key in bytes.
    pub key_len: usize,
    /// The sizes of the workloads that leave garbage.
    pub garbage: Garbage,
    /// The bounded caches, each with as many entries as there are keys.
    pub bounded: Vec<&'static Row>,
}

/// How long operations take that arrive on a fixed schedule, each row in a process of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Latency {
    /// The rows.
    pub rows: Vec<&'static Row>,
    /// The works to measure.
    pub works: Vec<Work>,
    /// How many operations arrive.
    pub rate: Rate,
}

/// Each backend beside its map used by hand, in interleaved rounds.
#[derive(Clone, Debug, PartialEq)]
pub struct Adapters {
    /// The backends.
    pub rows: Vec<&'static Row>,
    /// Key counts.
    pub keys: Vec<usize>,
    /// The length of every key in bytes.
    pub key_len: usize,
    /// Rounds, in each of which both are built anew and measured.
    pub rounds: usize,
}

impl Task {
    /// The benchmark target that does it. `None` for what examples of `cache-redis` and `cache-gate` do.
    #[must_use]
    pub const fn target(&self) -> Option<&'static str> {
        Some(match self {
            Task::Matrix(_) => "matrix",
            Task::Trace(_) => "trace",
            Task::Memory(_) => "memory",
            Task::Latency(_) => "latency",
            Task::Adapters(_) => "adapters",
            Task::Bounded(_) => "bounded",
            Task::HitRatio(_) => "hit_ratio",
            Task::Redis { .. } | Task::Gate { .. } => return None,
        })
    }
}
