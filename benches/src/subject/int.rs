use hotcache_bench_plan::{GROUP, Op};

use super::{Batch, Objects, Subject, Tally};
use crate::beat::{Beat, Free, beaten};
use crate::keys::{KeyForm, KeyIter, group_of};
use crate::mix::{self, Mixed, Steps};
use crate::peer::IntPeer;
use crate::stream::value_of;
use crate::timer::Timer;
use crate::trace::{Replayed, Requests, Step};

/// An [`IntPeer`] as a [`Subject`].
#[derive(Debug)]
pub struct Int<P>(pub P);

impl<P: IntPeer> Int<P> {
    #[inline(always)]
    fn drive(&self, op: Op, batch: Batch<'_>, beat: &mut impl Beat) -> Tally {
        let Batch { keys: all, first, .. } = batch;
        let mut keys = P::Key::of(all);
        let mut tally = Tally::default();
        match op {
            Op::Get => {
                for key in keys {
                    tally.read(beaten(beat, || self.0.get(key)));
                }
            }
            Op::GetMany => {
                let Some(any) = P::Key::of(all).next() else { return tally };
                let mut group = [any; GROUP];
                let mut values = [None; GROUP];
                while let Some(asked) = group_of(&mut keys, &mut group) {
                    let values = &mut values[..asked.len()];
                    beaten(beat, || self.0.get_many(asked, values));
                    values.iter().for_each(|value| tally.read(*value));
                }
            }
            Op::Set | Op::Insert | Op::Grow => {
                for (key, value) in keys.zip(first..) {
                    beaten(beat, || self.0.set(key, value));
                }
            }
            Op::Add => {
                for key in keys {
                    tally.sum = tally.sum.wrapping_add(beaten(beat, || self.0.add(key, 1)));
                }
            }
            Op::Del => {
                for key in keys {
                    tally.hits += u64::from(beaten(beat, || self.0.del(key)));
                }
            }
            Op::Churn | Op::Reinsert => {
                let mut value = first;
                while let Some((old, new)) = keys.next().zip(keys.next()) {
                    tally.hits += u64::from(beaten(beat, || self.0.del(old)));
                    beaten(beat, || self.0.set(new, value));
                    value += 1;
                }
            }
            Op::With | Op::Mix(_) | Op::Profile(_) => unreachable!("{op} is no batch of integers"),
        }
        tally
    }

    #[inline(always)]
    fn drive_mix(&self, steps: Steps<'_>, next: &mut i64, beat: &mut impl Beat) -> Mixed {
        let mut mixed = Mixed::default();
        for (step, key) in steps.of::<P::Key>() {
            match step {
                mix::Step::Read => mixed.read.read(beaten(beat, || self.0.get(key))),
                mix::Step::Look => mixed.looked.read(beaten(beat, || self.0.get(key))),
                mix::Step::Set => {
                    beaten(beat, || self.0.set(key, *next));
                    *next += 1;
                }
                mix::Step::Add => mixed.added = mixed.added.wrapping_add(beaten(beat, || self.0.add(key, 1))),
                mix::Step::Insert => beaten(beat, || self.0.insert_if_absent(key)),
                mix::Step::Del => mixed.deleted += u64::from(beaten(beat, || self.0.del(key))),
            }
        }
        mixed
    }
}

impl<P: IntPeer> Subject for Int<P> {
    fn run(&self, op: Op, batch: Batch<'_>) -> Tally {
        self.drive(op, batch, &mut Free)
    }

    fn timed(&self, op: Op, batch: Batch<'_>, timer: &mut Timer) -> Tally {
        self.drive(op, batch, timer)
    }

    fn mix(&self, steps: Steps<'_>, next: &mut i64, _objects: &mut Objects) -> Mixed {
        self.drive_mix(steps, next, &mut Free)
    }

    fn mix_timed(
        &self,
        steps: Steps<'_>,
        next: &mut i64,
        _objects: &mut Objects,
        timer: &mut Timer,
    ) -> Mixed {
        self.drive_mix(steps, next, timer)
    }

    fn replay(&self, requests: Requests<'_>, _objects: &mut Objects) -> Replayed {
        let mut replayed = Replayed::default();
        for (step, key) in requests.of::<P::Key>() {
            match step {
                Step::Read => replayed.read(self.0.get(key).is_some()),
                Step::ReadThrough => {
                    let hit = self.0.get(key).is_some();
                    replayed.read(hit);
                    if !hit {
                        self.0.set(key, 0);
                    }
                }
                Step::Store => self.0.set(key, 0),
                Step::InsertIfAbsent => self.0.insert_if_absent(key),
                Step::Increment => {
                    self.0.add(key, 1);
                }
                Step::Decrement => {
                    self.0.add(key, -1);
                }
                Step::Delete => {
                    self.0.del(key);
                }
            }
        }
        replayed
    }

    fn fill(&self, keys: KeyIter<'_>) {
        for (number, key) in P::Key::of(keys).enumerate() {
            self.0.set(key, value_of(number as u32));
        }
    }

    fn count(&self) -> usize {
        self.0.count()
    }

    fn total(&self) -> i64 {
        self.0.total()
    }
}
