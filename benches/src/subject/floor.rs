use std::hint::black_box;

use hotcache_bench_plan::Op;

use super::{Batch, Checks, Objects, Subject, Tally};
use crate::keys::KeyIter;
use crate::trace::{Replayed, Requests};

/// The loop alone: the keys are walked, nothing is done with them.
#[derive(Debug)]
pub struct Empty;

impl Subject for Empty {
    fn run(&self, _op: Op, batch: Batch<'_>) -> Tally {
        for key in batch.keys {
            black_box(key);
        }
        Tally::default()
    }

    fn replay(&self, requests: Requests<'_>, _objects: &mut Objects) -> Replayed {
        for request in requests {
            black_box(request);
        }
        Replayed::default()
    }

    fn fill(&self, _keys: KeyIter<'_>) {}

    fn count(&self) -> usize {
        0
    }

    fn total(&self) -> i64 {
        0
    }

    fn checks(&self) -> Checks {
        Checks::None
    }
}
