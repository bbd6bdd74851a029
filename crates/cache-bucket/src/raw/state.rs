use crate::seeded;

/// The state word of a main bucket: flags, how many entries are strays, a link to the first overflow bucket, and a
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
const STRAY_SHIFT: u32 = 3;
const STRAY_BITS: u32 = 8;
const STRAY_ONE: u64 = 1 << STRAY_SHIFT;
/// As many strays as can be counted, or more: then there is no counting back.
const STRAYS: u64 = ((1 << STRAY_BITS) - 1) << STRAY_SHIFT;
const LINK_SHIFT: u32 = STRAY_SHIFT + STRAY_BITS;
const LINK_BITS: u32 = 24;
const VERSION_ONE: u64 = 1 << (LINK_SHIFT + LINK_BITS);
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

    /// Some entries are not near their home lines: who does not find a key there has to look elsewhere.
    #[inline(always)]
    pub(super) fn has_strays(self) -> bool {
        self.0 & STRAYS != 0
    }

    /// Nobody holds the lock, new keys may come here, and none is a stray.
    #[inline(always)]
    pub(super) fn is_plain(self) -> bool {
        self.0 & (LOCKED | CLOSED | MOVED | STRAYS) == 0
    }

    /// Nothing was ever done to the bucket.
    #[inline(always)]
    pub(super) fn is_new(self) -> bool {
        self.0 == 0
    }

    /// Nobody holds the lock, new keys may come here, and there is no overflow.
    #[inline(always)]
    pub(super) fn is_single(self) -> bool {
        self.0 & (LOCKED | CLOSED | MOVED) == 0 && self.link() == 0
    }

    /// One insert more, near the home line of its key or not.
    pub(super) fn inserted(self, near: bool) -> State {
        let next = if seeded::bug("version") { self } else { self.with_next_version() };
        if near || next.0 & STRAYS == STRAYS || seeded::bug("strays") {
            next
        } else {
            State(next.0 + STRAY_ONE)
        }
    }

    /// A version more; it comes round to 1, so that a bucket that was used never seems new again.
    #[inline(always)]
    fn with_next_version(self) -> State {
        let next = self.0.wrapping_add(VERSION_ONE);
        State(if next < VERSION_ONE { next + VERSION_ONE } else { next })
    }

    /// One entry less, near the home line of its key or not.
    pub(super) fn removed(self, near: bool) -> State {
        let counted = (1..STRAYS >> STRAY_SHIFT).contains(&((self.0 & STRAYS) >> STRAY_SHIFT));
        if counted && (!near || seeded::bug("stray-gone")) { State(self.0 - STRAY_ONE) } else { self }
    }

    /// All entries were removed.
    pub(super) fn emptied(self) -> State {
        State(self.0 & !STRAYS)
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
        assert!(State(!7).inserted(true).move_out().moved());
        assert_eq!(state.inserted(true).removed(true).link(), MAX_LINK);
        let last = State(!0 << (LINK_SHIFT + LINK_BITS));
        assert!(!last.inserted(true).is_new() && last.inserted(true) != last);
    }

    #[test]
    fn strays_are_counted_while_they_can_be() {
        let with = |strays| (0..strays).fold(State(0).with_link(9), |state, _| state.inserted(false));
        let without = |state: State, strays| (0..strays).fold(state, |state, _| state.removed(false));
        assert!(!without(with(254), 254).has_strays() && without(with(254), 253).has_strays());
        assert!(without(with(255), 300).has_strays() && without(with(300), 300).has_strays());
        assert_eq!((with(300).link(), with(300).emptied().has_strays()), (9, false));
        assert_eq!(State(0).removed(false), State(0));
    }
}
