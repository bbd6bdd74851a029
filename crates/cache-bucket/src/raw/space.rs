use super::bucket::{FIRST, GRANULES, LINE};

/// The set of granules of a bucket that are taken: bit `i` for granule `FIRST + i`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Space(pub(super) u32);

const ALL: u32 = ((1_u64 << (GRANULES - FIRST)) - 1) as u32;
/// The first granule of each line.
const LINE_STARTS: u32 = 0x0111_1111;

/// The granules of the second and the fourth pair of lines.
const ODD_PAIRS: u32 = 0xff00_ff00 >> FIRST;

/// Whether entries of `count` granules are packed into pairs of lines from one end. A pair has room for one of them,
/// and the rest would be lost. The ends alternate, so that the rests of two pairs adjoin.
#[inline(always)]
pub(super) fn is_packed(count: usize) -> bool {
    count == 5
}

impl Space {
    /// The number of granules that are taken.
    pub(super) fn used(self) -> u32 {
        self.0.count_ones()
    }

    /// The set with the granules of one more entry.
    pub(super) fn with(self, granule: usize, count: usize) -> Space {
        Space(self.0 | ((1 << count) - 1) << (granule - FIRST))
    }

    /// Finds `count` adjacent free granules: in the home line if possible, else in the home pair, else anywhere.
    ///
    /// With `alone`, it prefers a line of the pair that holds nothing else.
    #[inline(always)]
    pub(super) fn find(self, count: usize, home: usize, alone: bool) -> Option<usize> {
        let free = !self.0 & ALL;
        let mut places = free;
        for i in 1..count {
            places &= free >> i;
        }
        let line = 0xf << (home - FIRST);
        let pair = (0xff_u64 << (home & !7) >> FIRST) as u32;
        if is_packed(count) && !alone {
            return find_packed(places, count, pair);
        }
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

/// Does what [`Space::find`] does for a [packed](is_packed) entry, which may begin at `places`.
#[inline(always)]
fn find_packed(places: u32, count: usize, pair: u32) -> Option<usize> {
    // The places at which the entry does not extend into the next pair.
    let within = places & ((0x0101_0101 * (0xff >> (count - 1))) >> FIRST);
    let in_pair = within & pair;
    let upwards = |places: u32| (places != 0).then(|| places.trailing_zeros() as usize + FIRST);
    let downwards = |places: u32| places.checked_ilog2().map(|bit| bit as usize + FIRST);
    if in_pair != 0 {
        return if pair & ODD_PAIRS != 0 { downwards(in_pair) } else { upwards(in_pair) };
    }
    downwards(within & ODD_PAIRS).or_else(|| upwards(places & !ODD_PAIRS)).or_else(|| upwards(places))
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
        // The home pair has no two adjacent free granules: any other place.
        assert_eq!(space.find(2, 4, false), Some(7));
        assert_eq!(space.find(4, 4, false), Some(11));
        assert_eq!((space.find(5, 20, false), space.find(5, 28, false)), (Some(16), Some(27)));
        assert_eq!((space.find(5, 20, true), space.find(5, 28, true)), (Some(16), Some(24)));
        assert_eq!(space.find(1, 8, true), Some(12));
        assert_eq!(space.find(1, 28, true), Some(24));
        assert_eq!(Space(ALL).find(1, 8, false), None);
        assert_eq!(Space(ALL).find(5, 8, false), None);
        assert_eq!(Space(ALL & !(1 << 27)).find(1, 8, true), Some(31));
    }

    #[test]
    fn hardly_anything_is_left() {
        for (count, most) in [(1, 28), (2, 14), (4, 7), (5, 5)] {
            for homes in [[8, 12, 16, 20, 24, 28], [28, 24, 20, 16, 12, 8], [8, 16, 24, 12, 20, 28]] {
                let mut space = Space::default();
                let mut homes = homes.into_iter().cycle();
                let mut entries = 0;
                while let Some(granule) = space.find(count, homes.next().expect("endless"), false) {
                    space = space.with(granule, count);
                    entries += 1;
                }
                assert_eq!(entries, most, "{count} granules each: {:028b}", space.0);
            }
        }
    }
}
