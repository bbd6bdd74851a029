use std::sync::Arc;

use hotcache_bench_plan::Op;

use super::{Batch, Objects, Subject, Tally};
use crate::beat::{Beat, Free, beaten};
use crate::keys::{KeyForm, KeyIter};
use crate::mix::{self, Mixed, Steps};
use crate::peer::{ObjPeer, Object};
use crate::stream::value_of;
use crate::timer::Timer;
use crate::trace::{Replayed, Requests, Step};

/// An [`ObjPeer`] as a [`Subject`].
#[derive(Debug)]
pub struct Obj<P>(pub P);

impl<P: ObjPeer> Obj<P> {
    #[inline(always)]
    fn drive(&self, op: Op, batch: Batch<'_>, beat: &mut impl Beat) -> Tally {
        let Batch { keys, objects, .. } = batch;
        let mut keys = P::Key::of(keys);
        let mut tally = Tally::default();
        match op {
            Op::Get => {
                for key in keys {
                    let object = beaten(beat, || self.0.get(key));
                    tally.read(object.map(|object| object.id));
                }
            }
            Op::With => {
                for key in keys {
                    tally.read(beaten(beat, || self.0.with(key, |object| object.id)));
                }
            }
            Op::Set | Op::Insert | Op::Grow => {
                for (key, object) in keys.zip(objects) {
                    beaten(beat, || self.0.set(key, object));
                }
            }
            Op::Del => {
                for key in keys {
                    tally.hits += u64::from(beaten(beat, || self.0.del(key)));
                }
            }
            Op::Churn | Op::Reinsert => {
                while let Some(((old, new), object)) = keys.next().zip(keys.next()).zip(objects.next()) {
                    tally.hits += u64::from(beaten(beat, || self.0.del(old)));
                    beaten(beat, || self.0.set(new, object));
                }
            }
            Op::Add | Op::GetMany | Op::Mix(_) | Op::Profile(_) => {
                unreachable!("{op} is no batch of objects")
            }
        }
        tally
    }

    #[inline(always)]
    fn drive_mix(&self, steps: Steps<'_>, objects: &mut Objects, beat: &mut impl Beat) -> Mixed {
        let mut mixed = Mixed::default();
        let mut object = || objects.next().expect("there is an object for every step that stores one");
        for (step, key) in steps.of::<P::Key>() {
            match step {
                mix::Step::Read => {
                    let read = beaten(beat, || self.0.get(key));
                    mixed.read.read(read.map(|object| object.id));
                }
                mix::Step::Look => {
                    let read = beaten(beat, || self.0.get(key));
                    mixed.looked.read(read.map(|object| object.id));
                }
                mix::Step::Set => {
                    let object = object();
                    beaten(beat, || self.0.set(key, object));
                }
                mix::Step::Insert => {
                    let object = object();
                    beaten(beat, || self.0.insert_if_absent(key, object));
                }
                mix::Step::Del => mixed.deleted += u64::from(beaten(beat, || self.0.del(key))),
                mix::Step::Add => unreachable!("an object cache adds nothing, and no plan asks it to"),
            }
        }
        mixed
    }
}

impl<P: ObjPeer> Subject for Obj<P> {
    fn run(&self, op: Op, batch: Batch<'_>) -> Tally {
        self.drive(op, batch, &mut Free)
    }

    fn timed(&self, op: Op, batch: Batch<'_>, timer: &mut Timer) -> Tally {
        self.drive(op, batch, timer)
    }

    fn mix(&self, steps: Steps<'_>, _next: &mut i64, objects: &mut Objects) -> Mixed {
        self.drive_mix(steps, objects, &mut Free)
    }

    fn mix_timed(
        &self,
        steps: Steps<'_>,
        _next: &mut i64,
        objects: &mut Objects,
        timer: &mut Timer,
    ) -> Mixed {
        self.drive_mix(steps, objects, timer)
    }

    fn replay(&self, requests: Requests<'_>, objects: &mut Objects) -> Replayed {
        let mut replayed = Replayed::default();
        // One object for each request that may store one. The trace knows their number.
        let mut object = || objects.next().expect("there is an object for every request");
        for (step, key) in requests.of::<P::Key>() {
            match step {
                Step::Read => replayed.read(self.0.get(key).is_some()),
                Step::ReadThrough => {
                    let hit = self.0.get(key).is_some();
                    replayed.read(hit);
                    if !hit {
                        self.0.set(key, object());
                    }
                }
                Step::Store => self.0.set(key, object()),
                Step::InsertIfAbsent => self.0.insert_if_absent(key, object()),
                Step::Delete => {
                    self.0.del(key);
                }
                Step::Increment | Step::Decrement => {
                    unreachable!("an object cache adds nothing, and traces leave such requests out for it")
                }
            }
        }
        replayed
    }

    fn fill(&self, keys: KeyIter<'_>) {
        for (number, key) in P::Key::of(keys).enumerate() {
            self.0.set(key, Arc::new(Object::new(value_of(number as u32))));
        }
    }

    fn count(&self) -> usize {
        self.0.count()
    }

    fn total(&self) -> i64 {
        self.0.total()
    }
}
