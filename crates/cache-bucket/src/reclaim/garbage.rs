use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::GRACE;
use crate::seeded;

/// Something unlinked, and how to drop it once nobody can see it.
pub(crate) struct Retired {
    what: *mut (),
    drop: unsafe fn(*mut ()),
    epoch: u64,
}

// SAFETY: `Retired::new` demands that what it holds may be dropped on any thread.
unsafe impl Send for Retired {}

impl Retired {
    /// Keeps `what` until `drop` may be called on it.
    ///
    /// # Safety
    ///
    /// `drop(what)` must be sound on any thread, at any later time, once; no new reader can find `what`.
    pub(crate) unsafe fn new(what: *mut (), drop: unsafe fn(*mut ())) -> Self {
        Self { what, drop, epoch: 0 }
    }

    /// Remembers that it was unlinked no later than in this epoch.
    pub(crate) fn stamp(&mut self, epoch: u64) {
        self.epoch = epoch;
    }

    /// The epoch in which it was unlinked, or a later one.
    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Whether nobody can see it any more when the epoch is `now`.
    pub(crate) fn expired(&self, now: u64) -> bool {
        let grace = if seeded::bug("grace") { GRACE - 1 } else { GRACE };
        self.epoch + grace <= now || seeded::bug("no-grace")
    }

    fn free(self) {
        // SAFETY: `new` promised it, and `self` is consumed.
        unsafe { (self.drop)(self.what) }
    }
}

impl fmt::Debug for Retired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retired").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

/// Frees all of it, whatever panics on the way; the first panic goes on once the rest is done.
pub(crate) fn free_all(retired: impl IntoIterator<Item = Retired>) {
    let mut first: Option<Box<dyn Any + Send>> = None;
    for each in retired {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| each.free())) {
            first.get_or_insert(panic);
        }
    }
    if let Some(panic) = first {
        resume_unwind(panic);
    }
}

/// What was large keeps room for so many things at least.
pub(super) const KEPT_ROOM: usize = 1024;

/// Takes what is expired out of what several threads left.
pub(super) fn take_expired(left: &mut Vec<Retired>, now: u64) -> Vec<Retired> {
    let expired = left.extract_if(.., |each| each.expired(now)).collect();
    if left.len() < left.capacity() / 4 {
        left.shrink_to((2 * left.len()).max(KEPT_ROOM));
    }
    expired
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn what_was_large_gives_its_room_back() {
        // SAFETY: nothing is dropped.
        let nothing = |_| unsafe { Retired::new(std::ptr::null_mut(), |_| ()) };
        let mut left: Vec<_> = (0..100_000).map(nothing).collect();
        assert_eq!(take_expired(&mut left, GRACE).len(), 100_000);
        assert!(left.capacity() <= KEPT_ROOM, "{}", left.capacity());
    }
}
