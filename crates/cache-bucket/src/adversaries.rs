//! The length of overflow chains under bad hashes.

use std::hash::{BuildHasher, BuildHasherDefault, Hasher};
use std::sync::atomic::AtomicI64;

use cache_core::{DefaultHashBuilder, Options};

use crate::map::Map;
use crate::raw::Upsert;

/// A hash in which the bits that are not in `MASK` are equal for every key. The other bits are spread well.
#[derive(Clone, Copy, Default)]
struct Masked<const MASK: u64>(u64);

impl<const MASK: u64> Hasher for Masked<MASK> {
    fn finish(&self) -> u64 {
        // SplitMix64's.
        let mut z = self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) & MASK
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0 << 8 | u64::from(*byte);
        }
    }
}

/// The greatest number of buckets in one chain, over all sizes of a growing table.
fn longest<S: BuildHasher + Default + Clone + Send + Sync + 'static>(keys: u64) -> usize {
    let map: Map<u64, AtomicI64, S> = Map::new(Options::new().hasher(S::default()), false);
    let mut longest = 0;
    for key in 0..keys {
        let (outcome, rest) = map.upsert(&key, 1, &mut |_, _| Some(()));
        assert_eq!(outcome, Upsert::Inserted);
        map.finish(rest);
        if key.is_multiple_of(500) {
            longest = longest.max(map.longest_chain());
        }
    }
    longest.max(map.longest_chain())
}

#[test]
fn chains_stay_short_whichever_bits_are_equal() {
    const KEYS: u64 = 100_000;
    let chains = [
        longest::<BuildHasherDefault<Masked<{ !0 << 32 }>>>(KEYS),
        longest::<BuildHasherDefault<Masked<{ !0 >> 32 }>>>(KEYS),
        longest::<BuildHasherDefault<Masked<{ !0xff }>>>(KEYS),
        longest::<BuildHasherDefault<Masked<0xffff_ffff_0000_01ff>>>(KEYS),
        longest::<BuildHasherDefault<Masked<0x0000_ffff_ffff_0000>>>(KEYS),
    ];
    // One bucket in a billion is twice as full as the mean.
    assert!(chains.iter().all(|chain| *chain <= 3), "{chains:?}");
    // The default hasher spreads consecutive integers less evenly: in one process of a hundred, one of 2048 buckets
    // gets four to seven times the mean.
    let usual = longest::<DefaultHashBuilder>(KEYS);
    assert!(usual <= 12, "{usual}");
}

/// Checks the slow case: every key in one chain.
#[test]
fn equal_hashes_make_one_chain() {
    assert!(longest::<BuildHasherDefault<Masked<0>>>(3_000) > 3_000 / 28);
}

/// Checks that a key that comes and goes all the time reuses its places, though an entry dies in its bucket in every
/// epoch.
#[test]
fn a_key_that_comes_and_goes_makes_no_long_chain() {
    const ROUNDS: u64 = 100_000;
    let map: Map<u64, AtomicI64, DefaultHashBuilder> = Map::new(Options::new(), false);
    let insert = |key| {
        let (outcome, rest) = map.upsert(&key, 1, &mut |_, _| Some(()));
        assert_eq!(outcome, Upsert::Inserted);
        map.finish(rest);
    };
    (0..10_000).for_each(insert);
    let mut longest = 0;
    for round in 0..ROUNDS {
        assert!(map.remove(&7));
        insert(7);
        if round.is_multiple_of(100) {
            longest = longest.max(map.longest_chain());
        }
    }
    // Other tests of this process may hold back the epoch for a while.
    assert!(longest < ROUNDS as usize / 28 / 20, "{longest}");
}

/// Checks that the chain of a key that comes and goes stays short beside a stalled reader. Nothing dead can be
/// reused, but dead buckets leave the chain.
#[test]
fn a_key_that_comes_and_goes_beside_a_stalled_reader_makes_no_long_chain() {
    let map: Map<u64, AtomicI64, DefaultHashBuilder> = Map::new(Options::new(), false);
    let stays = crate::reclaim::pin();
    let mut longest = 0;
    for round in 0..50_000_u32 {
        let (outcome, rest) = map.upsert(&7, 1, &mut |_, _| Some(()));
        assert_eq!(outcome, Upsert::Inserted);
        map.finish(rest);
        assert!(map.remove(&7));
        if round.is_multiple_of(100) {
            longest = longest.max(map.longest_chain());
        }
    }
    drop(stays);
    assert!(longest <= 3, "{longest}");
}
