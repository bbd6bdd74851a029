use std::ops::BitOr;

/// What is to be done after an operation, once its thread is no longer pinned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chores(u8);

impl Chores {
    pub(crate) const NONE: Chores = Chores(0);
    /// The table is being resized.
    pub(crate) const MOVE: Chores = Chores(1);
    /// There is something to reclaim.
    pub(crate) const TIDY: Chores = Chores(2);
    /// The table was just given a next one: the sooner the epoch moves on the better.
    pub(crate) const RESIZED: Chores = Chores(4);
    /// A bucket is full, of what was removed a moment ago too: that can be used again once a grace period is over.
    pub(crate) const CROWDED: Chores = Chores(8);
    /// The same, and what follows it in its chain is full as well.
    pub(crate) const FULL: Chores = Chores(16);

    #[inline(always)]
    pub(crate) fn any(self) -> bool {
        self != Chores::NONE
    }

    pub(crate) fn has(self, other: Chores) -> bool {
        self.0 & other.0 != 0
    }
}

impl BitOr for Chores {
    type Output = Chores;

    fn bitor(self, other: Chores) -> Chores {
        Chores(self.0 | other.0)
    }
}
