use super::bucket::{FIRST, GRANULES, LINE};

/// Which granules of a bucket are taken: bit `i` for granule `FIRST + i`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Space(pub(super) u32);

const ALL: u32 = ((1_u64 << (GRANULES - FIRST)) - 1) as u32;
/// The first granule of each line.
const LINE_STARTS: u32 = 0x0111_1111;

impl Space {
    /// How many granules are taken.
    pub(super) fn used(self) -> u32 {
        self.0.count_ones()
    }

    /// With an entry more.
    pub(super) fn with(self, granule: usize, count: usize) -> Space {
        Space(self.0 | ((1 << count) - 1) << (granule - FIRST))
    }

    /// Finds `count` free granules in a row: in the home line if it can, else in the pair of lines that is looked at
    /// first, else anywhere.
    ///
    /// With `alone`, it would rather have a line of the pair that holds nothing else.
    #[inline(always)]
    pub(super) fn find(self, count: usize, home: usize, alone: bool) -> Option<usize> {
        let free = !self.0 & ALL;
        let mut places = free;
        for i in 1..count {
            places &= free >> i;
        }
        let line = 0xf << (home - FIRST);
        let pair = (0xff_u64 << (home & !7) >> FIRST) as u32;
        let mut best = places & line;
        if alone {
            let empty = (1..LINE).fold(free, |empty, i| empty & free >> i);
            let lines = places & empty & LINE_STARTS & pair;
            best = if lines != 0 { lines } else { best };
        }
        if best == 0 {
            best = places & pair;
        }
        if best == 0 {
            best = places;
        }
        (best != 0).then(|| best.trailing_zeros() as usize + FIRST)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn runs_are_found_where_they_fit() {
        // Taken: granules 4, 5, 6 and 10.
        let space = Space(0b100_0111);
        assert_eq!(space.used(), 4);
        assert_eq!(space.find(1, 4, false), Some(7));
        assert_eq!(space.find(1, 8, false), Some(8));
        assert_eq!(space.find(3, 8, false), Some(11));
        assert_eq!(space.find(5, 28, false), Some(24));
        // The pair of home line 1 has no two places: any other.
        assert_eq!(space.find(2, 4, false), Some(7));
        assert_eq!(space.find(4, 4, false), Some(11));
        assert_eq!(space.find(1, 8, true), Some(12));
        assert_eq!(space.find(1, 28, true), Some(24));
        assert_eq!(Space(ALL).find(1, 8, false), None);
        assert_eq!(Space(ALL & !(1 << 27)).find(1, 8, true), Some(31));
    }
}
