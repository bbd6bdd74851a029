//! Which keys a scan has seen.

use std::collections::HashSet;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher};

use foldhash::quality::RandomState;

/// The number of keys that room is made for at most before they come: 9 to 18 MiB.
const MOST_RESERVED: u64 = 1_000_000;

/// A set of keys that holds only their hashes: 9 to 18 bytes a key.
///
/// The hash has 64 bits and a random seed. A key that was deleted unnoticed is kept by mistake if it has the hash of one that
/// was seen: once in some 20 million resyncs of a million keys in which all of them changed their names.
pub(super) struct Seen {
    state: RandomState,
    hashes: HashSet<u64, BuildHasherDefault<Identity>>,
}

impl Seen {
    pub(super) fn new() -> Self {
        Self::for_about(0)
    }

    /// A set for about this many keys, which may be many more than will come.
    pub(super) fn for_about(keys: u64) -> Self {
        let keys = keys.min(MOST_RESERVED) as usize;
        let hashes = HashSet::with_capacity_and_hasher(keys, BuildHasherDefault::default());
        Self { state: RandomState::default(), hashes }
    }

    pub(super) fn insert(&mut self, key: &[u8]) {
        self.hashes.insert(self.state.hash_one(key));
    }

    pub(super) fn contains(&self, key: &[u8]) -> bool {
        self.hashes.contains(&self.state.hash_one(key))
    }
}

/// The hash of a hash.
#[derive(Default)]
struct Identity(u64);

impl Hasher for Identity {
    fn write(&mut self, _: &[u8]) {
        unreachable!("only `u64`s are hashed")
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_told_apart() {
        let mut seen = Seen::new();
        (0..10_000_u32).for_each(|n| seen.insert(&n.to_le_bytes()));
        assert!((0..10_000_u32).all(|n| seen.contains(&n.to_le_bytes())));
        assert!((10_000..20_000_u32).all(|n| !seen.contains(&n.to_le_bytes())));
    }
}
