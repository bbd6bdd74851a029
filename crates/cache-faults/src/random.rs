//! Numbers that follow from a seed.

use std::ops::RangeInclusive;

/// SplitMix64 (Steele, Lea, Flood 2014): any seed is good, and it is the same on every machine.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// The generator of one round.
    pub(crate) fn of_round(seed: u64, subject: u64, round: u64) -> Self {
        let mut random = Self(seed);
        for part in [subject, round] {
            random.0 = random.next() ^ part;
        }
        random
    }

    pub(crate) fn from_seed(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in a range. Slightly uneven, which does not matter here.
    pub(crate) fn within(&mut self, range: RangeInclusive<u64>) -> u64 {
        range.start() + self.next() % (range.end() - range.start() + 1)
    }

    pub(crate) fn percent(&mut self, chance: u64) -> bool {
        self.next() % 100 < chance
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[(self.next() % from.len() as u64) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_is_always_the_same_and_unlike_others() {
        let first = |seed, subject, round| Random::of_round(seed, subject, round).next();
        assert_eq!(first(1, 2, 3), first(1, 2, 3));
        assert_ne!(first(1, 2, 3), first(1, 2, 4));
        assert_ne!(first(1, 2, 3), first(1, 3, 3));
        let mut random = Random::from_seed(7);
        assert!((0..1_000).all(|_| (3..=5).contains(&random.within(3..=5))));
    }
}
