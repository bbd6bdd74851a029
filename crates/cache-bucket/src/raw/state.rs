use crate::seeded;

/// The state word of a main bucket: flags, a link to the first overflow bucket, the epoch of the last removal, and a
/// version. In the word of an overflow bucket there is a link only.
///
/// The version counts inserts into the bucket and its overflow. Who locks by comparing the whole word with one
/// read before a search knows that nothing was inserted since. It cannot come round meanwhile: the searcher is
/// pinned, no granule freed since is reused under it, so every insert takes another granule, and 2^24 overflow
/// buckets have fewer than the 2^29 that a round would need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct State(pub(super) u64);

const LOCKED: u64 = 1;
const CLOSED: u64 = 2;
const MOVED: u64 = 4;
const STRAYS: u64 = 8;
const LINK_SHIFT: u32 = 4;
const LINK_BITS: u32 = 24;
const EPOCH_SHIFT: u32 = LINK_SHIFT + LINK_BITS;
const EPOCH_BITS: u32 = 7;
const EPOCH_MASK: u64 = (1 << EPOCH_BITS) - 1;
const VERSION_ONE: u64 = 1 << (EPOCH_SHIFT + EPOCH_BITS);
/// Links are in 1..=MAX_LINK; 0 is none.
pub(super) const MAX_LINK: u32 = (1 << LINK_BITS) - 1;

impl State {
    #[inline(always)]
    pub(super) fn locked(self) -> bool {
        self.0 & LOCKED != 0
    }

    pub(super) fn lock(self) -> State {
        State(self.0 | LOCKED)
    }

    /// New keys go to the next table.
    #[inline(always)]
    pub(super) fn closed(self) -> bool {
        self.0 & CLOSED != 0
    }

    pub(super) fn close(self) -> State {
        State(self.0 | CLOSED)
    }

    /// All entries are in the next table.
    #[inline(always)]
    pub(super) fn moved(self) -> bool {
        self.0 & MOVED != 0
    }

    pub(super) fn move_out(self) -> State {
        State(self.0 | CLOSED | MOVED)
    }

    /// Some entries are not near their home lines, or were not: who does not find a key there has to look elsewhere.
    #[inline(always)]
    pub(super) fn has_strays(self) -> bool {
        self.0 & STRAYS != 0
    }

    /// One insert more, near the home line of its key or not.
    pub(super) fn inserted(self, near: bool) -> State {
        let next = State(self.0.wrapping_add(if seeded::bug("version") { 0 } else { VERSION_ONE }));
        if near || seeded::bug("strays") { next } else { State(next.0 | STRAYS) }
    }

    /// The first overflow bucket, or the next one; 0 if there is none.
    #[inline(always)]
    pub(super) fn link(self) -> u32 {
        (self.0 >> LINK_SHIFT) as u32 & MAX_LINK
    }

    pub(super) fn with_link(self, link: u32) -> State {
        debug_assert!(link <= MAX_LINK);
        let others = self.0 & !(u64::from(MAX_LINK) << LINK_SHIFT);
        State(others | u64::from(link) << LINK_SHIFT)
    }

    /// How many epochs ago the last entry was removed, or fewer.
    pub(super) fn removed_since(self, now: u64) -> u64 {
        // In so few bits an age can only seem less than it is.
        now.wrapping_sub(self.0 >> EPOCH_SHIFT) & EPOCH_MASK
    }

    /// An entry was removed, in this epoch at the latest.
    pub(super) fn removed(self, now: u64) -> State {
        let others = self.0 & !(EPOCH_MASK << EPOCH_SHIFT);
        State(others | (now & EPOCH_MASK) << EPOCH_SHIFT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_keep_to_themselves() {
        let state = State(0).with_link(MAX_LINK).inserted(true).inserted(true);
        assert_eq!(state.link(), MAX_LINK);
        assert!(!state.locked() && !state.closed() && !state.moved() && !state.has_strays());
        assert!(state.inserted(false).inserted(true).has_strays());
        assert_eq!(state.with_link(5).link(), 5);
        assert!(state.with_link(0).lock().close().closed());
        assert!(State(!15).inserted(true).move_out().moved());
        let state = State(!0 << EPOCH_SHIFT).with_link(7).inserted(true).removed(0x1ff);
        assert_eq!((state.link(), state.removed_since(0x1ff)), (7, 0));
    }

    #[test]
    fn an_age_never_seems_more_than_it_is() {
        let state = State(0).removed(250);
        for now in 250..2000 {
            assert!(state.removed_since(now) <= now - 250);
        }
        assert_eq!(state.removed_since(259), 9);
    }
}
