//! Which key each operation of a thread is for, settled before any clock starts.

use hotcache_bench_plan::{Dist, Work};
use rand::rngs::SmallRng;
use rand::seq::SliceRandom;
use rand::{Rng, RngExt, SeedableRng};
use rand_distr::{Distribution, Zipf};

use crate::keys::{KeyIter, Keys};

/// The operations between two looks at the rest of the harness: long enough that a look costs nothing. Without
/// optimisation they take as long as ten times as many, and tests, who look for faults and not at times, go through
/// hundreds of cells.
pub(crate) const CHUNK: usize = if cfg!(debug_assertions) { 1_024 } else { 8_192 };

/// The text of a chunk is no longer than this, so that it lies in a core's own cache with room for a map besides.
const CHUNK_TEXT: usize = 1 << 17;

/// The operations of a chunk on keys of this length.
pub(crate) const fn chunk_of(key_len: usize) -> usize {
    let fit = CHUNK_TEXT / if key_len == 0 { 1 } else { key_len };
    if fit >= CHUNK {
        return CHUNK;
    }
    // A power of two, as the other is, so that streams are cut evenly.
    if fit == 0 { 1 } else { 1 << fit.ilog2() }
}

/// From so much text on, that of all threads, streams come from memory and not from a cache that all cores share.
const FAR: usize = 16 << 20;

/// Whether streams with these texts are fetched from memory while they are walked.
pub(crate) fn are_far<'a>(mut texts: impl Iterator<Item = &'a Keys>) -> bool {
    texts.try_fold(0, |sum, keys| Some(sum + keys.bytes()).filter(|sum| *sum <= FAR)).is_none()
}

/// The longest stream: what it touches is many times any cache.
pub(crate) const LONGEST: usize = 4_000_000;

/// Chosen once; the same streams every run.
pub(crate) const SEED: u64 = 0x5eed;

/// One thread's keys, in the order in which it asks for them.
#[derive(Debug)]
pub struct Stream {
    keys: Keys,
    chunk: usize,
    /// For each chunk, the sum of the values that [`value_of`] gives its keys.
    sums: Vec<i64>,
}

/// Returns the initial value of key number `key`.
#[must_use]
pub fn value_of(key: u32) -> i64 {
    i64::from(key) + 1
}

/// Some operations of a [`Stream`].
#[derive(Clone, Copy, Debug)]
pub struct Chunk<'a> {
    /// The keys.
    pub keys: KeyIter<'a>,
    /// The sum of the values that [`value_of`] gives them.
    pub sum: i64,
}

/// The streams of all threads for this work on this many keys.
///
/// Where each key is asked for once, the threads share out one shuffled order; otherwise each draws its own.
#[must_use]
pub fn streams(work: &Work, keys: usize) -> Vec<Stream> {
    if work.op.consumes() || work.max_key.is_own() {
        return shared_out(keys, work);
    }
    (0..work.threads).map(|thread| drawn(keys, work, thread, keys.clamp(CHUNK, LONGEST))).collect()
}

fn shared_out(keys: usize, work: &Work) -> Vec<Stream> {
    let threads = work.threads;
    let order = shuffled(keys, &mut SmallRng::seed_from_u64(SEED));
    let parts = (0..threads).map(|thread| keys * thread / threads..keys * (thread + 1) / threads);
    parts.map(|part| Stream::new(&order[part.clone()], part.len(), work)).collect()
}

/// A thread's stream of at least this many operations.
pub(crate) fn drawn(keys: usize, work: &Work, thread: usize, least: usize) -> Stream {
    let mut rng = SmallRng::seed_from_u64(seed_of(thread));
    let chunk = chunk_of(work.key_len);
    let length = least.next_multiple_of(chunk);
    let popularity = Popularity::new(keys, work.dist);
    let numbers: Vec<u32> = (0..length).map(|_| popularity.key(popularity.rank(&mut rng))).collect();
    Stream::new(&numbers, chunk, work)
}

/// Returns the seed of a thread's stream.
pub(crate) fn seed_of(thread: usize) -> u64 {
    SEED ^ ((thread as u64 + 1) << 32)
}

/// How often each key is asked for.
#[derive(Debug)]
pub(crate) enum Popularity {
    Uniform { keys: u32 },
    Zipf { ranks: Zipf<f64>, key_of_rank: Vec<u32> },
    Hot,
}

impl Popularity {
    pub(crate) fn new(keys: usize, dist: Dist) -> Self {
        match dist {
            Dist::Uniform => Popularity::Uniform { keys: keys as u32 },
            Dist::Zipf(exponent) => Popularity::Zipf {
                ranks: Zipf::new(keys as f64, exponent)
                    .expect("flags allow counts and exponents above 0 only"),
                // The same for all threads, so that they want the same hot keys, and shuffled, so that these are no
                // neighbours in any table.
                key_of_rank: shuffled(keys, &mut SmallRng::seed_from_u64(SEED)),
            },
            Dist::Hot => Popularity::Hot,
        }
    }

    /// Draws a rank, counted from 0.
    pub(crate) fn rank(&self, rng: &mut SmallRng) -> usize {
        match self {
            Popularity::Uniform { keys } => rng.random_range(0..*keys) as usize,
            Popularity::Zipf { ranks, .. } => ranks.sample(rng) as usize - 1,
            Popularity::Hot => 0,
        }
    }

    /// The key of a rank.
    pub(crate) fn key(&self, rank: usize) -> u32 {
        match self {
            Popularity::Uniform { .. } | Popularity::Hot => rank as u32,
            Popularity::Zipf { key_of_rank, .. } => key_of_rank[rank],
        }
    }
}

fn shuffled(keys: usize, rng: &mut impl Rng) -> Vec<u32> {
    let mut order: Vec<u32> = (0..keys as u32).collect();
    order.shuffle(rng);
    order
}

impl Stream {
    fn new(numbers: &[u32], chunk: usize, work: &Work) -> Self {
        let sum = |numbers: &[u32]| numbers.iter().map(|key| value_of(*key)).sum();
        Self {
            keys: Keys::of(work.key_type, numbers.iter().copied(), work.key_len),
            chunk,
            sums: numbers.chunks(chunk).map(sum).collect(),
        }
    }

    /// All of them.
    #[must_use]
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// The number of different chunks.
    #[must_use]
    pub fn chunks(&self) -> usize {
        self.sums.len()
    }

    /// The operations in each chunk.
    #[must_use]
    pub fn chunk_len(&self) -> usize {
        self.chunk
    }

    /// The chunk at this turn; after the last comes the first again.
    #[must_use]
    pub fn chunk(&self, turn: usize) -> Chunk<'_> {
        let index = turn % self.chunks();
        let start = index * self.chunk;
        Chunk { keys: self.keys.range(start, start + self.chunk), sum: self.sums[index] }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use hotcache_bench_plan::{Cache, KeyCount, KeyType, Op};

    use super::*;
    use crate::keys::{KeyForm, KeyRef};

    fn work(op: Op, max_key: usize, threads: usize, dist: Dist) -> Work {
        let key_type = KeyType::Str;
        Work { cache: Cache::Int, op, max_key: KeyCount(max_key), threads, dist, key_type, key_len: 4 }
    }

    fn counts(stream: &Stream) -> HashMap<KeyRef<'_>, usize> {
        let mut counts = HashMap::new();
        for key in stream.keys.all() {
            *counts.entry(key).or_default() += 1;
        }
        counts
    }

    #[test]
    fn consuming_streams_have_every_key_once() {
        for (op, max_key) in [(Op::Insert, 1_000), (Op::Del, 1_000), (Op::Get, 0)] {
            let streams = streams(&work(op, max_key, 3, Dist::Uniform), 1_000);
            let mut all: Vec<&str> = streams.iter().flat_map(|stream| str::of(stream.keys.all())).collect();
            let in_order = all.is_sorted();
            all.sort_unstable();
            all.dedup();
            assert_eq!((all.len(), in_order), (1_000, false));
        }
    }

    #[test]
    fn uniform_streams_reach_every_key_about_equally() {
        let streams = streams(&work(Op::Get, 30, 2, Dist::Uniform), 30);
        for stream in &streams {
            let counts = counts(stream);
            let expected = stream.keys.count() / 30;
            assert_eq!(counts.len(), 30);
            assert!(counts.values().all(|n| n.abs_diff(expected) < expected));
        }
        assert_ne!(
            streams[0].keys.all().take(50).collect::<Vec<_>>(),
            streams[1].keys.all().take(50).collect::<Vec<_>>()
        );
    }

    #[test]
    fn zipf_streams_have_the_share_that_the_law_gives() {
        let streams = streams(&work(Op::Get, 10_000, 2, Dist::Zipf(0.99)), 10_000);
        let hottest = |stream: &Stream| {
            let (key, n) = counts(stream)
                .into_iter()
                .max_by_key(|(_, n)| *n)
                .map(|(k, n)| (format!("{k:?}"), n))
                .expect("keys");
            (key, n as f64 / stream.keys.count() as f64)
        };
        // 1 / sum of r^-0.99 for r from 1 to 10,000.
        let law: f64 = 1.0 / (1..=10_000).map(|rank| f64::from(rank).powf(-0.99)).sum::<f64>();
        let ((first, share), (second, _)) = (hottest(&streams[0]), hottest(&streams[1]));
        assert!((share / law - 1.0).abs() < 0.2, "{share} {law}");
        assert_eq!(first, second, "both threads want the same key most");
    }

    #[test]
    fn a_chunk_knows_the_sum_of_its_values() {
        let streams = streams(&work(Op::Get, 36, 1, Dist::Uniform), 36);
        let chunk = streams[0].chunk(0);
        let value = |key: &str| i64::from_str_radix(key, 36).expect("keys are numbers") + 1;
        assert_eq!(str::of(chunk.keys).map(value).sum::<i64>(), chunk.sum);
    }
}
