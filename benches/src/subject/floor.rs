use std::hint::black_box;

use hotcache_bench_plan::{GROUP, Op};

use super::{Batch, Checks, Objects, Subject, Tally};
use crate::beat::{Beat, Free, beaten};
use crate::keys::KeyIter;
use crate::mix::{Mixed, Steps};
use crate::timer::Timer;
use crate::trace::{Replayed, Requests};

/// The loop alone: the keys are walked, nothing is done with them.
#[derive(Debug)]
pub struct Empty;

impl Empty {
    #[inline(always)]
    fn drive(op: Op, batch: Batch<'_>, beat: &mut impl Beat) -> Tally {
        let mut keys = batch.keys;
        if op == Op::GetMany {
            let mut group = [""; GROUP];
            while let Some(asked) = keys.group(&mut group) {
                beaten(beat, || black_box(asked));
            }
        }
        for key in keys {
            beaten(beat, || black_box(key));
        }
        Tally::default()
    }

    #[inline(always)]
    fn drive_mix(steps: Steps<'_>, beat: &mut impl Beat) -> Mixed {
        for step in steps {
            beaten(beat, || black_box(step));
        }
        Mixed::default()
    }
}

impl Subject for Empty {
    fn run(&self, op: Op, batch: Batch<'_>) -> Tally {
        Self::drive(op, batch, &mut Free)
    }

    fn timed(&self, op: Op, batch: Batch<'_>, timer: &mut Timer) -> Tally {
        Self::drive(op, batch, timer)
    }

    fn mix(&self, steps: Steps<'_>, _next: &mut i64, _objects: &mut Objects) -> Mixed {
        Self::drive_mix(steps, &mut Free)
    }

    fn mix_timed(
        &self,
        steps: Steps<'_>,
        _next: &mut i64,
        _objects: &mut Objects,
        timer: &mut Timer,
    ) -> Mixed {
        Self::drive_mix(steps, timer)
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
