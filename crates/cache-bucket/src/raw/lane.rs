/// What a bucket's header says of one granule, in 16 bits: a tag below, a form above.
///
/// An entry's lane is that of its first granule: 8 bits of the key's hash, and how it keeps its key. So one comparison
/// finds the entries that have both, and what is compared then has the length that is looked for.
pub(super) type Lane = u16;

/// Nothing is there, and nobody still reads what was.
pub(super) const FREE: Lane = 0;
/// A further granule of an entry.
pub(super) const FURTHER: Lane = 0x7f << 8;
/// A granule of an entry that was removed, and that someone may still read or write. No other lane has this bit. The
/// others are those of the epoch of the removal: see [`dead`].
const DEAD: Lane = 0x80 << 8;

/// In each lane of a word, its lowest bit.
const ONES: u64 = 0x0001_0001_0001_0001;
/// In each lane of a word, its top bit, which is that of the dead.
pub(super) const TOPS: u64 = DEAD as u64 * ONES;

/// How an entry keeps its key: one more than the length of a key in the bucket, or one of these.
pub(super) type Form = u8;

/// The bytes of the key are behind a pointer.
pub(super) const BLOB: Form = 0x7d;
/// The key is in a box of its own.
pub(super) const BOXED: Form = 0x7e;

/// The most granules that an entry takes. A longer key is kept behind a pointer.
pub(super) const MOST: usize = 5;
/// The longest key whose entry takes one.
pub(super) const ONE: usize = 8;
/// The longest key that is kept in the bucket: an entry's granules without the value.
pub(super) const LONGEST: usize = 16 * MOST - 8;

/// The form of a key of so many bytes, [`LONGEST`] at most.
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

/// How many granules an entry of this form takes: the first 8 bytes are the value's.
#[inline]
pub(super) fn granules(form: Form) -> usize {
    if is_behind(form) { 1 } else { ((length(form) + 23) / 16).max(1) }
}

#[inline(always)]
pub(super) fn entry(tag: u8, form: Form) -> Lane {
    Lane::from(form) << 8 | Lane::from(tag)
}

/// The lane of what was removed in this epoch.
#[inline]
pub(super) fn dead(epoch: u64) -> Lane {
    DEAD | epoch as Lane
}

/// Of four lanes in a word, the top bits of those that were removed so many epochs ago, or more: in so few bits an age can
/// only seem less than it is.
#[inline(always)]
pub(super) fn dead_for(lanes: u64, epochs: u64, now: u64) -> u64 {
    let now = u64::from(now as Lane | DEAD) * ONES;
    // In each lane without the top bit; no borrow or carry crosses one.
    let ages = (now - (lanes & !TOPS)) & !TOPS;
    (ages + (TOPS - epochs * ONES)) & lanes & TOPS
}

/// The form of the entry that begins at a granule; `None` if none does.
#[inline]
pub(super) fn form(lane: Lane) -> Option<Form> {
    (lane != FREE && lane < FURTHER).then_some((lane >> 8) as u8)
}

/// Of four lanes in a word, the top bits of those that are an entry's.
#[inline(always)]
pub(super) fn entries(lanes: u64) -> u64 {
    // A form more, and what is further or dead has the top bit. No carry crosses a lane.
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
    fn what_is_no_entry_has_no_form() {
        assert_eq!([FREE, FURTHER, dead(0), dead(!0)].map(form), [None; 4]);
        assert_eq!(form(entry(0, inline(0))), Some(1));
        assert_eq!(form(entry(0xff, BOXED)), Some(BOXED));
    }

    #[test]
    fn an_age_never_seems_more_than_it_is() {
        for then in [250, 0x7fff, 0x8000, 0x1_2345] {
            for now in then..then + 100_000 {
                let age = (now - then) & 0x7fff;
                // Beside it what is no dead lane, whatever its bits.
                let lanes = u64::from(dead(then)) << 16 | 0x7fff_0000_0000_7fff;
                assert_eq!(dead_for(lanes, 3, now) != 0, age >= 3, "{then} {now}");
                assert_eq!(dead_for(lanes, age, now), 0x8000_0000);
                assert_eq!(dead_for(lanes, age + 1, now), 0);
            }
        }
    }
}
