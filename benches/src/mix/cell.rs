use hotcache_bench_plan::{Cache, Mix, Op};

use super::{Mixed, Model, Step};
use crate::alloc::Allocated;
use crate::fault::Fault;
use crate::keys::{KeyIter, Keys, Room};
use crate::sample::{Cell, Sample, counted, first_of};
use crate::stream::CHUNK;
use crate::subject::{Batch, Checks, Objects, Subject, objects};

/// The steps of each thread whose keys are looked at after a sample.
const LOOKED_AT: usize = 1_024;

/// The inputs of a thread, and the results of its steps.
struct ThreadState {
    thread: usize,
    /// The next value to store.
    next: i64,
    objects: Objects,
    /// The keys of one chunk, where they are brought near.
    near: Room,
    found: Mixed,
    allocated: Allocated,
}

impl Cell<'_> {
    /// Times `rounds` chunks of each thread's mix, beginning with the chunk at `turn`, on a map that is as `model`
    /// says, and checks it against the model.
    ///
    /// # Errors
    ///
    /// If the results, or the contents of the map afterwards, differ from the model.
    pub fn on_mixed(
        &self,
        subject: &dyn Subject,
        mix: Mix,
        model: &mut Model,
        turn: usize,
        rounds: usize,
    ) -> Result<Sample, Fault> {
        let streams = self.mixed;
        let turns = turn..turn + rounds;
        let numbered = |thread: usize| turns.clone().flat_map(move |turn| streams[thread].numbered(turn));
        let takes = |step| self.work.cache == Cache::Obj && matches!(step, Step::Set | Step::Insert);
        let sums = subject.checks() == Checks::Sum && mix.commutes();
        let total_before = if sums { subject.total() } else { 0 };
        let (legs, is_far) = (self.legs(turn, rounds), self.is_far());
        let (elapsed, states) = self.team.run_legs(
            legs.len(),
            |thread| {
                let taken = numbered(thread).filter(|(step, _)| takes(*step)).count();
                let next = first_at(thread, turn);
                let (objects, near) = (objects(next, taken), Room::default());
                ThreadState {
                    thread,
                    next,
                    objects,
                    near,
                    found: Mixed::default(),
                    allocated: Allocated::default(),
                }
            },
            |state, leg| {
                if is_far {
                    streams[state.thread].chunk(legs[leg].start).copy_to(&mut state.near);
                }
            },
            |ThreadState { thread, next, objects, near, found, allocated }, leg| {
                let (mixed, by_thread) = counted(|| {
                    let mut mixed = Mixed::default();
                    for turn in legs[leg].clone() {
                        let steps = streams[*thread].chunk(turn);
                        let steps = if is_far { steps.at(near) } else { steps };
                        mixed += self.drive_mix(*thread, subject, steps, next, objects);
                    }
                    mixed
                });
                *found += mixed;
                *allocated += by_thread;
            },
        );
        let threads = 0..self.work.threads;
        let (mut found, mut expected, mut reads, mut looks) = (Mixed::default(), Mixed::default(), 0, 0);
        let expected_before = model.total();
        for thread in threads.clone() {
            reads += numbered(thread).filter(|(step, _)| *step == Step::Read).count() as u64;
            looks += numbered(thread).filter(|(step, _)| *step == Step::Look).count() as u64;
            expected += model.play(numbered(thread), first_at(thread, turn));
        }
        let mut allocated = Allocated::default();
        for state in &states {
            found += state.found;
            allocated += state.allocated;
        }
        match subject.checks() {
            Checks::None => {}
            // Keys share places, but nothing added is lost.
            Checks::Sum if sums => {
                let added = subject.total().wrapping_sub(total_before);
                self.expect("the sum of all adds of 1", added, model.total().wrapping_sub(expected_before))?;
            }
            Checks::Sum => {}
            Checks::All => {
                self.expect(
                    "keys found that only one thread writes to",
                    found.read.hits,
                    expected.read.hits,
                )?;
                self.expect("the sum of the values read", found.read.sum, expected.read.sum)?;
                self.expect("the sum of what adds returned", found.added, expected.added)?;
                self.expect("keys found to delete", found.deleted, expected.deleted)?;
                if !mix.deletes() {
                    self.expect("keys found", found.looked.hits, looks)?;
                }
                self.expect("keys in the map", subject.count(), model.count())?;
                self.expect("the sum of all values", subject.total(), model.total())?;
                threads.clone().try_for_each(|thread| self.check_keys(subject, numbered(thread), model))?;
            }
        }
        let ops = (self.round_ops() * rounds) as u64;
        let hits = (subject.checks() == Checks::All).then_some(found.read.hits + found.looked.hits);
        Ok(Sample { elapsed, ops, hits, told: reads + looks, allocated })
    }

    /// Some of the keys of these steps must hold what the model holds.
    fn check_keys(
        &self,
        subject: &dyn Subject,
        steps: impl Iterator<Item = (Step, u32)>,
        model: &Model,
    ) -> Result<(), Fault> {
        let some: Vec<u32> = steps.map(|(_, key)| key).take(LOOKED_AT).collect();
        let keys = Keys::of(self.work.key_type, some.iter().copied(), self.work.key_len);
        for (key, number) in keys.all().zip(some) {
            let read = Batch { keys: KeyIter::one(key), first: 0, objects: &mut objects(0, 0) };
            let read = subject.run(Op::Get, read);
            let value = model.value(number);
            self.expect("keys found afterwards", read.hits, u64::from(value.is_some()))?;
            self.expect("the value of a key afterwards", read.sum, value.unwrap_or(0))?;
        }
        Ok(())
    }
}

/// The first value that a thread stores in the sample that begins at this turn: unlike any that another thread or
/// another sample stores.
fn first_at(thread: usize, turn: usize) -> i64 {
    first_of(thread) + (turn * CHUNK) as i64
}
