use std::ops::BitOr;

/// The work that an operation leaves to be done once its thread is no longer pinned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Maintenance(u8);

impl Maintenance {
    pub(crate) const NONE: Maintenance = Maintenance(0);
    /// The table is being resized.
    pub(crate) const MOVE: Maintenance = Maintenance(1);
    /// There is garbage to collect.
    pub(crate) const COLLECT: Maintenance = Maintenance(2);
    /// The table has just been given a next table: the sooner the epoch moves on, the better.
    pub(crate) const RESIZED: Maintenance = Maintenance(4);
    /// A bucket is full, in part of entries removed a moment ago. Their room can be used again after a grace period.
    pub(crate) const CROWDED: Maintenance = Maintenance(8);
    /// A bucket and its overflow chain are full, in part of entries removed a moment ago.
    pub(crate) const FULL: Maintenance = Maintenance(16);

    #[inline(always)]
    pub(crate) fn any(self) -> bool {
        self != Maintenance::NONE
    }

    pub(crate) fn has(self, other: Maintenance) -> bool {
        self.0 & other.0 != 0
    }
}

impl BitOr for Maintenance {
    type Output = Maintenance;

    fn bitor(self, other: Maintenance) -> Maintenance {
        Maintenance(self.0 | other.0)
    }
}
