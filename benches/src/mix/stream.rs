use std::ops::Range;
use std::slice;

use hotcache_bench_plan::{Mix, Op, Work};
use rand::SeedableRng;
use rand::rngs::SmallRng;
use rand_distr::Distribution;
use rand_distr::weighted::WeightedIndex;

use crate::keys::{KeyForm, KeyIter, Keys, Room};
use crate::stream::{CHUNK, LONGEST, Popularity, chunk_of, seed_of};

/// So many chunks at least: of a shorter stream a processor learns by heart what comes next.
const CHUNKS: usize = 16;

/// The operation of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Step {
    /// Reads a key that no other thread writes to.
    Read,
    /// Reads a key that another thread may be writing to.
    Look,
    /// Stores.
    Set,
    /// Adds 1.
    Add,
    /// Stores if the key is absent.
    Insert,
    /// Removes.
    Del,
}

/// One thread's steps, rendered before any clock starts.
#[derive(Debug)]
pub struct MixStream {
    keys: Keys,
    numbers: Vec<u32>,
    steps: Vec<Step>,
    chunk: usize,
}

/// Some steps, each with its key.
#[derive(Clone, Debug)]
pub struct Steps<'a> {
    keys: KeyIter<'a>,
    steps: slice::Iter<'a, Step>,
}

/// The streams of all threads for this mix on this many keys.
#[must_use]
pub fn streams(work: &Work, mix: Mix, keys: usize) -> Vec<MixStream> {
    let popularity = Popularity::new(keys, work.dist);
    (0..work.threads).map(|thread| MixStream::draw(work, mix, keys, &popularity, thread)).collect()
}

impl MixStream {
    fn draw(work: &Work, mix: Mix, keys: usize, popularity: &Popularity, thread: usize) -> Self {
        let mut rng = SmallRng::seed_from_u64(seed_of(thread));
        let ops: Vec<_> = mix.shares().map(|(op, _)| op).collect();
        let weights = WeightedIndex::new(mix.shares().map(|(_, weight)| weight));
        let weights = weights.expect("a mix has an operation, and no weight of 0");
        let shared = work.threads == 1 || mix.commutes();
        let chunk = chunk_of(work.key_len);
        let length = keys.clamp(CHUNKS * CHUNK, LONGEST).next_multiple_of(chunk);
        let (mut steps, mut numbers) = (Vec::with_capacity(length), Vec::with_capacity(length));
        for _ in 0..length {
            let rank = popularity.rank(&mut rng);
            let (step, rank) = match ops[weights.sample(&mut rng)] {
                Op::Get if work.threads == 1 || rank % work.threads == thread && !mix.commutes() => {
                    (Step::Read, rank)
                }
                Op::Get => (Step::Look, rank),
                write => (step_of(write), if shared { rank } else { own(rank, keys, work.threads, thread) }),
            };
            steps.push(step);
            numbers.push(popularity.key(rank));
        }
        Self { keys: Keys::of(work.key_type, numbers.iter().copied(), work.key_len), numbers, steps, chunk }
    }

    /// The keys of all steps.
    #[must_use]
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// The number of different chunks.
    #[must_use]
    pub fn chunks(&self) -> usize {
        self.steps.len() / self.chunk
    }

    /// Where the chunk at this turn is.
    fn place(&self, turn: usize) -> Range<usize> {
        let start = turn % self.chunks() * self.chunk;
        start..start + self.chunk
    }

    /// The steps of the chunk at this turn; after the last comes the first again.
    #[must_use]
    pub fn chunk(&self, turn: usize) -> Steps<'_> {
        let place = self.place(turn);
        Steps { keys: self.keys.range(place.start, place.end), steps: self.steps[place].iter() }
    }

    /// Iterates over the steps with the numbers of their keys.
    pub(super) fn numbered(&self, turn: usize) -> impl Iterator<Item = (Step, u32)> + '_ {
        let place = self.place(turn);
        self.steps[place.clone()].iter().copied().zip(self.numbers[place].iter().copied())
    }
}

fn step_of(write: Op) -> Step {
    match write {
        Op::Set => Step::Set,
        Op::Add => Step::Add,
        Op::Insert => Step::Insert,
        Op::Del => Step::Del,
        _ => unreachable!("a mix is of get, set, add, insert and del"),
    }
}

/// The rank next to this one whose key this thread alone writes to.
fn own(rank: usize, keys: usize, threads: usize, thread: usize) -> usize {
    let own = rank - rank % threads + thread;
    // There may be fewer keys left than threads. The flags ensure that there are at least as many keys as threads.
    if own < keys { own } else { own - threads }
}

impl Steps<'_> {
    /// Copies their keys to other memory.
    pub(crate) fn copy_to(&self, room: &mut Room) {
        self.keys.copy_to(room);
    }
}

impl<'a> Steps<'a> {
    /// The steps in order, each with its key, which is of this type.
    #[inline]
    pub fn of<K: KeyForm + ?Sized>(self) -> impl Iterator<Item = (Step, &'a K)> {
        self.steps.copied().zip(K::of(self.keys))
    }

    /// Returns the steps with the keys that were copied into `room`.
    pub(crate) fn at<'r>(self, room: &'r Room) -> Steps<'r>
    where
        'a: 'r,
    {
        Steps { keys: self.keys.at(room), steps: self.steps }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use hotcache_bench_plan::{Cache, Dist, KeyCount, KeyType};

    use super::*;

    fn drawn(mix: &str, threads: usize, keys: usize) -> Vec<MixStream> {
        let mix: Mix = mix.parse().expect(mix);
        let (cache, dist) = (Cache::Int, Dist::Zipf(0.99));
        let (op, max_key, key_type) = (Op::Mix(mix), KeyCount(keys), KeyType::Str);
        let work = Work { cache, op, max_key, threads, dist, key_type, key_len: 4 };
        streams(&work, mix, keys)
    }

    fn steps(stream: &MixStream) -> impl Iterator<Item = (Step, u32)> + '_ {
        (0..stream.chunks()).flat_map(|turn| stream.numbered(turn))
    }

    #[test]
    fn shares_are_as_the_weights_say() {
        let streams = drawn("get=80,set=10,add=6,insert=1,del=3", 1, 1_000);
        let mut counts: HashMap<u8, usize> = HashMap::new();
        steps(&streams[0]).for_each(|(step, _)| *counts.entry(step as u8).or_default() += 1);
        let all = counts.values().sum::<usize>() as f64;
        for (step, share) in
            [(Step::Read, 0.8), (Step::Set, 0.1), (Step::Add, 0.06), (Step::Insert, 0.01), (Step::Del, 0.03)]
        {
            let found = counts[&(step as u8)] as f64 / all;
            assert!((found - share).abs() < 0.005, "{step:?}: {found}, not {share}");
        }
    }

    #[test]
    fn of_several_threads_each_writes_to_keys_of_its_own() {
        for keys in [3, 4, 1_000] {
            let mut writer = HashMap::new();
            let streams = drawn("get=5,set=3,del=2", 3, keys);
            for (thread, stream) in streams.iter().enumerate() {
                for (step, key) in steps(stream).filter(|(step, _)| *step != Step::Look) {
                    let first = *writer.entry(key).or_insert(thread);
                    assert_eq!(first, thread, "{step:?} of key {key} out of {keys}");
                }
                assert!(steps(stream).any(|(step, _)| step == Step::Look));
            }
        }
    }

    #[test]
    fn threads_that_only_add_share_every_key() {
        let streams = drawn("get=1,add=1", 2, 2);
        for stream in &streams {
            for key in [0, 1] {
                assert!(steps(stream).any(|step| step == (Step::Add, key)));
            }
            assert!(steps(stream).all(|(step, _)| matches!(step, Step::Look | Step::Add)));
        }
    }
}
