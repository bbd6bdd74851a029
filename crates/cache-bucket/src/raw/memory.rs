use std::alloc::{Layout, alloc, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::NonNull;

use super::bucket::Bucket;
use super::cell::Cell;
use crate::arch;

/// From this size on, an allocator takes zeroed pages from the system instead of zeroing memory itself.
const PAGES: usize = 64 << 10;
/// The number of buckets that are cleared at once: microseconds of work. Their size is a multiple of any page's.
const SLICE: usize = if cfg!(loom) { 1 } else { 128 };
/// The size of a large page, where there are any.
const LARGE_PAGE: usize = 2 << 20;

/// An allocation of buckets.
#[derive(Debug)]
pub(super) struct Memory<C> {
    buckets: NonNull<Bucket<C>>,
    count: usize,
    allocated: NonNull<u8>,
    layout: Layout,
}

impl<C: Cell> Memory<C> {
    /// Allocates `count` empty buckets, with large pages if asked for and available.
    pub(super) fn empty(count: usize, large_pages: bool) -> Self {
        Self::new(count, large_pages, true)
    }

    /// Allocates `count` buckets, each of which must be [cleared](Bucket::clear) before another thread looks at it.
    pub(super) fn unclear(count: usize, large_pages: bool) -> Self {
        Self::new(count, large_pages, false)
    }

    fn new(count: usize, large_pages: bool, empty: bool) -> Self {
        let size = count
            .checked_mul(size_of::<Bucket<C>>())
            .expect("a table larger than the address space cannot be allocated");
        let align = if large_pages && size >= LARGE_PAGE { LARGE_PAGE } else { align_of::<Bucket<C>>() };
        // Allocators zero aligned memory themselves, page after page. So a large allocation is made without
        // alignment, and aligned here.
        let layout = if size >= PAGES {
            Layout::from_size_align(size + align, 16)
        } else {
            Layout::from_size_align(size, align)
        }
        .expect("a table larger than the address space cannot be allocated");
        // SAFETY: the size is not zero.
        let allocated = unsafe { if empty { alloc_zeroed(layout) } else { alloc(layout) } };
        let Some(allocated) = NonNull::new(allocated) else { handle_alloc_error(layout) };
        let skip = allocated.align_offset(align);
        // SAFETY: if it is not aligned already, the allocation has `align` bytes more than needed.
        let buckets = unsafe { allocated.add(skip) }.cast::<Bucket<C>>();
        if align == LARGE_PAGE {
            arch::want_large_pages(buckets.as_ptr().cast(), size);
        }
        #[cfg(loom)]
        for i in 0..count {
            // SAFETY: within the allocation. Loom's atomics are not valid as zeros.
            unsafe { buckets.add(i).write(if empty { Bucket::new() } else { Bucket::unclear() }) };
        }
        Self { buckets, count, allocated, layout }
    }

    /// The number of slices to clear.
    pub(super) fn slices(&self) -> usize {
        self.count.div_ceil(SLICE)
    }

    /// Clears the buckets of a slice, once, before any thread looks at one.
    ///
    /// It populates the pages at once. Otherwise they would come one by one, each in the middle of an operation that
    /// needs it.
    pub(super) fn clear(&self, slice: usize) {
        let (first, end) = (slice * SLICE, self.count.min((slice + 1) * SLICE));
        assert!(first < end);
        let buckets = first..end;
        // Aligned to the system's pages, so not quite from where the buckets begin.
        let bytes = buckets.len() * size_of::<Bucket<C>>();
        let start = self.buckets.as_ptr().wrapping_add(first).cast::<u8>();
        let skip = start.align_offset(SLICE * size_of::<Bucket<C>>());
        if end < self.count || skip == 0 {
            arch::populate(start.wrapping_byte_add(skip), bytes);
        }
        for i in buckets {
            // SAFETY: within the allocation, and nobody else looks at it.
            unsafe { Bucket::clear(self.buckets.add(i).as_ptr()) };
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
            // SAFETY: written in `new`, and no thread looks at it, which loom is asked to check.
            unsafe { self.buckets.add(i).as_mut() }.end();
        }
        let _ = self.count;
        // SAFETY: allocated in `new` with this layout. Buckets need no drop: entries are dropped by their table's
        // owner.
        unsafe { dealloc(self.allocated.as_ptr(), self.layout) }
    }
}
