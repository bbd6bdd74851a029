//! Keys that come and go while the map keeps its size.

use std::sync::{Mutex, PoisonError};

use hotcache_bench_plan::{Cache, Op, Work};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use crate::fault::Fault;
use crate::keys::{KeyIter, Keys};
use crate::sample::{Cell, Sample, counted, first_of};
use crate::stream::{CHUNK, SEED, value_of};
use crate::subject::{Batch, OBJECTS, Subject, objects};

/// The keys of each thread that are looked at after a sample.
const LOOKED_AT: usize = 1_024;

/// Removals, each with an insertion, in a round of one thread.
const STEPS: usize = CHUNK / 2;

/// The state of churn. Each thread has its own keys, so the expected contents are known exactly.
#[derive(Debug)]
pub struct Churn {
    walkers: Vec<Mutex<Walker>>,
}

/// The keys that one thread has in the map, and those that it will insert.
#[derive(Debug)]
struct Walker {
    rng: SmallRng,
    present: Vec<Held>,
    spare: Spare,
    /// The sum of the values of the present keys.
    total: i64,
    stored: i64,
}

/// Keys to insert.
#[derive(Debug)]
enum Spare {
    /// New ones, every `step`th from `next` on.
    New { next: u64, step: u64 },
    /// The keys that are absent at the moment, as many as are present.
    Again(Vec<u32>),
}

/// A key that is present, and its value.
#[derive(Clone, Copy, Debug)]
struct Held {
    key: u32,
    value: i64,
}

impl Churn {
    /// Begins on a map that is filled with this many keys; nothing has moved yet.
    #[must_use]
    pub fn new(op: Op, keys: usize, threads: usize) -> Self {
        let walker = |thread: usize| {
            let own = || (thread..keys).step_by(threads).map(|key| key as u32);
            let present: Vec<_> = own().map(|key| Held { key, value: value_of(key) }).collect();
            let spare = match op {
                // The same keys, one map's size further on.
                Op::Reinsert => Spare::Again(own().map(|key| key + keys as u32).collect()),
                _ => Spare::New { next: (keys + thread) as u64, step: threads as u64 },
            };
            let total = present.iter().map(|held| held.value).sum();
            let rng = SmallRng::seed_from_u64(SEED ^ thread as u64);
            Mutex::new(Walker { rng, present, spare, total, stored: 0 })
        };
        Self { walkers: (0..threads).map(walker).collect() }
    }

    fn with<R>(&self, thread: usize, use_it: impl FnOnce(&mut Walker) -> R) -> R {
        use_it(&mut self.walkers[thread].lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Walker {
    /// So many steps ahead: the keys to remove and to insert, in turn. The first is stored as `first`, each further
    /// one as one more; objects are few, and begin again.
    fn walk(&mut self, work: &Work, steps: usize, first: i64) -> Keys {
        let mut moves = Vec::with_capacity(steps * 2);
        for step in 0..steps {
            let at = self.rng.random_range(0..self.present.len());
            let removed = self.present[at];
            let key = match &mut self.spare {
                Spare::New { next, step } => {
                    let new =
                        u32::try_from(*next).expect("no cell churns through four thousand million keys");
                    *next += *step;
                    new
                }
                Spare::Again(absent) => {
                    let at = self.rng.random_range(0..absent.len());
                    std::mem::replace(&mut absent[at], removed.key)
                }
            };
            let place = if work.cache == Cache::Obj { step % OBJECTS } else { step };
            let value = first.wrapping_add(place as i64);
            self.present[at] = Held { key, value };
            self.total = self.total.wrapping_add(value).wrapping_sub(removed.value);
            moves.extend([removed.key, key]);
        }
        self.stored += steps as i64;
        Keys::of(work.key_type, moves, work.key_len)
    }
}

impl Cell<'_> {
    /// Times `rounds` of churn on a map that is as `churn` left it, and checks it.
    ///
    /// # Errors
    ///
    /// If a key was not there to be removed, or the map does not hold afterwards what it should.
    pub fn on_churned(&self, subject: &dyn Subject, churn: &Churn, rounds: usize) -> Result<Sample, Fault> {
        let (op, cache) = (self.work.op, self.work.cache);
        let steps = STEPS * rounds;
        let (elapsed, done) = self.team.run(
            |thread| {
                churn.with(thread, |walker| {
                    let first = first_of(thread) + walker.stored;
                    let stored = if cache == Cache::Obj { steps } else { 0 };
                    (thread, walker.walk(self.work, steps, first), first, objects(first, stored))
                })
            },
            |(thread, keys, first, objects)| {
                counted(|| self.drive(*thread, subject, Batch { keys: keys.all(), first: *first, objects }))
            },
        );
        let (sample, tally) = self.sample(subject, elapsed, &done, STEPS * 2 * rounds * self.work.threads);
        if sample.hits.is_some() {
            self.expect("keys found to remove", tally.hits, sample.ops / 2)?;
            self.expect("keys in the map", subject.count(), self.keys.count())?;
            let totals = (0..self.work.threads).map(|thread| churn.with(thread, |walker| walker.total));
            self.expect("the sum of all values", subject.total(), totals.fold(0, i64::wrapping_add))?;
            (0..self.work.threads).try_for_each(|thread| self.check_present(subject, churn, thread, op))?;
        }
        Ok(sample)
    }

    /// Some of the keys that a thread has present must be found with their values.
    fn check_present(
        &self,
        subject: &dyn Subject,
        churn: &Churn,
        thread: usize,
        op: Op,
    ) -> Result<(), Fault> {
        let some: Vec<Held> = churn.with(thread, |walker| {
            let every = walker.present.len().div_ceil(LOOKED_AT);
            walker.present.iter().step_by(every).copied().collect()
        });
        let numbers = some.iter().map(|held| held.key);
        let keys = Keys::of(self.work.key_type, numbers, self.work.key_len);
        for (key, held) in keys.all().zip(some) {
            let read = subject
                .run(Op::Get, Batch { keys: KeyIter::one(key), first: 0, objects: &mut objects(0, 0) });
            self.expect(&format!("keys found after {op}"), read.hits, 1)?;
            self.expect("the value of a key that came", read.sum, held.value)?;
        }
        Ok(())
    }
}

/// The operations of one thread in a round.
pub(crate) const ROUND_OPS: usize = STEPS * 2;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use hotcache_bench_plan::{Dist, KeyCount, KeyType};

    use super::*;
    use crate::keys::KeyForm;

    fn walked(op: Op, rounds: usize) -> Vec<String> {
        let churn = Churn::new(op, 10, 2);
        let (max_key, dist, key_type) = (KeyCount(10), Dist::Uniform, KeyType::Str);
        let work = Work { cache: Cache::Int, op, max_key, threads: 2, dist, key_type, key_len: 6 };
        let mut present: HashSet<String> = str::of(Keys::render(0..10, 6).all()).map(str::to_owned).collect();
        let mut inserted = Vec::new();
        for _ in 0..rounds {
            for thread in 0..2 {
                let moves = churn.with(thread, |walker| walker.walk(&work, 50, 7));
                let mut keys = str::of(moves.all());
                while let Some((old, new)) = keys.next().zip(keys.next()) {
                    assert!(present.remove(old), "{old} is there");
                    assert!(present.insert(new.to_owned()), "{new} is not there");
                    inserted.push(new.to_owned());
                }
            }
        }
        assert_eq!(present.len(), 10);
        inserted
    }

    #[test]
    fn churn_inserts_each_key_once() {
        let inserted = walked(Op::Churn, 3);
        let distinct: HashSet<_> = inserted.iter().collect();
        assert_eq!((inserted.len(), distinct.len()), (300, 300));
    }

    #[test]
    fn reinsertion_keeps_to_twice_the_keys() {
        let inserted = walked(Op::Reinsert, 3);
        let distinct: HashSet<_> = inserted.iter().collect();
        assert_eq!((inserted.len(), distinct.len()), (300, 20));
    }
}
