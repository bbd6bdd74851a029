use hotcache_bench_plan::{BoundedWork, KeyType, Requests};

use crate::keys::Keys;
use crate::stream::{LONGEST, Popularity, Stream, drawn, streams};

/// Requests of a mix before the first is timed, besides the insertion of the hottest keys.
pub(super) const SETTLING: usize = if cfg!(debug_assertions) { 20_000 } else { 500_000 };

/// The requests of a mix. It must be long beside the number of keys: what is asked for once would otherwise hit in every
/// turn but the first.
const MIX_STREAM: usize = if cfg!(debug_assertions) { 100_000 } else { LONGEST };

/// The most threads whose streams are as long as that: those of more are shorter, as all lie in memory.
const LONG_STREAMS: usize = 16;

/// The keys of the works on equal caches, rendered before any clock starts.
#[derive(Debug)]
pub(super) struct Inputs {
    pub(super) requests: Requests,
    /// The keys that are inserted before the measurement, in this order.
    pub(super) first: Keys,
    /// The requests of each thread; none where each is for a new key.
    pub(super) streams: Vec<Stream>,
    /// The number of the first key that was never used.
    pub(super) unused: u64,
}

impl Inputs {
    /// The inputs of works that differ in their number of threads only. `mix` are the streams of a mix, if they were drawn
    /// before: all mixes have the same.
    pub(super) fn of(works: &[BoundedWork], mix: &mut Vec<Stream>) -> Option<Self> {
        let requests = works.first()?.requests;
        let most = works.iter().max_by_key(|work| work.threads)?;
        let (capacity, keys) = (requests.capacity(), requests.keys().0);
        let inputs = match requests {
            Requests::Hits { .. } => Self {
                requests,
                first: text(0..keys as u32),
                streams: streams(&most.plain(), keys),
                unused: keys as u64,
            },
            Requests::Mix { .. } => {
                let plain = most.plain();
                let popularity = Popularity::new(keys, plain.dist);
                for thread in mix.len()..most.threads {
                    let share = if thread == 0 { 1 } else { most.threads.div_ceil(LONG_STREAMS) };
                    mix.push(drawn(keys, &plain, thread, MIX_STREAM / share));
                }
                // The hottest last.
                let hottest = (0..capacity.min(keys)).rev().map(|rank| popularity.key(rank));
                Self { requests, first: text(hottest), streams: std::mem::take(mix), unused: keys as u64 }
            }
            Requests::Misses { .. } | Requests::Evicting { .. } => {
                // Enough for queues to fill and for whatever remembers what has left.
                let count = capacity * 2;
                Self { requests, first: text(0..count as u32), streams: Vec::new(), unused: count as u64 }
            }
            Requests::Expiring { keys } => {
                Self { requests, first: text(0..keys as u32), streams: Vec::new(), unused: keys as u64 }
            }
        };
        Some(inputs)
    }

    /// The streams of a mix, to be used again.
    pub(super) fn into_mix(self) -> Option<Vec<Stream>> {
        matches!(self.requests, Requests::Mix { .. }).then_some(self.streams)
    }
}

/// The keys of these numbers.
pub(super) fn text(numbers: impl IntoIterator<Item = u32>) -> Keys {
    Keys::of(KeyType::Str, numbers, BoundedWork::KEY_LEN)
}
