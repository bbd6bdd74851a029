use hotcache_bench_plan::Cache;

use super::reader::Trace;
use super::requests::{Replayed, Step};

/// The expected results of a replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Model {
    /// The results with one thread. More threads read as often, but may find other keys.
    pub one_thread: Replayed,
    /// Keys in the map after one thread's replay.
    pub keys_left: usize,
    /// Whether any number of threads leaves these keys: nothing is ever removed.
    pub only_grows: bool,
}

impl Model {
    /// Goes through the requests in order, with a bit for each key.
    #[must_use]
    pub fn of(trace: &Trace, cache: Cache) -> Self {
        let mut present = vec![false; trace.distinct()];
        let mut replayed = Replayed::default();
        let mut only_grows = true;
        for (step, key) in trace.requests(cache) {
            let present = &mut present[key as usize];
            match step {
                Step::Read => replayed.read(*present),
                Step::ReadThrough => {
                    replayed.read(*present);
                    *present = true;
                }
                Step::Store | Step::InsertIfAbsent | Step::Increment | Step::Decrement => *present = true,
                Step::Delete => {
                    *present = false;
                    only_grows = false;
                }
            }
        }
        let keys_left = present.iter().filter(|present| **present).count();
        Self { one_thread: replayed, keys_left, only_grows }
    }
}
