use std::fmt;
use std::hint::black_box;
use std::marker::PhantomData;

use hotcache_bench_plan::{GROUP, Op};

use super::{Batch, Checks, Objects, Subject, Tally};
use crate::beat::{Beat, Free, beaten};
use crate::keys::{KeyForm, KeyIter, group_of};
use crate::mix::{Mixed, Steps};
use crate::timer::Timer;
use crate::trace::{Replayed, Requests};

/// The loop alone: the keys are walked, nothing is done with them.
pub struct Empty<K: ?Sized = str>(PhantomData<fn(&K)>);

impl<K: ?Sized> Empty<K> {
    /// For keys of this type.
    #[must_use]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<K: ?Sized> Default for Empty<K> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: ?Sized> fmt::Debug for Empty<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Empty")
    }
}

impl<K: KeyForm + ?Sized> Empty<K> {
    #[inline(always)]
    fn drive(op: Op, batch: Batch<'_>, beat: &mut impl Beat) -> Tally {
        let mut keys = K::of(batch.keys);
        if op == Op::GetMany {
            let Some(any) = K::of(batch.keys).next() else { return Tally::default() };
            let mut group = [any; GROUP];
            while let Some(asked) = group_of(&mut keys, &mut group) {
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
        for step in steps.of::<K>() {
            beaten(beat, || black_box(step));
        }
        Mixed::default()
    }
}

impl<K: KeyForm + ?Sized> Subject for Empty<K> {
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
