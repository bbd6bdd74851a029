use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hotcache::policy::ManualClock;
use hotcache_bench_plan::{BoundedWork, KeyType, Requests};
use hotcache_report::Percentiles;

use super::inputs::{Inputs, SETTLING, text};
use super::series::Series;
use super::{Found, Setup, Subject};
use crate::alloc::Allocated;
use crate::fault::Fault;
use crate::keys::{Keys, Room};
use crate::sample::{Sample, counted};
use crate::stream::{Stream, are_far, chunk_of};
use crate::team::Team;
use crate::timer::{Timer, percentiles};

/// The time to live where entries have one: longer than any run.
const LONG: Duration = Duration::from_secs(24 * 60 * 60);

/// The time to live of entries that fall due.
const SHORT: Duration = Duration::from_secs(10);

/// The time in which they all do.
const WITHIN: Duration = Duration::from_secs(1);

/// How often each key is looked up before the first look-up is timed: until then, a hit writes to its entry.
const WARM_UP: usize = 3;

/// By which share a peer may exceed its bound, which some share out among shards and round up, and by how many entries.
const SLACK: (usize, usize) = (20, 64);

/// A cache in use.
pub(super) struct Tested<'a> {
    series: &'a Series,
    inputs: &'a Inputs,
    subject: Box<dyn Subject>,
    clock: ManualClock,
    /// The number of the next key that was never used.
    unused: AtomicU64,
}

/// The hits and the allocations of one thread.
type Done = (Found, Allocated);

impl<'a> Tested<'a> {
    /// Builds a cache and brings it to where it is measured, and tells the turn with which its requests go on.
    pub(super) fn new(series: &'a Series, inputs: &'a Inputs) -> (Self, usize) {
        let requests = inputs.requests;
        let clock = ManualClock::new();
        let setup = Setup::new(requests.capacity(), KeyType::Str);
        let setup = match requests {
            Requests::Hits { expires: true, .. } => Setup { lifetime: Some(LONG), ..setup },
            Requests::Expiring { .. } => Setup { lifetime: Some(SHORT), clock: Some(clock.clone()), ..setup },
            _ => setup,
        };
        let (subject, unused) = ((series.build)(&setup), AtomicU64::new(inputs.unused));
        let tested = Self { series, inputs, subject, clock, unused };
        let turn = tested.prepare();
        (tested, turn)
    }

    fn prepare(&self) -> usize {
        let (subject, first) = (&*self.subject, &self.inputs.first);
        match self.inputs.requests {
            Requests::Hits { .. } => {
                subject.insert(first.all(), &mut || {});
                for _ in 0..WARM_UP {
                    subject.look_up(first.all());
                }
            }
            Requests::Misses { .. } | Requests::Evicting { .. } => subject.insert(first.all(), &mut || {}),
            Requests::Mix { .. } => {
                subject.insert(first.all(), &mut || {});
                let turns = SETTLING / Self::round_ops();
                for turn in 0..turns {
                    subject.request(self.inputs.streams[0].chunk(turn).keys);
                }
                return turns;
            }
            Requests::Expiring { keys } => {
                subject.insert(first.all(), &mut || self.clock.advance(WITHIN / keys as u32));
                // Until just before the first falls due.
                self.clock.advance(SHORT - WITHIN);
            }
        }
        0
    }

    /// The operations of a thread in a round.
    pub(super) fn round_ops() -> usize {
        chunk_of(BoundedWork::KEY_LEN)
    }

    /// Times `rounds` of requests of each thread, beginning with those of this turn, and checks what they found.
    pub(super) fn sample(
        &self,
        cell: &str,
        team: &Team,
        turn: usize,
        rounds: usize,
    ) -> Result<Sample, Fault> {
        let (elapsed, done) = match self.inputs.requests {
            Requests::Misses { .. } => self.new_keys(team, rounds),
            _ => self.streamed(team, turn..turn + rounds),
        };
        let ops = (Self::round_ops() * rounds * team.threads()) as u64;
        let (mut found, mut allocated) = (Found::default(), Allocated::default());
        for (of_thread, by_thread) in done {
            found += of_thread;
            allocated += by_thread;
        }
        if !self.subject.stores() {
            return Ok(Sample { elapsed, ops, hits: None, told: 0, allocated });
        }
        Fault::unless_equal(cell, "bits in which values differ from those of their keys", found.wrong, 0)?;
        match self.inputs.requests {
            Requests::Hits { .. } if self.series.is_ours() => {
                Fault::unless_equal(cell, "keys found, all of which fit", found.hits, ops)?;
            }
            Requests::Misses { .. } => {
                Fault::unless_equal(cell, "keys found that were never there", found.hits, 0)?;
            }
            _ => {}
        }
        Ok(Sample { elapsed, ops, hits: Some(found.hits), told: ops, allocated })
    }

    /// Requests from streams that were rendered before.
    fn streamed(&self, team: &Team, turns: Range<usize>) -> (Duration, Vec<Done>) {
        let (subject, streams) = (&*self.subject, &self.inputs.streams[..team.threads()]);
        let is_hits = matches!(self.inputs.requests, Requests::Hits { .. });
        // As in the matrix: streams that come from memory are brought near, a chunk at a time.
        let is_far = are_far(streams.iter().map(Stream::keys));
        let legs: Vec<_> = if is_far { turns.map(|turn| turn..turn + 1).collect() } else { vec![turns] };
        let (elapsed, states) = team.run_legs(
            legs.len(),
            |thread| (thread, Room::default(), Done::default()),
            |(thread, near, _), leg| {
                if is_far {
                    streams[*thread].chunk(legs[leg].start).keys.copy_to(near);
                }
            },
            |(thread, near, done), leg| {
                let (found, allocated) = counted(|| {
                    let mut found = Found::default();
                    for turn in legs[leg].clone() {
                        let keys = streams[*thread].chunk(turn).keys;
                        let keys = if is_far { keys.at(near) } else { keys };
                        found += if is_hits { subject.look_up(keys) } else { subject.request(keys) };
                    }
                    found
                });
                done.0 += found;
                done.1 += allocated;
            },
        );
        (elapsed, states.into_iter().map(|(_, _, done)| done).collect())
    }

    /// Requests for keys that were never used.
    fn new_keys(&self, team: &Team, rounds: usize) -> (Duration, Vec<Done>) {
        team.run(
            |_| self.take_unused(Self::round_ops() * rounds),
            |keys| counted(|| self.subject.request(keys.all())),
        )
    }

    fn take_unused(&self, count: usize) -> Keys {
        let first = self.unused.fetch_add(count as u64, Ordering::Relaxed);
        let first = u32::try_from(first).expect("no cell asks for four thousand million keys");
        text(first..first + count as u32)
    }

    /// Times each of many inserts of new keys, and returns the time of all, and percentiles of their times.
    pub(super) fn time_inserts(&self, cell: &str) -> Result<(Sample, Percentiles), Fault> {
        let (count, step) = match self.inputs.requests {
            Requests::Expiring { keys } => (keys, WITHIN / keys as u32),
            requests => (requests.capacity(), Duration::ZERO),
        };
        let keys = self.take_unused(count);
        let mut timer = Timer::unscheduled();
        let ((), allocated) =
            counted(|| self.subject.insert_timed(keys.all(), &mut timer, &mut || self.clock.advance(step)));
        if self.subject.stores() && !step.is_zero() {
            let old = self.subject.look_up(self.inputs.first.all());
            Fault::unless_equal(cell, "keys found that are past their time", old.hits, 0)?;
        }
        let times = timer.times();
        let elapsed = Duration::from_nanos((times.mean() * count as f64) as u64);
        let sample = Sample { elapsed, ops: count as u64, hits: None, told: 0, allocated };
        Ok((sample, percentiles(times)))
    }

    /// Checks that the cache keeps its bound, and is full where it should be.
    pub(super) fn check_count(&self, cell: &str) -> Result<(), Fault> {
        let Some(count) = self.subject.count() else { return Ok(()) };
        let capacity = self.inputs.requests.capacity();
        let (share, entries) = SLACK;
        let most = if self.series.is_ours() { capacity } else { capacity + capacity / share + entries };
        let least = match self.inputs.requests {
            Requests::Hits { .. } | Requests::Expiring { .. } => 0,
            _ => capacity - capacity / 10,
        };
        if (least..=most).contains(&count) {
            return Ok(());
        }
        let what = format!("{count} entries in the cache, where {least} to {most} were expected");
        Err(Fault { cell: cell.to_owned(), what })
    }
}
