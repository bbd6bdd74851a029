//! Keys with bad hashes. The tests count comparisons, never time.
//!
//! The length of chains is counted inside the crate, in `src/adversaries.rs`; bytes are counted in `equal_hashes.rs`.

use std::cell::Cell;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash, Hasher};

use cache_bucket::BucketIntCache;
use cache_core::{DefaultHashBuilder, IntCache, Key};

thread_local! {
    static COMPARISONS: Cell<u64> = const { Cell::new(0) };
}

/// A user-defined key that counts its comparisons.
#[derive(Clone, Debug, PartialOrd, Ord)]
struct Compared(u64);

impl PartialEq for Compared {
    fn eq(&self, other: &Self) -> bool {
        COMPARISONS.set(COMPARISONS.get() + 1);
        self.0 == other.0
    }
}

impl Eq for Compared {}

impl Hash for Compared {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0);
    }
}

impl Key for Compared {
    type Owned = Compared;

    fn to_owned_key(&self) -> Compared {
        self.clone()
    }
}

/// A good hash in which the bits that are not in `MASK` are equal for every key.
#[derive(Default)]
struct Masked<const MASK: u64>(DefaultHasher);

impl<const MASK: u64> Hasher for Masked<MASK> {
    fn finish(&self) -> u64 {
        self.0.finish() & MASK
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
    }
}

/// Returns the comparisons for each get of the keys from 0 to `count`, all in the cache, and of as many absent keys.
fn comparisons<S: BuildHasher + Default + Clone + Send + Sync + 'static>(count: u64) -> (f64, f64) {
    let cache: BucketIntCache<Compared, S> = BucketIntCache::default();
    (0..count).for_each(|key| cache.set(&Compared(key), 1));
    // Ends a resize: while one is in progress, look-ups compare in two tables.
    cache.reserve(0);
    let each = |first: u64, there: bool| {
        COMPARISONS.set(0);
        (first..first + count).for_each(|key| assert_eq!(cache.get(&Compared(key)).is_some(), there));
        COMPARISONS.get() as f64 / count as f64
    };
    (each(0, true), each(count, false))
}

fn assert_few_comparisons<const MASK: u64>() {
    for count in [500, 5_000, 50_000] {
        let (present, absent) = comparisons::<BuildHasherDefault<Masked<MASK>>>(count);
        // One comparison finds the key; one entry in 256 has its tag by chance.
        assert!(present < 1.2 && absent < 0.2, "mask {MASK:x}, {count} keys: {present} and {absent}");
    }
}

#[test]
fn equal_low_bits_cost_nothing() {
    assert_few_comparisons::<{ !0 << 32 }>();
}

#[test]
fn equal_high_bits_cost_nothing() {
    assert_few_comparisons::<{ !0 >> 32 }>();
}

#[test]
fn equal_tags_cost_nothing() {
    assert_few_comparisons::<{ !0xff }>();
}

#[test]
fn equal_bits_at_both_ends_cost_nothing() {
    assert_few_comparisons::<0x0000_ffff_ffff_0000>();
}

#[test]
fn equal_index_bits_cost_nothing() {
    // All bits that choose a bucket in a table of 2^23.
    assert_few_comparisons::<0xffff_ffff_0000_01ff>();
}

/// Checks that no one can prepare bad keys for a cache without seeing its hashes.
#[test]
fn each_cache_hashes_in_a_way_of_its_own() {
    let order = || {
        let cache = BucketIntCache::<u64, DefaultHashBuilder>::default();
        (0..1_000).for_each(|key| cache.set(&key, 1));
        cache.keys()
    };
    assert_ne!(order(), order());
}
