//! Profiles: the cache of a time slice, and the operations on it.

use std::ops::Range;

/// The type of a profile's cache, and of its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    IntStrings,
    IntNumbers,
    IntNames,
    ObjStrings,
    ObjNames,
}

/// The contents of a bucket beside the keys that are worked on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fill {
    Few,
    /// Hardly any room is left.
    Crowded,
    /// The home pair of all keys is full, and the other pairs are empty.
    Home,
}

/// A kind of cache, and of traffic.
#[derive(Debug)]
pub(crate) struct Profile {
    pub(crate) name: &'static str,
    /// The number of time slices in a row.
    pub(crate) slices: usize,
    pub(crate) of: Type,
    /// The initial capacity of the table.
    pub(crate) capacity: usize,
    /// The binary logarithm of the initial number of buckets.
    pub(crate) index_bits: u32,
    /// The number of keys that are worked on.
    pub(crate) actors: Range<usize>,
    /// The lengths of string keys; any if `None`.
    pub(crate) lengths: Option<&'static [usize]>,
    /// The contents of the bucket beside the keys that are worked on.
    pub(crate) fill: Fill,
    /// Whether half of the cycles only test the reuse of dead entries' granules.
    pub(crate) deadly: bool,
    /// The number of keys in the pool, which come and go in groups.
    pub(crate) pool: usize,
    /// The greatest number of cycles on one cache.
    pub(crate) cycles: usize,
    /// The weights in percent of, in this order: `get_many`, `for_each`, `retain`, `clear`, inserts, deletes,
    /// `shrink_to_fit`, and actions that move the epoch. The rest is operations on one key.
    pub(crate) weights: [usize; 8],
    /// The weights for the thread that is not interrupted.
    pub(crate) others: [usize; 8],
}

const USUAL: [usize; 8] = [3, 25, 3, 1, 0, 0, 0, 1];
const OTHERS: [usize; 8] = [1, 1, 1, 0, 0, 0, 0, 30];
const GROWS: [usize; 8] = [4, 4, 2, 1, 10, 2, 1, 1];
const GROWING: [usize; 8] = [1, 1, 1, 1, 30, 3, 3, 10];

/// A table of 128 buckets, of which one is full, so that the granules of dead entries are reused.
const REUSE: Profile = Profile {
    name: "",
    slices: 1,
    of: Type::IntStrings,
    capacity: 2000,
    index_bits: 7,
    actors: 3..6,
    lengths: Some(&[8]),
    fill: Fill::Crowded,
    deadly: true,
    pool: 8,
    cycles: 20,
    weights: USUAL,
    others: OTHERS,
};

/// A table of 64 buckets, in which an insert takes the granules of dead entries as readily as free ones.
const SMALL: Profile = Profile { capacity: 1000, index_bits: 6, fill: Fill::Few, ..REUSE };

/// A table of 32 buckets that soon grows.
const GROWTH: Profile = Profile {
    capacity: 0,
    index_bits: 5,
    actors: 2..4,
    fill: Fill::Few,
    pool: 60,
    cycles: 2,
    weights: GROWS,
    others: GROWING,
    ..REUSE
};

/// A table of 128 buckets, of which one has an overflow chain.
const OVERFLOW: Profile = Profile { actors: 16..20, pool: 40, cycles: 30, ..REUSE };

/// A table of 128 buckets, of which one has an overflow chain of several buckets, which are emptied and reused.
const CHAINS: Profile = Profile {
    actors: 10..14,
    lengths: Some(&[72]),
    others: [1, 1, 1, 0, 25, 10, 0, 15],
    deadly: false,
    ..OVERFLOW
};

/// A table of 128 buckets, in one of which each key that is worked on is a stray. There are no other strays.
const STRAYS: Profile = Profile { actors: 1..3, fill: Fill::Home, deadly: false, ..REUSE };

/// Every profile.
pub(crate) const PROFILES: &[Profile] = &[
    Profile { name: "reuse", ..REUSE },
    Profile { name: "reuse-numbers", of: Type::IntNumbers, ..REUSE },
    Profile { name: "reuse-lengths", lengths: None, ..REUSE },
    Profile { name: "reuse-long", lengths: Some(&[8, 8, 73, 200]), ..REUSE },
    Profile { name: "reuse-names", of: Type::IntNames, ..REUSE },
    Profile { name: "reuse-objects", of: Type::ObjStrings, ..REUSE },
    Profile { name: "strays", ..STRAYS },
    Profile { name: "small", slices: 4, ..SMALL },
    Profile { name: "small-lengths", slices: 2, lengths: None, ..SMALL },
    Profile { name: "small-objects", of: Type::ObjNames, ..SMALL },
    Profile { name: "growth", ..GROWTH },
    Profile { name: "growth-lengths", lengths: None, ..GROWTH },
    Profile { name: "growth-objects", of: Type::ObjStrings, lengths: None, ..GROWTH },
    Profile { name: "growth-names", of: Type::ObjNames, ..GROWTH },
    Profile { name: "overflow", ..OVERFLOW },
    Profile { name: "chains", ..CHAINS },
    Profile { name: "overflow-objects", of: Type::ObjStrings, lengths: None, ..OVERFLOW },
];

/// The profile of a time slice. The profiles take turns, each for its number of slices.
pub(crate) fn in_turn(slice: u64) -> &'static Profile {
    let all: usize = PROFILES.iter().map(|profile| profile.slices).sum();
    let mut turn = slice as usize % all;
    for profile in PROFILES {
        match turn.checked_sub(profile.slices) {
            Some(left) => turn = left,
            None => return profile,
        }
    }
    unreachable!("the turn is less than the sum")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_profile_has_its_turn() {
        for profile in PROFILES {
            assert!((0..100).any(|slice| in_turn(slice).name == profile.name), "{}", profile.name);
        }
    }

    #[test]
    fn weights_leave_something_for_single_operations() {
        for profile in PROFILES {
            assert!(
                profile.weights.iter().sum::<usize>() < 100 && profile.others.iter().sum::<usize>() < 100
            );
        }
    }
}
