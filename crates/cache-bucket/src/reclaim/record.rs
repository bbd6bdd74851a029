use std::ptr;

use super::bag::OwnBag;
use super::domain::Domain;
use crate::primitive::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering};
use crate::seeded;

/// One thread's part in reclamation. Records are reused by later threads and live as long as their domain.
///
/// Alone on its cache lines, as its owner writes to it in every operation.
#[repr(align(128))]
#[derive(Debug)]
pub(crate) struct Record {
    /// The epoch that the owner pins; [`UNPINNED`] between operations. Written by the owner only.
    pub(super) pinned: AtomicU64,
    /// Whether a pin needs a fence of its own.
    pub(super) fenced: bool,
    /// What it is a record of.
    pub(super) domain: *const Domain,
    /// Spreads counters over threads; from 0, and reused with the record.
    pub(super) id: usize,
    /// Counts inserts and deletes, to tidy up now and then. Written by the owner only.
    pub(super) ticks: AtomicU32,
    pub(super) taken: AtomicBool,
    /// The record that was newest when this one came; set before it can be found.
    pub(super) next: AtomicPtr<Record>,
    /// What the owner retired.
    pub(super) bag: OwnBag,
}

/// No epoch is 0.
pub(super) const UNPINNED: u64 = 0;

// SAFETY: the domain is shared, and outlives its records.
unsafe impl Send for Record {}
// SAFETY: as above.
unsafe impl Sync for Record {}

impl Record {
    /// A record of no thread, always pinned, so that whoever pins it sees that it is not its own.
    #[cfg(not(loom))]
    pub(super) const fn nobody() -> Self {
        Self {
            pinned: AtomicU64::new(u64::MAX),
            fenced: false,
            domain: ptr::null(),
            id: 0,
            ticks: AtomicU32::new(0),
            taken: AtomicBool::new(true),
            next: AtomicPtr::new(ptr::null_mut()),
            bag: OwnBag::new(),
        }
    }

    pub(super) fn new(domain: &Domain, id: usize, fenced: bool) -> Self {
        Self {
            pinned: AtomicU64::new(UNPINNED),
            fenced,
            domain,
            id,
            ticks: AtomicU32::new(0),
            taken: AtomicBool::new(true),
            next: AtomicPtr::new(ptr::null_mut()),
            bag: OwnBag::new(),
        }
    }

    /// Ends the owner's outermost pin.
    #[inline(always)]
    pub(super) fn unpin(&self) {
        // Release: what was done under the pin comes before whoever sees it gone.
        #[cfg(not(tsan))]
        self.pinned.store(UNPINNED, seeded::ordering(Ordering::Release, "unpin"));
        // ThreadSanitizer is given what it can follow.
        #[cfg(tsan)]
        self.pinned.swap(UNPINNED, Ordering::SeqCst);
    }

    /// What it pins, as someone else sees it.
    pub(super) fn pinned_at(&self) -> u64 {
        // Acquire: pairs with the release of unpinning. ThreadSanitizer pairs it with the pin's swap.
        #[cfg(not(tsan))]
        return self.pinned.load(seeded::ordering(Ordering::Acquire, "scan"));
        #[cfg(tsan)]
        return self.pinned.fetch_add(0, Ordering::SeqCst);
    }

    /// Makes it the caller's, if it is nobody's.
    pub(super) fn take(&self) -> bool {
        // Acquire: what its last owner did with it comes before.
        !self.taken.load(Ordering::Relaxed)
            && self
                .taken
                .compare_exchange(false, true, seeded::ordering(Ordering::Acquire, "take"), Ordering::Relaxed)
                .is_ok()
    }
}
