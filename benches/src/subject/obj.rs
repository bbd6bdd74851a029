use std::sync::Arc;

use hotcache_bench_plan::Op;

use super::{Batch, Objects, Subject, Tally};
use crate::beat::{Beat, Free, beaten};
use crate::keys::KeyIter;
use crate::peer::{ObjPeer, Object};
use crate::stream::value_of;
use crate::trace::{Replayed, Requests, Step};

/// An [`ObjPeer`] as a [`Subject`].
#[derive(Debug)]
pub struct Obj<P>(pub P);

impl<P: ObjPeer> Obj<P> {
    #[inline(always)]
    fn drive(&self, op: Op, batch: Batch<'_>, beat: &mut impl Beat) -> Tally {
        let Batch { keys, objects, .. } = batch;
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
            Op::Set | Op::Insert => {
                for (key, object) in keys.zip(objects) {
                    beaten(beat, || self.0.set(key, object));
                }
            }
            Op::Del => {
                for key in keys {
                    tally.hits += u64::from(beaten(beat, || self.0.del(key)));
                }
            }
            Op::Add | Op::GetMany => unreachable!("an object cache has no {op}, and no plan asks for it"),
        }
        tally
    }
}

impl<P: ObjPeer> Subject for Obj<P> {
    fn run(&self, op: Op, batch: Batch<'_>) -> Tally {
        self.drive(op, batch, &mut Free)
    }

    fn replay(&self, requests: Requests<'_>, objects: &mut Objects) -> Replayed {
        let mut replayed = Replayed::default();
        // One object for each request that may store one: the trace is told how many those are.
        let mut object = || objects.next().expect("there is an object for every request");
        for (step, key) in requests {
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
        for (number, key) in keys.enumerate() {
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
