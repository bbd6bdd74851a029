use super::bucket::{FIRST, GRANULES, LINE};
use crate::reclaim::GRACE;

/// Bits for granules in the word.
const BITS: u32 = 28;
/// The first granule of each line.
const LINE_STARTS: u64 = 0x0111_1111;
const ALL: u64 = (1 << (GRANULES - FIRST)) - 1;

/// Which granules of a bucket are taken, and which of them are dead: unlinked, but maybe still read.
///
/// One word: 28 bits taken, 28 bits dead, and the low 8 bits of the epoch of the last death.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Space(pub(super) u64);

impl Space {
    fn taken(self) -> u64 {
        self.0 & ((1 << BITS) - 1)
    }

    fn dead(self) -> u64 {
        self.0 >> BITS & ((1 << BITS) - 1)
    }

    /// How many granules are taken.
    pub(super) fn used(self) -> u32 {
        self.taken().count_ones()
    }

    pub(super) fn has_dead(self) -> bool {
        self.dead() != 0
    }

    /// Frees the dead if the epoch says that nobody reads them any more.
    pub(super) fn bury(self, now: u64) -> Space {
        // In 8 bits an age can only seem less than it is.
        let age = (now as u8).wrapping_sub((self.0 >> 56) as u8);
        if self.dead() != 0 && u64::from(age) >= GRACE {
            Space(self.taken() & !self.dead())
        } else {
            self
        }
    }

    /// Finds `count` free granules in a row: in the home line if it can, else in the pair of lines that share a word of
    /// tags with it, else anywhere.
    ///
    /// With `alone`, it would rather have a line of the pair that holds nothing else.
    pub(super) fn find(self, count: usize, home: usize, alone: bool) -> Option<usize> {
        let free = !self.taken() & ALL;
        let mut places = free;
        let mut empty = free;
        for i in 1..count {
            places &= free >> i;
        }
        for i in 1..LINE {
            empty &= free >> i;
        }
        let line = 0xf << home >> FIRST;
        let pair = 0xff << (home & !7) >> FIRST;
        let wishes = [
            if alone { places & empty & LINE_STARTS & pair } else { 0 },
            places & line,
            places & pair,
            places,
        ];
        let best = wishes.into_iter().find(|&wish| wish != 0)?;
        Some(best.trailing_zeros() as usize + FIRST)
    }

    pub(super) fn take(self, granule: usize, count: usize) -> Space {
        Space(self.0 | run(granule, count))
    }

    /// Marks an unlinked entry's granules, unlinked in epoch `now` at the latest.
    pub(super) fn kill(self, granule: usize, count: usize, now: u64) -> Space {
        let buried = self.bury(now);
        let dead = buried.dead() | run(granule, count);
        Space(buried.taken() | dead << BITS | (now & 0xff) << 56)
    }
}

fn run(granule: usize, count: usize) -> u64 {
    ((1 << count) - 1) << (granule - FIRST)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn runs_are_found_where_they_fit() {
        let space = Space::default().take(FIRST, 3).take(10, 1);
        assert_eq!(space.find(1, 4, false), Some(7));
        assert_eq!(space.find(1, 8, false), Some(8));
        assert_eq!(space.find(3, 8, false), Some(11));
        assert_eq!(space.find(5, 28, false), Some(24));
        // The home line 4 has one place, its pair no more.
        assert_eq!(space.find(2, 4, false), Some(8 - 1));
        assert_eq!(space.find(4, 4, false), Some(11));
        assert_eq!(space.find(1, 8, true), Some(12));
        assert_eq!(space.find(1, 28, true), Some(24));
        assert_eq!(Space(ALL).find(1, 4, false), None);
    }

    #[test]
    fn the_dead_rest_for_a_grace_period() {
        let mut space = Space::default().take(FIRST, 5).kill(FIRST, 5, 255);
        assert_eq!(space.used(), 5);
        assert_eq!(space.bury(255 + GRACE - 1), space);
        // A younger death delays the older.
        space = space.take(20, 1).kill(20, 1, 256);
        assert_eq!(space.bury(255 + GRACE), space);
        assert_eq!(space.bury(256 + GRACE), Space::default());
        // Deaths older than the grace period do not wait for a new one.
        let again = space.take(9, 2).kill(9, 2, 300);
        assert_eq!(again.used(), 2);
    }
}
