use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::NonNull;

use super::bucket::Bucket;
use super::cell::Cell;
use crate::arch;

/// The size from which an allocator takes zeroed pages from the system instead of zeroing memory itself.
const PAGES: usize = 64 << 10;
/// So much is asked for at once before it is written to: microseconds. A multiple of any page's size.
const SLICE: usize = 64 << 10;
/// Large pages are of this size where there are any.
const LARGE_PAGE: usize = 2 << 20;

/// Buckets in one allocation, all of them empty at first.
#[derive(Debug)]
pub(super) struct Memory<C> {
    buckets: NonNull<Bucket<C>>,
    count: usize,
    allocated: NonNull<u8>,
    layout: Layout,
}

impl<C: Cell> Memory<C> {
    /// Takes memory for `count` buckets, with large pages if wished and there are any.
    pub(super) fn new(count: usize, large_pages: bool) -> Self {
        let size = count
            .checked_mul(size_of::<Bucket<C>>())
            .expect("a table larger than the address space cannot be allocated");
        let align = if large_pages && size >= LARGE_PAGE { LARGE_PAGE } else { align_of::<Bucket<C>>() };
        // Allocators zero what must be aligned with their own hands, page after page. So what is large is asked for
        // without alignment and aligned here.
        let layout = if size >= PAGES {
            Layout::from_size_align(size + align, 16)
        } else {
            Layout::from_size_align(size, align)
        }
        .expect("a table larger than the address space cannot be allocated");
        // SAFETY: the size is not zero.
        let Some(allocated) = NonNull::new(unsafe { alloc_zeroed(layout) }) else {
            handle_alloc_error(layout)
        };
        let skip = allocated.align_offset(align);
        // SAFETY: where it is not aligned already there are `align` bytes more than needed.
        let buckets = unsafe { allocated.add(skip) }.cast::<Bucket<C>>();
        if align == LARGE_PAGE {
            arch::want_large_pages(buckets.as_ptr().cast(), size);
        }
        #[cfg(loom)]
        for i in 0..count {
            // SAFETY: within the allocation. Loom's atomics are not valid as zeros.
            unsafe { buckets.add(i).write(Bucket::new()) };
        }
        Self { buckets, count, allocated, layout }
    }

    /// How many slices there are to be populated.
    pub(super) fn slices(&self) -> usize {
        self.count * size_of::<Bucket<C>>() / SLICE
    }

    /// Has pages put behind a slice, as far as none are there yet.
    #[cold]
    pub(super) fn populate(&self, slice: usize) {
        assert!(slice < self.slices());
        // In terms of the system's pages, so not quite from where the buckets begin.
        let start = self.buckets.cast::<u8>().as_ptr().wrapping_byte_add(slice * SLICE);
        let skip = start.align_offset(SLICE);
        if slice + 1 < self.slices() || skip == 0 {
            arch::populate(start.wrapping_byte_add(skip), SLICE);
        }
    }

    pub(super) fn as_ptr(&self) -> *mut Bucket<C> {
        self.buckets.as_ptr()
    }
}

impl<C> Drop for Memory<C> {
    fn drop(&mut self) {
        #[cfg(loom)]
        for i in (0..self.count).filter(|_| !std::thread::panicking()) {
            // SAFETY: written in `new`, and nobody looks at it, which loom is asked to check.
            unsafe { self.buckets.add(i).as_mut() }.end();
        }
        let _ = self.count;
        // SAFETY: allocated in `new` with this layout. Buckets need no drop: entries are dropped by their table's
        // owner.
        unsafe { dealloc(self.allocated.as_ptr(), self.layout) }
    }
}
