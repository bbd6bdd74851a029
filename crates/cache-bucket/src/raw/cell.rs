use std::ptr;

use crate::primitive::{Arc, AtomicI64, AtomicPtr, Ordering};
use crate::reclaim::Retired;
use crate::seeded;

/// The value of an entry: one atomic word. All zeros is a valid one.
pub(crate) trait Cell: Send + Sync + Sized + 'static {
    /// What the word holds.
    type Word: Copy;
    /// Whether the word stands for something that is dropped.
    const IS_OWNED: bool;

    #[cfg(loom)]
    fn empty() -> Self;

    /// Reads it.
    fn word(&self) -> Self::Word;

    /// Sets it before its entry is published.
    fn init(&self, word: Self::Word);

    /// Ends it, under the lock, when its entry is unlinked; what must be dropped once that is out of sight.
    fn end(&self) -> Option<Retired>;

    /// Ends it, under the lock, before its entry is unlinked, if it is this word; `None` if it is another.
    fn end_if(&self, word: Self::Word) -> Option<Option<Retired>>;
}

impl Cell for AtomicI64 {
    type Word = i64;
    const IS_OWNED: bool = false;

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

    fn end_if(&self, word: i64) -> Option<Option<Retired>> {
        (self.word() == word).then_some(None)
    }
}

impl<V: Send + Sync + 'static> Cell for AtomicPtr<V> {
    type Word = *mut V;
    const IS_OWNED: bool = true;

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
        let last = if seeded::bug("end") {
            let last = self.load(Ordering::Acquire);
            self.store(ptr::null_mut(), Ordering::Release);
            last
        } else {
            self.swap(ptr::null_mut(), Ordering::AcqRel)
        };
        // SAFETY: it was the entry's, and is in no cell any more.
        (!last.is_null()).then(|| unsafe { retire_arc(last) })
    }

    fn end_if(&self, word: *mut V) -> Option<Option<Retired>> {
        let ended = self.compare_exchange(word, ptr::null_mut(), Ordering::AcqRel, Ordering::Acquire);
        // SAFETY: as in `end`.
        ended.ok().map(|last| (!last.is_null()).then(|| unsafe { retire_arc(last) }))
    }
}

/// What becomes of an object that was taken out of its cell.
///
/// # Safety
///
/// `object` came from `Arc::into_raw`, was published in a cell, and the reference it stands for is the caller's.
pub(crate) unsafe fn retire_arc<V: Send + Sync + 'static>(object: *mut V) -> Retired {
    /// # Safety
    ///
    /// As `retire_arc` was promised, and the object is out of everyone's sight.
    unsafe fn free<V>(object: *mut ()) {
        // SAFETY: as `retire_arc` was promised.
        drop(unsafe { Arc::from_raw(object.cast::<V>()) });
    }
    // SAFETY: an `Arc` of such a `V` may be dropped on any thread.
    unsafe { Retired::new(object.cast(), free::<V>) }
}

/// Puts an object in place of the one that is there; `None` if the entry is gone.
pub(crate) fn replace<V>(cell: &AtomicPtr<V>, new: *mut V) -> Option<*mut V> {
    let mut old = cell.load(Ordering::Acquire);
    loop {
        if old.is_null() {
            return None;
        }
        match cell.compare_exchange_weak(old, new, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => return Some(old),
            Err(seen) => old = seen,
        }
    }
}

/// A reference of one's own to an object read from a cell under a pin that lasts; `None` if its entry is gone.
#[inline(always)]
pub(crate) fn clone_of<V>(object: *mut V) -> Option<Arc<V>> {
    if object.is_null() {
        return None;
    }
    // SAFETY: the pointer is that of an `Arc`, and its cell's reference is given up no earlier than the pin.
    unsafe {
        Arc::increment_strong_count(object);
        Some(Arc::from_raw(object))
    }
}
