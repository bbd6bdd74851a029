//! The keys of a cache, and their places.

use std::ops::Range;

use cache_testkit::Random;

use crate::keys::{Form, LINES, Place, number_of};
use crate::profile::{Fill, Profile};

/// The greatest number of index bits of a table in any profile. Keys whose index bits are equal share a bucket for
/// long.
const INDEX_BITS: u32 = 12;
/// The number of granules in a pair of lines.
const PAIR: usize = 8;
/// The number of granules for entries in a bucket.
const ROOM: usize = 28;

/// The keys by number: first those that are worked on, then the fillers of the bucket, which are left alone, then the
/// pool of keys that come and go.
pub(crate) struct Plan<F: Form> {
    keys: Vec<Box<F::Key>>,
    bytes: Vec<Vec<u8>>,
    pub(crate) actors: usize,
    fillers: usize,
}

impl<F: Form> Plan<F> {
    pub(crate) fn new(profile: &Profile, random: &mut Random) -> Self {
        let mut plan = Self { keys: Vec::new(), bytes: Vec::new(), actors: 0, fillers: 0 };
        let hot = random.below(1 << profile.index_bits);
        // The keys are in one bucket now; in a larger table perhaps not.
        let beside = |random: &mut Random| {
            hot | random.below(1 << (INDEX_BITS - profile.index_bits)) << profile.index_bits
        };
        let (first, tag) = (random.below(LINES), random.below(64));
        let length = |random: &mut Random| {
            // Keys of other types than strings have one length.
            let lengths = profile.lengths.filter(|_| F::LENGTHS.len() > 1).unwrap_or(F::LENGTHS);
            lengths[random.below(lengths.len())]
        };
        plan.actors = profile.actors.start + random.below(profile.actors.len());
        for _ in 0..plan.actors {
            // Mostly in one pair of lines, and often with one tag.
            let at_home = profile.fill == Fill::Home || !random.one_in(3);
            let line = if at_home { first / 2 * 2 + random.below(2) } else { random.below(LINES) };
            let tag = if random.one_in(2) { tag } else { random.below(64) };
            let (index, length) = (beside(random), length(random));
            plan.add(line, tag, index, length);
        }
        // One granule each. In a crowded bucket as many as leave room for the others, and hardly any more: the first pair
        // of lines is no key's home, and takes what finds no place in its own.
        let fillers = match profile.fill {
            Fill::Few => random.below(6),
            Fill::Crowded => ROOM.saturating_sub(plan.actors + random.below(5)),
            Fill::Home => PAIR,
        };
        let full = if profile.fill == Fill::Home { first / 2 } else { random.below(LINES / 2) };
        for filler in 0..fillers {
            // Two pairs are full, or nearly.
            let pair = (full + filler / (PAIR - random.below(2))) % (LINES / 2);
            let pair = if profile.fill == Fill::Home { full } else { pair };
            let (line, tag, index) = (2 * pair + random.below(2), random.below(64), beside(random));
            plan.add(line, tag, index, 8);
        }
        plan.fillers = plan.keys.len() - plan.actors;
        for _ in 0..profile.pool {
            let index = if random.one_in(2) { beside(random) } else { random.below(1 << INDEX_BITS) };
            let length = if random.one_in(2) { 8 } else { length(random) };
            plan.add(random.below(LINES), random.below(64), index, length);
        }
        plan
    }

    fn add(&mut self, line: usize, tag: usize, index: usize, length: usize) {
        let bytes = Place { line, tag, index, number: self.keys.len() }.bytes(length);
        self.keys.push(F::key(&bytes));
        self.bytes.push(bytes);
    }

    pub(crate) fn key(&self, number: usize) -> &F::Key {
        &self.keys[number]
    }

    pub(crate) fn fillers(&self) -> Range<usize> {
        self.actors..self.actors + self.fillers
    }

    pub(crate) fn pool(&self) -> Range<usize> {
        self.actors + self.fillers..self.keys.len()
    }

    /// The number of a key that a cache showed; `None` if there is no such key.
    pub(crate) fn number(&self, key: &F::Key) -> Option<usize> {
        let mut number = None;
        F::has(key, |bytes| {
            number =
                number_of(bytes).filter(|number| self.bytes.get(*number).is_some_and(|key| key == bytes));
            number.is_some()
        });
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{Numbers, Strings};
    use crate::profile::PROFILES;

    #[test]
    fn every_key_is_known() {
        for profile in PROFILES {
            let plan = Plan::<Strings>::new(profile, &mut Random::new(1));
            assert!((0..plan.pool().end).all(|number| plan.number(plan.key(number)) == Some(number)));
            assert_eq!(plan.number(b"no such key"), None);
            let plan = Plan::<Numbers>::new(profile, &mut Random::new(1));
            assert!((0..plan.pool().end).all(|number| plan.number(plan.key(number)) == Some(number)));
        }
    }
}
