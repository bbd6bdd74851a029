use std::ptr;

use crate::primitive::{Arc, AtomicI64, AtomicPtr, Ordering};
use crate::reclaim::Retired;
use crate::seeded;

/// The value of an entry: one atomic word. Zero is a valid value.
pub(crate) trait Cell: Send + Sync + Sized + 'static {
    /// The type of the word.
    type Word: Copy;
    /// Whether the word owns something that must be dropped.
    const IS_OWNED: bool;
    /// Whether a writer that found the entry changes the word without checking whether the entry is still there.
    const IS_WRITTEN_BLINDLY: bool;

    #[cfg(loom)]
    fn empty() -> Self;

    /// Reads the word.
    fn word(&self) -> Self::Word;

    /// Sets the word before its entry is published.
    fn init(&self, word: Self::Word);

    /// Ends the value when its entry is unlinked, under the lock. Returns what must be dropped once it is out of
    /// sight.
    fn end(&self) -> Option<Retired>;

    /// Ends the value before its entry is unlinked, under the lock, if its word is `expected` or none is expected.
    /// Returns the last word and what must be dropped, or the word that is there instead.
    ///
    /// If the value [is written blindly](Self::IS_WRITTEN_BLINDLY), the caller makes sure that nobody writes to it
    /// meanwhile.
    fn end_if(&self, expected: Option<Self::Word>) -> Result<(Self::Word, Option<Retired>), Self::Word>;
}

impl Cell for AtomicI64 {
    type Word = i64;
    const IS_OWNED: bool = false;
    const IS_WRITTEN_BLINDLY: bool = true;

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

    /// Does nothing: an add that found the entry before may still come, and is ordered before the unlinking.
    fn end(&self) -> Option<Retired> {
        None
    }

    fn end_if(&self, expected: Option<i64>) -> Result<(i64, Option<Retired>), i64> {
        let word = self.word();
        if expected.is_none_or(|expected| expected == word) { Ok((word, None)) } else { Err(word) }
    }
}

impl<V: Send + Sync + 'static> Cell for AtomicPtr<V> {
    type Word = *mut V;
    const IS_OWNED: bool = true;
    const IS_WRITTEN_BLINDLY: bool = false;

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

    /// Stores null, which says that the entry is gone. Otherwise a late `set` would leave an object that nobody
    /// drops.
    fn end(&self) -> Option<Retired> {
        let last = if seeded::bug("end") {
            let last = self.load(Ordering::Acquire);
            self.store(ptr::null_mut(), Ordering::Release);
            last
        } else {
            self.swap(ptr::null_mut(), Ordering::AcqRel)
        };
        // SAFETY: the reference was the entry's, and is in no cell any more.
        (!last.is_null()).then(|| unsafe { retire_arc(last) })
    }

    fn end_if(&self, expected: Option<*mut V>) -> Result<(*mut V, Option<Retired>), *mut V> {
        let last = match expected {
            Some(expected) => {
                self.compare_exchange(expected, ptr::null_mut(), Ordering::AcqRel, Ordering::Acquire)?
            }
            None => self.swap(ptr::null_mut(), Ordering::AcqRel),
        };
        // SAFETY: as in `end`.
        Ok((last, (!last.is_null()).then(|| unsafe { retire_arc(last) })))
    }
}

/// Makes an object that was taken out of its cell into garbage.
///
/// # Safety
///
/// `object` came from `Arc::into_raw` and was published in a cell, and the caller owns the reference that it stands
/// for.
pub(crate) unsafe fn retire_arc<V: Send + Sync + 'static>(object: *mut V) -> Retired {
    /// # Safety
    ///
    /// The promise to `retire_arc` holds, and the object is out of everyone's sight.
    unsafe fn free<V>(object: *mut ()) {
        // SAFETY: as `retire_arc` was promised.
        drop(unsafe { Arc::from_raw(object.cast::<V>()) });
    }
    // SAFETY: an `Arc` of such a `V` may be dropped on any thread.
    unsafe { Retired::new(object.cast(), free::<V>) }
}

/// Replaces the object in a cell, and returns the old one; `None` if the entry is gone.
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

/// Clones a reference to an object that was read from a cell under a pin that lasts; `None` if its entry is gone.
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
