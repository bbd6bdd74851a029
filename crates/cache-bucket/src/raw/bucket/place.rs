//! The place where an entry begins.

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

/// A granule, as one pointer: a look-up should need few registers, see `map/fast.rs`.
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

    /// The place `bytes` further on, which must be in the same bucket.
    #[inline(always)]
    pub(in crate::raw) fn plus(self, bytes: usize) -> Self {
        // Under loom a granule has another size.
        let moved =
            if cfg!(loom) { self.0.wrapping_add(bytes / GRANULE) } else { self.0.wrapping_byte_add(bytes) };
        Place(moved, PhantomData)
    }

    /// The value of the entry that begins here.
    #[inline(always)]
    pub(in crate::raw) fn cell(self) -> &'b C {
        // SAFETY: the granule lies in its bucket. While an entry begins there, or none covers it, no key bytes lie
        // where its cell is.
        unsafe { &(*self.0).cell }
    }

    /// The place of the key of the entry that begins here.
    ///
    /// It may be used up to the end of that entry, so its provenance is the whole bucket.
    #[inline(always)]
    pub(in crate::raw) fn key(self) -> *const KeyWord {
        // SAFETY: the granule lies in its bucket; the projection reads nothing.
        unsafe { &raw const (*self.0).key }
    }

    /// The number of the granule in its bucket.
    pub(in crate::raw) fn granule(self, bucket: &'b Bucket<C>) -> usize {
        let bytes = self.0 as usize - bucket.pair(0).0 as usize;
        bytes / size_of::<Granule<C>>()
    }
}
