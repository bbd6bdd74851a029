//! Where an entry begins.

use std::marker::PhantomData;

use super::{Bucket, GRANULE};
use crate::primitive::KeyWord;
use crate::raw::cell::Cell;

/// 16 bytes of a bucket: the value and the first 8 key bytes of an entry, or 16 further key bytes.
#[repr(C, align(16))]
pub(crate) struct Granule<C> {
    pub(super) cell: C,
    pub(super) key: KeyWord,
}

/// A granule, as one pointer: the fewer registers a look-up needs the better, see `map/quick.rs`.
pub(crate) struct Place<'b, C>(*const Granule<C>, PhantomData<&'b Bucket<C>>);

impl<C> Clone for Place<'_, C> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<C> Copy for Place<'_, C> {}

impl<'b, C: Cell> Place<'b, C> {
    #[inline(always)]
    pub(super) fn new(granule: *const Granule<C>) -> Self {
        Place(granule, PhantomData)
    }

    /// The place so many bytes further on, which must be in the same bucket.
    #[inline(always)]
    pub(in crate::raw) fn plus(self, bytes: usize) -> Self {
        // A granule of loom's has another size.
        let moved =
            if cfg!(loom) { self.0.wrapping_add(bytes / GRANULE) } else { self.0.wrapping_byte_add(bytes) };
        Place(moved, PhantomData)
    }

    /// The value of the entry that begins here.
    #[inline(always)]
    pub(in crate::raw) fn cell(self) -> &'b C {
        // SAFETY: the granule is its bucket's, and while an entry begins there, or nothing does, no key bytes lie
        // where its cell is.
        unsafe { &(*self.0).cell }
    }

    /// The place of the key of the entry that begins here.
    ///
    /// It may be used to the end of that entry, so it points into the bucket as a whole.
    #[inline(always)]
    pub(in crate::raw) fn key(self) -> *const KeyWord {
        // SAFETY: the granule is its bucket's; the projection reads nothing.
        unsafe { &raw const (*self.0).key }
    }

    /// Which granule of its bucket it is.
    pub(in crate::raw) fn granule(self, bucket: &'b Bucket<C>) -> usize {
        let bytes = self.0 as usize - bucket.pair(0).0 as usize;
        bytes / size_of::<Granule<C>>()
    }
}
