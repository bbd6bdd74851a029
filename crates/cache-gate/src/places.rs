//! A bounded number of reservations under way: the bulkhead of an item, and that of the gate.

use cache_core::seeded;

use crate::sync::atomic::{AtomicU32, Ordering};

#[derive(Debug, Default)]
pub(crate) struct Places {
    taken: AtomicU32,
}

impl Places {
    /// Takes a place if fewer than `most` are taken.
    pub(crate) fn enter(&self, most: u32) -> bool {
        if seeded::bug("places-blindly") {
            let free = self.taken() < most;
            if free {
                self.taken.fetch_add(1, Ordering::AcqRel);
            }
            return free;
        }
        let one_more = |taken: u32| (taken < most).then(|| taken + 1);
        self.taken.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more).is_ok()
    }

    pub(crate) fn leave(&self) {
        self.taken.fetch_sub(1, Ordering::AcqRel);
    }

    #[inline]
    pub(crate) fn taken(&self) -> u32 {
        self.taken.load(Ordering::Relaxed)
    }
}
