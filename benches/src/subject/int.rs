use hotcache_bench_plan::Op;

use super::{Batch, Objects, Subject, Tally};
use crate::keys::KeyIter;
use crate::peer::IntPeer;
use crate::stream::value_of;
use crate::trace::{Replayed, Requests, Step};

/// An [`IntPeer`] as a [`Subject`].
#[derive(Debug)]
pub struct Int<P>(pub P);

impl<P: IntPeer> Subject for Int<P> {
    fn run(&self, op: Op, batch: Batch<'_>) -> Tally {
        let mut tally = Tally::default();
        match op {
            Op::Get => {
                for key in batch.keys {
                    if let Some(value) = self.0.get(key) {
                        tally.hits += 1;
                        tally.sum = tally.sum.wrapping_add(value);
                    }
                }
            }
            Op::Set | Op::Insert => {
                for (key, value) in batch.keys.zip(batch.first..) {
                    self.0.set(key, value);
                }
            }
            Op::Add => {
                for key in batch.keys {
                    tally.sum = tally.sum.wrapping_add(self.0.add(key, 1));
                }
            }
            Op::Del => {
                for key in batch.keys {
                    tally.hits += u64::from(self.0.del(key));
                }
            }
        }
        tally
    }

    fn replay(&self, requests: Requests<'_>, _objects: &mut Objects) -> Replayed {
        let mut replayed = Replayed::default();
        for (step, key) in requests {
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
        for (number, key) in keys.enumerate() {
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
