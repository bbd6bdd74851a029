//! The lines that the harness and the program exchange; `benches/go/main.go` has the other side.

use serde::{Deserialize, Serialize};

/// A line to the program. The text of the keys that it announces follows it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Request {
    /// Every key once; all maps are dropped.
    Keys {
        /// How many.
        count: usize,
        /// The length of each in bytes.
        len: usize,
    },
    /// The keys of each thread, in the order in which it asks for them.
    Streams {
        /// One for each thread.
        threads: Vec<Announced>,
    },
    /// Operations to time.
    Sample(Sampling),
}

/// One thread's keys.
#[derive(Debug, Serialize, Deserialize)]
pub struct Announced {
    /// How many.
    pub count: usize,
    /// How many of them are a chunk.
    pub chunk: usize,
}

/// Which operations to time.
#[derive(Debug, Serialize, Deserialize)]
pub struct Sampling {
    /// The map, by the program's name for it.
    pub map: String,
    /// The operation.
    pub op: String,
    /// The first chunk of each stream. At 0, a map that was changed is filled anew.
    pub turn: usize,
    /// How many chunks of each stream, or how often maps are filled or emptied.
    pub rounds: usize,
    /// How many maps are filled or emptied in a round.
    pub maps: usize,
    /// The first value that each thread stores; each of the others is one more than the one before.
    pub first: Vec<i64>,
    /// How many of each thread's last keys to look at after `set`.
    pub look: usize,
}

/// A line from the program: the answer to every request.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Answer {
    /// The timed parts: one, or one for each round of filling or emptying maps.
    pub parts: Vec<Part>,
    /// The error; empty if the request succeeded.
    pub error: String,
}

/// One timing, and what there is to check it by.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Part {
    /// From the release of the threads to the last finish.
    pub elapsed_ns: u64,
    /// Operations of all threads.
    pub ops: u64,
    /// How many found their key, where the operation tells.
    pub hits: u64,
    /// The sum of what they returned.
    pub sum: i64,
    /// Bytes that were allocated meanwhile.
    pub bytes: u64,
    /// Allocations meanwhile.
    pub allocs: u64,
    /// The sum of the map's values before.
    pub total_before: i64,
    /// The contents of each map.
    pub maps: Vec<Content>,
    /// After `set`, the values of each thread's last keys.
    #[serde(default)]
    pub looked_at: Vec<Vec<i64>>,
}

/// The contents of a map.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Content {
    /// The number of keys.
    pub count: usize,
    /// The sum of all values.
    pub total: i64,
}
