use crate::seeded;

/// The state word of a main bucket: flags, the number of strays, a link to the first overflow bucket, and a version.
/// The word of an overflow bucket holds a link only.
///
/// The version counts inserts into the bucket and its overflow chain. A thread that locks by comparing the whole word
/// with one read before a search knows that nothing was inserted since. The version cannot wrap around meanwhile: the
/// searching thread is pinned, no granule freed since is reused under its pin, so every insert takes another granule,
/// and 2^24 overflow buckets have fewer than the 2^29 granules that this would need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct State(pub(super) u64);

const LOCKED: u64 = 1;
const CLOSED: u64 = 2;
const MOVED: u64 = 4;
const STRAY_SHIFT: u32 = 3;
const STRAY_BITS: u32 = 8;
const STRAY_ONE: u64 = 1 << STRAY_SHIFT;
/// The count of strays is full: there are at least this many, and it is never decreased again.
const STRAYS: u64 = ((1 << STRAY_BITS) - 1) << STRAY_SHIFT;
const LINK_SHIFT: u32 = STRAY_SHIFT + STRAY_BITS;
const LINK_BITS: u32 = 24;
const VERSION_ONE: u64 = 1 << (LINK_SHIFT + LINK_BITS);
/// The largest link. Links are in `1..=MAX_LINK`; 0 means none.
pub(super) const MAX_LINK: u32 = (1 << LINK_BITS) - 1;

impl State {
    #[inline(always)]
    pub(super) fn locked(self) -> bool {
        self.0 & LOCKED != 0
    }

    pub(super) fn lock(self) -> State {
        State(self.0 | LOCKED)
    }

    /// Whether new keys go to the next table.
    #[inline(always)]
    pub(super) fn closed(self) -> bool {
        self.0 & CLOSED != 0
    }

    pub(super) fn close(self) -> State {
        State(self.0 | CLOSED)
    }

    /// Whether all entries are in the next table.
    #[inline(always)]
    pub(super) fn moved(self) -> bool {
        self.0 & MOVED != 0
    }

    pub(super) fn move_out(self) -> State {
        State(self.0 | CLOSED | MOVED)
    }

    /// Whether some entries are strays, outside their home pairs: then a key may be elsewhere in the bucket or its
    /// chain.
    #[inline(always)]
    pub(super) fn has_strays(self) -> bool {
        self.0 & STRAYS != 0
    }

    /// Whether nobody holds the lock, new keys may be inserted, and no entry is a stray.
    #[inline(always)]
    pub(super) fn is_plain(self) -> bool {
        self.0 & (LOCKED | CLOSED | MOVED | STRAYS) == 0
    }

    /// Whether the bucket was never changed.
    #[inline(always)]
    pub(super) fn is_new(self) -> bool {
        self.0 == 0
    }

    /// Whether nobody holds the lock, new keys may be inserted, and there is no overflow chain.
    #[inline(always)]
    pub(super) fn is_single(self) -> bool {
        self.0 & (LOCKED | CLOSED | MOVED) == 0 && self.link() == 0
    }

    /// The state after an insert, into the home pair of the key or not.
    pub(super) fn inserted(self, at_home: bool) -> State {
        let next = if seeded::bug("version") { self } else { self.with_next_version() };
        if at_home || next.0 & STRAYS == STRAYS || seeded::bug("strays") {
            next
        } else {
            State(next.0 + STRAY_ONE)
        }
    }

    /// The state with the next version. The version wraps around to 1, so that a used bucket never seems new again.
    #[inline(always)]
    fn with_next_version(self) -> State {
        let next = self.0.wrapping_add(VERSION_ONE);
        State(if next < VERSION_ONE { next + VERSION_ONE } else { next })
    }

    /// The state after a removal, from the home pair of the key or not.
    pub(super) fn removed(self, at_home: bool) -> State {
        let counted = (1..STRAYS >> STRAY_SHIFT).contains(&((self.0 & STRAYS) >> STRAY_SHIFT));
        if counted && (!at_home || seeded::bug("stray-gone")) { State(self.0 - STRAY_ONE) } else { self }
    }

    /// The state after all entries were removed.
    pub(super) fn emptied(self) -> State {
        State(self.0 & !STRAYS)
    }

    /// The link to the first overflow bucket, or to the next one; 0 if there is none.
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
