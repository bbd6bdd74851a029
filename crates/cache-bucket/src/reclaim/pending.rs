//! Whether there may be something to free, so that writers need not look for it.

use super::record::const_unless_loom;
use crate::primitive::{AtomicU64, Ordering};
use crate::seeded;

/// The flag that garbage may exist. A thread that retires an object sets it, without a fence; a thread that moves the
/// epoch clears it.
///
/// A thread that retires an object and sees the flag set need not set it. It may see an old value, so the flag is
/// cleared in two steps. First it is set to the epoch since which nothing is left: a thread that pins a later epoch
/// sees that, and sets it again. Once the epoch has moved on twice, all threads that pinned that epoch or an earlier
/// one have been seen, and what they retired with them.
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

    /// Sets the flag: there is something to free.
    #[inline(always)]
    pub(super) fn set(&self) {
        if self.0.load(Ordering::Relaxed) != SOME {
            // Not a store: a thread that is about to clear the flag might undo it.
            self.0.swap(SOME, Ordering::Relaxed);
        }
    }

    #[inline(always)]
    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed) != NONE
    }

    /// Updates the flag by whether `any` garbage was seen. The caller is about to move on from this epoch.
    pub(super) fn review(&self, any: bool, epoch: u64) {
        match self.0.load(Ordering::Relaxed) {
            NONE => {}
            _ if any => self.set(),
            SOME => self.replace(SOME, epoch),
            since if since + 2 <= epoch => self.replace(since, NONE),
            _ => {}
        }
    }

    /// Replaces the value, unless the flag was set meanwhile.
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
