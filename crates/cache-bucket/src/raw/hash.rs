use std::any::TypeId;
use std::hash::{BuildHasher, Hasher};

use cache_core::{DefaultHashBuilder, Key, mix};

use super::bucket::{FIRST, GRANULES, LINE};

/// The lowest bit that chooses a bucket. It is the bit of a bucket's size, so that a masked hash is a bucket's
/// offset.
pub(super) const INDEX_SHIFT: u32 = 9;

/// A key's hash, and the parts that the table uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hash(pub(crate) u64);

impl Hash {
    /// The hash of a key that consists of these bytes.
    #[inline(always)]
    pub(super) fn of_bytes<S: BuildHasher + 'static>(bytes: &[u8], hasher: &S) -> Self {
        // `Hash for str` adds a byte that marks the end of the string. There is nothing else here.
        let mut state = hasher.build_hasher();
        state.write(bytes);
        Self::finish::<S>(state.finish())
    }

    /// The hash of a key that does not consist of bytes.
    #[inline(always)]
    pub(super) fn of<K: Key + ?Sized, S: BuildHasher + 'static>(key: &K, hasher: &S) -> Self {
        Self::finish::<S>(hasher.hash_one(key))
    }

    #[inline(always)]
    fn finish<S: 'static>(hash: u64) -> Self {
        if TypeId::of::<S>() == TypeId::of::<DefaultHashBuilder>() { Hash(hash) } else { Hash(mix(hash)) }
    }

    /// The tag of the key's entry in its bucket, from bits that do not choose the bucket.
    #[inline(always)]
    pub(super) fn tag(self) -> u8 {
        self.0 as u8
    }

    /// The bits that choose the bucket, lowest first.
    #[inline(always)]
    pub(super) fn index(self) -> u64 {
        self.0 >> INDEX_SHIFT
    }

    /// The first granule of the home line, in which the key's entry should be.
    #[inline(always)]
    pub(super) fn home(self) -> usize {
        self.lines() >> 8 << 2
    }

    /// The home pair: the pair of lines that has the home line.
    #[inline(always)]
    pub(super) fn home_pair(self) -> usize {
        self.lines() >> 9
    }

    /// The number of the home line with a fraction of 8 bits, from the top bits. Only pairs that are all entries have
    /// home lines; the rest of the first pair takes entries that find no place elsewhere.
    #[inline(always)]
    fn lines(self) -> usize {
        const HOME: usize = if cfg!(loom) { FIRST } else { 2 * LINE };
        (self.0 >> 56) as usize * ((GRANULES - HOME) / LINE) + ((HOME / LINE) << 8)
    }
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
