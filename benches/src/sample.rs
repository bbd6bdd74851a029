//! One timing of one cell: many operations, the clock around them, and the check after it.

use std::time::Duration;

use hotcache_bench_plan::{Cache, Op, Work};

use crate::alloc::{Allocated, by_this_thread};
use crate::fault::Fault;
use crate::keys::Keys;
use crate::peers::{Build, Setup};
use crate::stream::Stream;
use crate::subject::{Batch, Checks, Objects, STORED, Subject, Tally, objects};
use crate::team::Team;

/// Operations that small maps are filled or emptied with in one round, so that the clock is looked at seldom.
const ROUND: usize = 16_384;

/// A cell: what is done, and with which keys.
#[derive(Clone, Copy, Debug)]
pub struct Cell<'a> {
    /// Its name.
    pub name: &'a str,
    /// What is done.
    pub work: &'a Work,
    /// Each thread's keys.
    pub streams: &'a [Stream],
    /// Every key once.
    pub keys: &'a Keys,
    /// The threads.
    pub team: &'a Team,
}

/// What was timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// From the release of the threads to the last finish.
    pub elapsed: Duration,
    /// Operations of all threads.
    pub ops: u64,
    /// How many of them found their key, if the operation tells and the row can be checked.
    pub hits: Option<u64>,
    /// What the operations allocated.
    pub allocated: Allocated,
}

/// What a thread's work came to.
type Done = (Tally, Allocated);

impl<'a> Cell<'a> {
    /// Times `rounds` chunks of each stream on a filled map, beginning with the chunk at `turn`.
    ///
    /// # Errors
    ///
    /// If the results, or what is in the map afterwards, are not what the operations say.
    pub fn on_filled(&self, subject: &dyn Subject, turn: usize, rounds: usize) -> Result<Sample, Fault> {
        let op = self.work.op;
        let total_before = self.total_if(subject, op == Op::Add);
        let (elapsed, done) = self.team.run(
            |thread| {
                let stream = &self.streams[thread];
                (stream, self.objects(stream.chunk_len() * rounds))
            },
            |(stream, objects)| {
                counted(|| {
                    let mut tally = Tally::default();
                    for turn in turn..turn + rounds {
                        let keys = stream.chunk(turn).keys;
                        tally += subject.run(op, Batch { keys, objects });
                    }
                    tally
                })
            },
        );
        let sample = self.sample(subject, elapsed, &done, self.chunk_ops() * rounds);
        let chunks =
            || self.streams.iter().flat_map(|stream| (turn..turn + rounds).map(|turn| stream.chunk(turn)));
        let checks = subject.checks();
        if op == Op::Get && checks == Checks::All {
            let sum = done.iter().fold(0, |sum: i64, (tally, _)| sum.wrapping_add(tally.sum));
            self.expect("keys found", sample.hits.unwrap_or(0), sample.ops)?;
            self.expect("the sum of the values read", sum, chunks().map(|chunk| chunk.sum).sum())?;
        }
        if op == Op::Add && checks != Checks::None {
            let added = subject.total().wrapping_sub(total_before);
            self.expect("the sum of all adds of 1", added, sample.ops as i64)?;
        }
        if op == Op::Set && checks == Checks::All {
            // What the last chunk of each thread stored is still there, as all store the same.
            let last = self.streams.iter().map(|stream| stream.chunk(turn + rounds - 1));
            let (mut read, mut keys) = (Tally::default(), 0);
            for chunk in last {
                keys += chunk.keys.len();
                read += subject.run(Op::Get, Batch { keys: chunk.keys, objects: &mut objects(0) });
            }
            self.expect("keys found after set", read.hits, keys as u64)?;
            self.expect("the sum of the values set", read.sum, STORED * keys as i64)?;
        }
        if checks == Checks::All {
            self.expect("keys in the map", subject.count(), self.keys.count())?;
        }
        Ok(sample)
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
            let subjects: Vec<_> = (0..maps).map(|_| build(&Setup::for_keys(self.keys.count()))).collect();
            if op == Op::Del {
                subjects.iter().for_each(|subject| subject.fill(self.keys.all()));
            }
            let (elapsed, done) = self.team.run(
                |thread| {
                    let stream = &self.streams[thread];
                    (stream, self.objects(stream.chunk_len() * maps))
                },
                |(stream, objects)| {
                    counted(|| {
                        let mut tally = Tally::default();
                        for subject in &subjects {
                            let keys = stream.chunk(0).keys;
                            tally += subject.run(op, Batch { keys, objects });
                        }
                        tally
                    })
                },
            );
            let Some(first) = subjects.first() else { break };
            let sample = self.sample(&**first, elapsed, &done, self.chunk_ops() * maps);
            for subject in &subjects {
                self.check_fresh(&**subject, sample)?;
            }
            drop(subjects);
            reclaim();
            all = Some(all.map_or(sample, |all| all.and(sample)));
        }
        Ok(all.expect("a sample has at least one round"))
    }

    fn check_fresh(&self, subject: &dyn Subject, sample: Sample) -> Result<(), Fault> {
        if subject.checks() == Checks::None {
            return Ok(());
        }
        if self.work.op == Op::Del {
            self.expect("keys found to delete", sample.hits.unwrap_or(0), sample.ops)?;
            return self.expect("keys left after deleting all", subject.count(), 0);
        }
        let keys = self.keys.count();
        self.expect("keys after inserting all", subject.count(), keys)?;
        self.expect("the sum of the values inserted", subject.total(), STORED * keys as i64)
    }

    /// The operations of all threads in a round.
    #[must_use]
    pub fn round_ops(&self) -> usize {
        if self.work.op.consumes() { self.chunk_ops() * self.maps_per_round() } else { self.chunk_ops() }
    }

    /// How many maps a round fills or empties.
    fn maps_per_round(&self) -> usize {
        ROUND.div_ceil(self.keys.count())
    }

    /// The operations of all threads in one chunk each.
    fn chunk_ops(&self) -> usize {
        self.streams.iter().map(Stream::chunk_len).sum()
    }

    /// The objects that this many operations store.
    fn objects(&self, count: usize) -> Objects {
        let stores = self.work.cache == Cache::Obj && matches!(self.work.op, Op::Set | Op::Insert);
        objects(if stores { count } else { 0 })
    }

    fn total_if(&self, subject: &dyn Subject, wanted: bool) -> i64 {
        if wanted { subject.total() } else { 0 }
    }

    fn sample(&self, subject: &dyn Subject, elapsed: Duration, done: &[Done], ops: usize) -> Sample {
        let mut allocated = Allocated::default();
        let mut hits = 0;
        for (tally, by_thread) in done {
            allocated += *by_thread;
            hits += tally.hits;
        }
        let tells = matches!(self.work.op, Op::Get | Op::Del) && subject.checks() == Checks::All;
        Sample { elapsed, ops: ops as u64, hits: tells.then_some(hits), allocated }
    }

    fn expect<T: PartialEq + std::fmt::Display>(
        &self,
        what: &str,
        found: T,
        expected: T,
    ) -> Result<(), Fault> {
        Fault::unless_equal(self.name, what, found, expected)
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
            allocated,
        }
    }

    /// Nanoseconds for an operation of one of so many threads.
    #[must_use]
    pub fn ns_per_op(&self, threads: usize) -> f64 {
        self.elapsed.as_nanos() as f64 * threads as f64 / self.ops as f64
    }
}

fn counted(work: impl FnOnce() -> Tally) -> Done {
    let before = by_this_thread();
    let tally = work();
    (tally, by_this_thread().since(before))
}
