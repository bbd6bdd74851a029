//! Whether there may be something to free, so that writers need not look for it.

use super::record::const_unless_loom;
use crate::primitive::{AtomicU64, Ordering};
use crate::seeded;

/// Set by whoever retires something, without a fence; cleared by those who move the epoch on.
///
/// One who retires something and sees this set need not set it. He may see an old value, so it is cleared in two steps.
/// First it says since which epoch nothing is left. Whoever pins a later epoch sees that, and sets it again. Once the epoch
/// has moved on twice, all who pinned that epoch or an earlier one have been seen, and what they have retired with them.
#[derive(Debug)]
pub(super) struct Pending(AtomicU64);

const NONE: u64 = 0;
const SOME: u64 = u64::MAX;

impl Pending {
    const_unless_loom! {
        pub(super) fn new() -> Self {
            Self(AtomicU64::new(NONE))
        }
    }

    /// There is something to free.
    #[inline(always)]
    pub(super) fn set(&self) {
        if self.0.load(Ordering::Relaxed) != SOME {
            // Not a store, which one who is about to clear it might undo.
            self.0.swap(SOME, Ordering::Relaxed);
        }
    }

    #[inline(always)]
    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed) != NONE
    }

    /// Takes note of whether anything was seen that is to be freed. The caller is about to move on from this epoch.
    pub(super) fn review(&self, any: bool, epoch: u64) {
        match self.0.load(Ordering::Relaxed) {
            NONE => {}
            _ if any => self.set(),
            SOME => self.replace(SOME, epoch),
            since if since + 2 <= epoch => self.replace(since, NONE),
            _ => {}
        }
    }

    /// Unless it was set meanwhile.
    fn replace(&self, old: u64, new: u64) {
        if seeded::bug("pending") {
            return self.0.store(new, Ordering::Relaxed);
        }
        let _ = self.0.compare_exchange(old, new, Ordering::Relaxed, Ordering::Relaxed);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn it_is_cleared_two_epochs_after_nothing_was_seen() {
        let pending = Pending::new();
        let looks = |looks: &[(bool, u64)]| {
            looks.iter().for_each(|&(any, epoch)| pending.review(any, epoch));
            pending.is_set()
        };
        assert!(!looks(&[(false, 1), (true, 2)]));
        pending.set();
        assert!(looks(&[(true, 2), (false, 3), (false, 4)]));
        assert!(!looks(&[(false, 5)]));
        pending.set();
        assert!(looks(&[(false, 6), (false, 7), (true, 8), (false, 9), (false, 10)]));
        assert!(!looks(&[(false, 11)]));
    }
}
