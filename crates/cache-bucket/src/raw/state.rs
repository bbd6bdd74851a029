/// The state word of a main bucket: flags, a link to the first overflow bucket, and a version.
///
/// The version counts inserts into the bucket and its overflow. Who locks by comparing the whole word with one
/// read before a search knows that nothing was inserted since. It cannot come round meanwhile: the searcher is
/// pinned, no granule freed since is reused under it, so every insert takes another granule, and 2^28 overflow
/// buckets have fewer than the 2^33 that a round would need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct State(pub(super) u64);

const LOCKED: u64 = 1;
const CLOSED: u64 = 2;
const MOVED: u64 = 4;
const LINK_SHIFT: u32 = 3;
const LINK_BITS: u32 = 28;
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

    /// One insert more.
    pub(super) fn inserted(self) -> State {
        State(self.0.wrapping_add(VERSION_ONE))
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
        let state = State(0).with_link(MAX_LINK).inserted().inserted();
        assert_eq!(state.link(), MAX_LINK);
        assert!(!state.locked() && !state.closed() && !state.moved());
        assert_eq!(state.with_link(5).link(), 5);
        assert!(state.with_link(0).lock().close().closed());
        assert!(State(u64::MAX & !7).inserted().move_out().moved());
        assert_eq!(State(!0 << 31).with_link(7).inserted().link(), 7);
    }
}
