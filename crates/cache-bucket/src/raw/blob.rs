//! Long keys, which entries keep behind a pointer.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::NonNull;
use std::slice;

use super::bytes::same_long;
use super::stored::read_pointer;
use crate::primitive::KeyWord;

/// A pointer to the bytes of a long key, after their length.
pub(crate) struct Blob(NonNull<usize>);

impl Blob {
    fn layout(length: usize) -> Layout {
        // A slice of this length exists, so a layout with one more word is valid.
        Layout::from_size_align(size_of::<usize>() + length, align_of::<usize>())
            .expect("a key in memory is at least a word shorter than isize::MAX bytes")
    }

    pub(super) fn new(bytes: &[u8]) -> Self {
        let layout = Self::layout(bytes.len());
        // SAFETY: the layout has at least a word, and the writes fit in it.
        unsafe {
            let Some(start) = NonNull::new(alloc(layout).cast::<usize>()) else { handle_alloc_error(layout) };
            start.write(bytes.len());
            start.add(1).cast::<u8>().as_ptr().copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
            Blob(start)
        }
    }

    /// The blob that an entry points at, without owning it.
    ///
    /// # Safety
    ///
    /// `place` is the key's place of an entry that holds a blob, seen under a pin that lasts.
    pub(super) unsafe fn read(place: *const KeyWord) -> std::mem::ManuallyDrop<Blob> {
        // SAFETY: the caller knows that the entry holds a blob.
        std::mem::ManuallyDrop::new(Blob(unsafe { read_pointer(place) }))
    }

    /// The pointer with which the blob is [freed](Self::free) later.
    pub(super) fn as_ptr(&self) -> *mut () {
        self.0.as_ptr().cast()
    }

    pub(super) fn bytes(&self) -> &[u8] {
        // SAFETY: `new` wrote the length, and as many bytes after it.
        unsafe { slice::from_raw_parts(self.0.add(1).cast().as_ptr(), self.0.read()) }
    }

    /// Frees a blob.
    ///
    /// # Safety
    ///
    /// `blob` came from [`as_ptr`](Self::as_ptr) and is freed once, and its entry is out of everyone's sight.
    pub(super) unsafe fn free(blob: *mut ()) {
        // SAFETY: the pointer is that of a blob whose entry is out of sight.
        drop(Blob(unsafe { NonNull::new_unchecked(blob.cast()) }));
    }
}

impl Drop for Blob {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with this layout.
        unsafe { dealloc(self.0.as_ptr().cast(), Self::layout(self.bytes().len())) }
    }
}

/// Whether the blob that an entry points at equals `bytes`, which are more than [`LONGEST`](super::lane::LONGEST).
///
/// # Safety
///
/// As for [`Blob::read`].
#[inline(always)]
pub(super) unsafe fn is_blob(place: *const KeyWord, bytes: &[u8]) -> bool {
    // SAFETY: the caller knows that the entry holds a blob.
    let blob = unsafe { Blob::read(place) };
    let stored = blob.bytes();
    // SAFETY: as many bytes are stored, and more than `LONGEST`.
    stored.len() == bytes.len() && unsafe { same_long(stored.as_ptr(), bytes) }
}
