//! One timing of one cell: many operations, the clock around them, and the check after it.

use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hotcache_bench_plan::{Cache, Op, Work};

use crate::alloc::{Allocated, by_this_thread};
use crate::churn;
use crate::fault::Fault;
use crate::keys::{Keys, Room};
use crate::mix::{MixStream, Mixed, Steps};
use crate::peers::{Build, Setup};
use crate::stream::{CHUNK, Stream, are_far, chunk_of};
use crate::subject::{Batch, Checks, OBJECTS, Objects, Subject, Tally, objects, objects_among};
use crate::team::Team;
use crate::timer::Timer;

/// Values that one thread stores in a run: as many as no run has operations.
const THREAD_SHIFT: u32 = 44;

/// Operations that small maps are filled or emptied with in one round, so that the clock is looked at seldom.
const ROUND: usize = CHUNK * 2;

/// A cell: its work and its keys.
#[derive(Clone, Copy, Debug)]
pub struct Cell<'a> {
    /// Its name.
    pub name: &'a str,
    /// The work.
    pub work: &'a Work,
    /// The keys of each thread, for work that is neither churn nor a mix.
    pub streams: &'a [Stream],
    /// Each thread's steps, for a mix.
    pub mixed: &'a [MixStream],
    /// Every key once.
    pub keys: &'a Keys,
    /// The threads.
    pub team: &'a Team,
    /// A timer for each thread, if every operation is timed separately.
    pub timers: Option<&'a [Mutex<Timer>]>,
}

/// A timed sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// From the release of the threads to the last finish.
    pub elapsed: Duration,
    /// Operations of all threads.
    pub ops: u64,
    /// How many of them found their key, if the operation tells and the row can be checked.
    pub hits: Option<u64>,
    /// How many of them tell whether they found it.
    pub told: u64,
    /// The allocations of the operations.
    pub allocated: Allocated,
}

/// The results of a thread.
type Done = (Tally, Allocated);

/// The inputs of a thread.
struct ThreadState<'a> {
    thread: usize,
    stream: &'a Stream,
    /// The keys of one chunk, where they are brought near.
    near: Room,
    /// The next value to store.
    first: i64,
    objects: Objects,
    done: Done,
}

impl Cell<'_> {
    /// Times `rounds` chunks of each stream on a filled map, beginning with the chunk at `turn`, and checks them.
    ///
    /// # Errors
    ///
    /// If the results, or the contents of the map afterwards, do not match the operations.
    pub fn on_filled(&self, subject: &dyn Subject, turn: usize, rounds: usize) -> Result<Sample, Fault> {
        let adds = self.work.op == Op::Add && subject.checks() != Checks::None;
        let total_before = if adds { subject.total() } else { 0 };
        let (sample, tally) = self.time(subject, turn, rounds);
        self.check_filled(subject, total_before, turn, rounds, sample, tally)?;
        Ok(sample)
    }

    /// Times like [`on_filled`](Cell::on_filled), and leaves the checks to the caller.
    pub fn time(&self, subject: &dyn Subject, turn: usize, rounds: usize) -> (Sample, Tally) {
        let legs = self.legs(turn, rounds);
        let (elapsed, states) = self.team.run_legs(
            legs.len(),
            |thread| ThreadState {
                stream: &self.streams[thread],
                near: Room::default(),
                first: self.first(thread, turn),
                objects: self.objects(thread, turn, self.streams[thread].chunk_len() * rounds),
                done: Done::default(),
                thread,
            },
            |state, leg| {
                if self.is_far() {
                    state.stream.chunk(legs[leg].start).keys.copy_to(&mut state.near);
                }
            },
            |state, leg| {
                let ThreadState { thread, stream, near, first, objects, done } = state;
                let (tally, allocated) = counted(|| {
                    let mut tally = Tally::default();
                    for turn in legs[leg].clone() {
                        let keys = stream.chunk(turn).keys;
                        let keys = if self.is_far() { keys.at(near) } else { keys };
                        tally += self.drive(*thread, subject, Batch { keys, first: *first, objects });
                        *first += keys.len() as i64;
                    }
                    tally
                });
                done.0 += tally;
                done.1 += allocated;
            },
        );
        let done: Vec<_> = states.into_iter().map(|state| state.done).collect();
        self.sample(subject, elapsed, &done, self.chunk_ops() * rounds)
    }

    /// The turns between two reads of the clock: all turns, or a single one if its keys are copied to the cache
    /// first.
    pub(crate) fn legs(&self, turn: usize, rounds: usize) -> Vec<Range<usize>> {
        let turns = turn..turn + rounds;
        if self.is_far() { turns.map(|turn| turn..turn + 1).collect() } else { vec![turns] }
    }

    /// Whether keys are copied to a core's own cache, chunk by chunk, before the clock runs: where they would come from
    /// memory meanwhile, and the harness take as long as a map. A schedule of arrivals goes on meanwhile, and hides that.
    pub(crate) fn is_far(&self) -> bool {
        let texts = self.streams.iter().map(Stream::keys).chain(self.mixed.iter().map(MixStream::keys));
        self.timers.is_none() && !self.work.max_key.is_own() && are_far(texts)
    }

    /// Does a batch, each operation timed where that is wanted.
    pub(crate) fn drive(&self, thread: usize, subject: &dyn Subject, batch: Batch<'_>) -> Tally {
        match self.timer(thread) {
            None => subject.run(self.work.op, batch),
            Some(mut timer) => subject.timed(self.work.op, batch, &mut timer),
        }
    }

    /// Does steps of a mix, each timed where that is wanted.
    pub(crate) fn drive_mix(
        &self,
        thread: usize,
        subject: &dyn Subject,
        steps: Steps<'_>,
        next: &mut i64,
        objects: &mut Objects,
    ) -> Mixed {
        match self.timer(thread) {
            None => subject.mix(steps, next, objects),
            Some(mut timer) => subject.mix_timed(steps, next, objects, &mut timer),
        }
    }

    /// The timer of a thread, if there is one.
    fn timer(&self, thread: usize) -> Option<MutexGuard<'_, Timer>> {
        self.timers.map(|timers| timers[thread].lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Times `rounds` of filling or emptying maps, each built for it.
    ///
    /// # Errors
    ///
    /// If a map does not hold afterwards what it should.
    pub fn on_fresh(&self, build: Build, reclaim: fn(), rounds: usize) -> Result<Sample, Fault> {
        let (op, maps) = (self.work.op, self.maps_per_round());
        let mut all: Option<Sample> = None;
        for _ in 0..rounds {
            let subjects: Vec<_> = (0..maps).map(|_| build(&Setup::of(self.keys))).collect();
            if op == Op::Del {
                subjects.iter().for_each(|subject| subject.fill(self.keys.all()));
            }
            let (elapsed, done) = self.team.run(
                |thread| {
                    let stream = &self.streams[thread];
                    let few: Vec<_> = self.objects(thread, 0, stream.chunk_len().min(OBJECTS)).collect();
                    let objects = (0..maps).flat_map(|_| objects_among(&few, stream.chunk_len()));
                    (thread, stream, self.first(thread, 0), objects.collect::<Vec<_>>().into_iter())
                },
                |(thread, stream, first, objects)| {
                    counted(|| {
                        let mut tally = Tally::default();
                        for subject in &subjects {
                            let keys = stream.chunk(0).keys;
                            tally += self.drive(*thread, &**subject, Batch { keys, first: *first, objects });
                        }
                        tally
                    })
                },
            );
            let Some(first) = subjects.first() else { break };
            let (sample, tally) = self.sample(&**first, elapsed, &done, self.chunk_ops() * maps);
            for subject in &subjects {
                self.check_fresh(&**subject, sample, tally)?;
            }
            drop(subjects);
            reclaim();
            all = Some(all.map_or(sample, |all| all.and(sample)));
        }
        Ok(all.expect("a sample has at least one round"))
    }

    /// The operations of all threads in a round.
    #[must_use]
    pub fn round_ops(&self) -> usize {
        match self.work.op {
            op if op.consumes() => self.chunk_ops() * self.maps_per_round(),
            op if op.churns() => churn::ROUND_OPS * self.work.threads,
            op if op.mix().is_some() => chunk_of(self.work.key_len) * self.work.threads,
            _ => self.chunk_ops(),
        }
    }

    /// How many maps a round fills or empties.
    pub(crate) fn maps_per_round(&self) -> usize {
        if self.work.op == Op::Grow { 1 } else { ROUND.div_ceil(self.keys.count()) }
    }

    /// The operations of all threads in one chunk each.
    fn chunk_ops(&self) -> usize {
        self.streams.iter().map(Stream::chunk_len).sum()
    }

    /// The first value that a thread stores in the sample that begins at this turn: unlike any that a map is filled
    /// with, and any that another thread or another sample stores.
    pub(crate) fn first(&self, thread: usize, turn: usize) -> i64 {
        let so_far = turn * self.streams[thread].chunk_len();
        first_of(thread) + so_far as i64
    }

    /// Returns the value that operation `i` of a thread stores in the sample that begins at this turn.
    pub(crate) fn stored(&self, thread: usize, turn: usize, i: usize) -> i64 {
        let i = if self.work.cache == Cache::Obj { i % OBJECTS } else { i };
        self.first(thread, turn) + i as i64
    }

    /// The objects that this many operations of a thread store.
    fn objects(&self, thread: usize, turn: usize, count: usize) -> Objects {
        let stores = self.work.cache == Cache::Obj && matches!(self.work.op, Op::Set | Op::Insert | Op::Grow);
        objects(self.first(thread, turn), if stores { count } else { 0 })
    }

    pub(crate) fn sample(
        &self,
        subject: &dyn Subject,
        elapsed: Duration,
        done: &[Done],
        ops: usize,
    ) -> (Sample, Tally) {
        let mut allocated = Allocated::default();
        let mut tally = Tally::default();
        for (of_thread, by_thread) in done {
            tally += *of_thread;
            allocated += *by_thread;
        }
        let told = match self.work.op {
            op if op.reads() || op == Op::Del => ops,
            // Every other operation removes a key.
            op if op.churns() => ops / 2,
            _ => 0,
        };
        let hits = (told > 0 && subject.checks() == Checks::All).then_some(tally.hits);
        (Sample { elapsed, ops: ops as u64, hits, told: told as u64, allocated }, tally)
    }
}

impl Sample {
    /// This and another as one.
    #[must_use]
    pub fn and(self, other: Sample) -> Sample {
        let mut allocated = self.allocated;
        allocated += other.allocated;
        Sample {
            elapsed: self.elapsed + other.elapsed,
            ops: self.ops + other.ops,
            hits: self.hits.zip(other.hits).map(|(a, b)| a + b),
            told: self.told + other.told,
            allocated,
        }
    }

    /// Returns nanoseconds per operation of one of `threads` threads.
    #[must_use]
    pub fn ns_per_op(&self, threads: usize) -> f64 {
        self.elapsed.as_nanos() as f64 * threads as f64 / self.ops as f64
    }
}

/// Returns the result of `work` and its allocations.
pub(crate) fn counted<T>(work: impl FnOnce() -> T) -> (T, Allocated) {
    let before = by_this_thread();
    let done = work();
    (done, by_this_thread().since(before))
}

/// The first value that a thread stores in a cell: unlike any that a map is filled with, and any that another thread
/// stores.
pub(crate) fn first_of(thread: usize) -> i64 {
    -((thread as i64 + 1) << THREAD_SHIFT)
}
