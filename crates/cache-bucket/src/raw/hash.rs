use std::any::TypeId;
use std::hash::{BuildHasher, Hasher};

use cache_core::{DefaultHashBuilder, Key};

use super::bucket::{FIRST, GRANULES, LINE};

/// The lowest bit that chooses a bucket: that of a bucket's size, so that masked it is a bucket's offset.
pub(super) const INDEX_SHIFT: u32 = 9;

/// A key's hash, and what the table reads out of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hash(pub(crate) u64);

impl Hash {
    /// The hash of a key that is these bytes.
    #[inline(always)]
    pub(super) fn of_bytes<S: BuildHasher + 'static>(bytes: &[u8], hasher: &S) -> Self {
        // `Hash for str` adds a byte that tells where a string ends. There is nothing else here.
        let mut state = hasher.build_hasher();
        state.write(bytes);
        Self::finish::<S>(state.finish())
    }

    /// The hash of a key that is no bytes.
    #[inline(always)]
    pub(super) fn of<K: Key + ?Sized, S: BuildHasher + 'static>(key: &K, hasher: &S) -> Self {
        Self::finish::<S>(hasher.hash_one(key))
    }

    #[inline(always)]
    fn finish<S: 'static>(hash: u64) -> Self {
        if TypeId::of::<S>() == TypeId::of::<DefaultHashBuilder>() { Hash(hash) } else { Hash(mix(hash)) }
    }

    /// What marks the key's entry in its bucket. Of bits that do not choose the bucket.
    #[inline(always)]
    pub(super) fn tag(self) -> u8 {
        self.0 as u8
    }

    /// The bits that choose the bucket, from the lowest on.
    #[inline(always)]
    pub(super) fn index(self) -> u64 {
        self.0 >> INDEX_SHIFT
    }

    /// The first granule of the line in which the key's entry should be.
    #[inline(always)]
    pub(super) fn home(self) -> usize {
        self.lines() >> 8 << 2
    }

    /// The pair of lines that the home line is of.
    #[inline(always)]
    pub(super) fn home_pair(self) -> usize {
        self.lines() >> 9
    }

    /// The number of the home line and a fraction of 8 bits, from the top bits. Home lines are those whose pair is all
    /// entries; what is left of the first pair takes what finds no place there.
    #[inline(always)]
    fn lines(self) -> usize {
        const HOME: usize = if cfg!(loom) { FIRST } else { 2 * LINE };
        (self.0 >> 56) as usize * ((GRANULES - HOME) / LINE) + ((HOME / LINE) << 8)
    }
}

/// Spreads the bits of a hash that may be good in some of them only. Different hashes stay different.
fn mix(hash: u64) -> u64 {
    // The multiplier is 2^64 divided by the golden ratio, made odd.
    let mixed = (hash ^ hash >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ mixed >> 29).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ mixed >> 32
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn hashes_that_differ_in_one_bit_part() {
        let parts: HashSet<_> = (0..64).map(|bit| mix(1 << bit) >> 48).collect();
        assert!(parts.len() > 60, "{}", parts.len());
    }

    #[test]
    fn homes_are_lines() {
        let homes: HashSet<_> = (0..256).map(|i| Hash(i << 56).home()).collect();
        assert_eq!(homes, HashSet::from([8, 12, 16, 20, 24, 28]));
    }
}
