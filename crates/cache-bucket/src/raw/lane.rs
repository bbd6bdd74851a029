/// The description of one granule in a bucket's header, in 16 bits: a tag below, a form above.
///
/// The lane of an entry's first granule has 8 bits of the key's hash, and the form in which the entry keeps its key.
/// So one comparison finds the entries that have both, and a key compared next has the right length.
pub(super) type Lane = u16;

/// The granule is free, and nobody still reads what was there.
pub(super) const FREE: Lane = 0;
/// The granule continues an entry.
pub(super) const FURTHER: Lane = 0x7f << 8;
/// The granule is of a removed entry that a thread may still read or write. No other lane has this bit. The other
/// bits are of the epoch of the removal: see [`dead`].
const DEAD: Lane = 0x80 << 8;

/// The lowest bit in each lane of a word.
const ONES: u64 = 0x0001_0001_0001_0001;
/// The top bit in each lane of a word, which marks dead lanes.
pub(super) const TOPS: u64 = DEAD as u64 * ONES;

/// The form in which an entry keeps its key: the length of a key in the bucket plus one, or one of the constants
/// below.
pub(super) type Form = u8;

/// The bytes of the key are behind a pointer.
pub(super) const BLOB: Form = 0x7d;
/// The key is in a box.
pub(super) const BOXED: Form = 0x7e;

/// The greatest number of granules that an entry takes. A longer key is kept behind a pointer.
pub(super) const MOST: usize = 5;
/// The longest key whose entry takes one granule.
pub(super) const ONE: usize = 8;
/// The longest key that is kept in the bucket: an entry's granules without the value.
pub(super) const LONGEST: usize = 16 * MOST - 8;

/// The form of a key of `length` bytes, at most [`LONGEST`].
#[inline(always)]
pub(super) fn inline(length: usize) -> Form {
    length as u8 + 1
}

/// Whether an entry of this form points at its key.
#[inline(always)]
pub(super) fn is_behind(form: Form) -> bool {
    form >= BLOB
}

/// The length of a key in the bucket.
#[inline(always)]
pub(super) fn length(form: Form) -> usize {
    debug_assert!(usize::from(form) <= LONGEST + 1 && form != 0);
    usize::from(form) - 1
}

/// The number of granules that an entry of this form takes. The first 8 bytes hold the value.
#[inline]
pub(super) fn granules(form: Form) -> usize {
    if is_behind(form) { 1 } else { ((length(form) + 23) / 16).max(1) }
}

#[inline(always)]
pub(super) fn entry(tag: u8, form: Form) -> Lane {
    Lane::from(form) << 8 | Lane::from(tag)
}

/// The lane of a granule whose entry was removed in this epoch.
#[inline]
pub(super) fn dead(epoch: u64) -> Lane {
    DEAD | epoch as Lane
}

/// Finds the lanes of a word that died at least `epochs` epochs ago, as their top bits. An age has so few bits that
/// it can only seem less than it is.
#[inline(always)]
pub(super) fn dead_for(lanes: u64, epochs: u64, now: u64) -> u64 {
    let now = u64::from(now as Lane | DEAD) * ONES;
    // The age in each lane, without the top bit. No borrow or carry crosses a lane.
    let ages = (now - (lanes & !TOPS)) & !TOPS;
    (ages + (TOPS - epochs * ONES)) & lanes & TOPS
}

/// The form of the entry that begins at a granule with this lane; `None` if none does.
#[inline]
pub(super) fn form(lane: Lane) -> Option<Form> {
    (lane != FREE && lane < FURTHER).then_some((lane >> 8) as u8)
}

/// Finds the lanes of a word at which entries begin, as their top bits.
#[inline(always)]
pub(super) fn entries(lanes: u64) -> u64 {
    // With 1 added to its form, every further or dead lane has the top bit. No carry crosses a lane.
    let lows = lanes & !TOPS;
    let others = (lows + 0x0100 * ONES) | lanes;
    ((lows + !TOPS) & !others) & TOPS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_have_the_granules_they_need() {
        let of = |length| granules(inline(length));
        assert_eq!([0, 8, 9, 24, 25, 40, 41, 56, 57, 72].map(of), [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]);
        assert_eq!((granules(BLOB), granules(BOXED)), (1, 1));
    }

    #[test]
    fn entries_are_told_from_the_rest() {
        let any = [
            FREE,
            FURTHER,
            dead(0),
            dead(!0),
            entry(0, inline(0)),
            entry(0xff, BOXED),
            entry(7, inline(8)),
            1 << 8,
        ];
        for lane in any {
            for place in 0..4 {
                for others in any {
                    let lanes = (0..4).fold(0, |all, i| {
                        all | u64::from(if i == place { lane } else { others }) << (16 * i)
                    });
                    let found = entries(lanes) >> (16 * place + 15) & 1 == 1;
                    assert_eq!(found, form(lane).is_some(), "{lane:x} at {place} in {lanes:x}");
                }
            }
        }
        assert_eq!(entries(!0), 0);
    }

    #[test]
    fn other_lanes_have_no_form() {
        assert_eq!([FREE, FURTHER, dead(0), dead(!0)].map(form), [None; 4]);
        assert_eq!(form(entry(0, inline(0))), Some(1));
        assert_eq!(form(entry(0xff, BOXED)), Some(BOXED));
    }

    #[test]
    fn an_age_never_seems_more_than_it_is() {
        for then in [250, 0x7fff, 0x8000, 0x1_2345] {
            for now in then..then + 100_000 {
                let age = (now - then) & 0x7fff;
                // The other lanes are not dead, whatever their bits.
                let lanes = u64::from(dead(then)) << 16 | 0x7fff_0000_0000_7fff;
                assert_eq!(dead_for(lanes, 3, now) != 0, age >= 3, "{then} {now}");
                assert_eq!(dead_for(lanes, age, now), 0x8000_0000);
                assert_eq!(dead_for(lanes, age + 1, now), 0);
            }
        }
    }
}
