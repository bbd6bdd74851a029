use std::ptr;
use std::sync::Arc;

use crate::primitive::{AtomicI64, AtomicPtr, Ordering};
use crate::reclaim::Retired;

/// The value of an entry: one atomic word. All zeros is a valid one.
pub(crate) trait Cell: Send + Sync + Sized + 'static {
    /// What the word holds.
    type Word: Copy;

    #[cfg(loom)]
    fn empty() -> Self;

    /// Reads it.
    fn word(&self) -> Self::Word;

    /// Sets it before its entry is published.
    fn init(&self, word: Self::Word);

    /// Ends it, under the lock, when its entry is unlinked; what must be dropped once that is out of sight.
    fn end(&self) -> Option<Retired>;
}

impl Cell for AtomicI64 {
    type Word = i64;

    #[cfg(loom)]
    fn empty() -> Self {
        AtomicI64::new(0)
    }

    #[inline(always)]
    fn word(&self) -> i64 {
        self.load(Ordering::Acquire)
    }

    fn init(&self, word: i64) {
        self.store(word, Ordering::Relaxed);
    }

    /// An add that found the entry before may still come: it is ordered before the unlinking.
    fn end(&self) -> Option<Retired> {
        None
    }
}

impl<V: Send + Sync + 'static> Cell for AtomicPtr<V> {
    type Word = *mut V;

    #[cfg(loom)]
    fn empty() -> Self {
        AtomicPtr::new(ptr::null_mut())
    }

    #[inline(always)]
    fn word(&self) -> *mut V {
        self.load(Ordering::Acquire)
    }

    fn init(&self, word: *mut V) {
        self.store(word, Ordering::Relaxed);
    }

    /// Null says that the entry is gone. Without it a late `set` would leave an object that nobody drops.
    fn end(&self) -> Option<Retired> {
        let last = self.swap(ptr::null_mut(), Ordering::AcqRel);
        // SAFETY: it was the entry's, and is in no cell any more.
        (!last.is_null()).then(|| unsafe { retire_arc(last) })
    }
}

/// What becomes of an object that was taken out of its cell.
///
/// # Safety
///
/// `object` came from `Arc::into_raw`, was published in a cell, and the reference it stands for is the caller's.
pub(crate) unsafe fn retire_arc<V: Send + Sync + 'static>(object: *mut V) -> Retired {
    unsafe fn free<V>(object: *mut ()) {
        // SAFETY: as `retire_arc` was promised.
        drop(unsafe { Arc::from_raw(object.cast::<V>()) });
    }
    // SAFETY: an `Arc` of such a `V` may be dropped on any thread.
    unsafe { Retired::new(object.cast(), free::<V>) }
}
