//! The allocator of every benchmark, and of tests that count bytes: the system's, counted. Linking this crate installs it.
//!
//! Each thread counts its own allocations, so that counting shares no cache line with anyone; what is live is
//! kept in stripes and summed on demand.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

/// The allocations of a thread: their number and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allocated {
    /// The number of allocations, re-allocations included.
    pub count: u64,
    /// The bytes asked for.
    pub bytes: u64,
}

impl Allocated {
    /// Returns the allocations since `earlier`.
    #[must_use]
    pub fn since(self, earlier: Allocated) -> Allocated {
        Allocated { count: self.count - earlier.count, bytes: self.bytes - earlier.bytes }
    }
}

impl std::ops::AddAssign for Allocated {
    fn add_assign(&mut self, other: Allocated) {
        self.count += other.count;
        self.bytes += other.bytes;
    }
}

/// Returns the allocations of this thread so far.
///
/// # Examples
///
/// ```
/// use hotcache_bench_alloc::by_this_thread;
///
/// let before = by_this_thread();
/// drop(Vec::<u8>::with_capacity(100));
/// let allocated = by_this_thread().since(before);
/// assert_eq!((allocated.count, allocated.bytes), (1, 100));
/// ```
#[must_use]
pub fn by_this_thread() -> Allocated {
    ALLOCATED.with(Cell::get)
}

/// The bytes that are allocated and not freed, by all threads.
///
/// Exact when no thread allocates or frees meanwhile. Bytes asked for, without what the allocator adds.
#[must_use]
pub fn live_bytes() -> i64 {
    LIVE.iter().map(|stripe| stripe.0.load(Ordering::Relaxed)).sum()
}

/// The system's allocator, counted.
#[derive(Debug)]
pub struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

/// A count with cache lines of its own: two, as processors fetch them in pairs.
#[repr(align(128))]
struct Stripe(AtomicI64);

static LIVE: [Stripe; 64] = [const { Stripe(AtomicI64::new(0)) }; 64];
static NEXT_STRIPE: AtomicUsize = AtomicUsize::new(0);

/// Not yet given a stripe.
const NONE: usize = usize::MAX;

thread_local! {
    // Constant and without `Drop`, so that using them in the allocator allocates nothing and never fails.
    static ALLOCATED: Cell<Allocated> = const { Cell::new(Allocated { count: 0, bytes: 0 }) };
    static STRIPE: Cell<usize> = const { Cell::new(NONE) };
}

fn count(bytes: usize) {
    ALLOCATED.with(|allocated| {
        let Allocated { count, bytes: before } = allocated.get();
        allocated.set(Allocated { count: count + 1, bytes: before + bytes as u64 });
    });
}

fn live(change: i64) {
    let stripe = STRIPE.with(|stripe| {
        if stripe.get() == NONE {
            stripe.set(NEXT_STRIPE.fetch_add(1, Ordering::Relaxed) % LIVE.len());
        }
        stripe.get()
    });
    LIVE[stripe].0.fetch_add(change, Ordering::Relaxed);
}

// SAFETY: every call goes to `System` as it came; counting neither allocates nor touches the memory.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        live(signed(layout.size()));
        // SAFETY: the caller's promises are `System`'s.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        live(signed(layout.size()));
        // SAFETY: the caller's promises are `System`'s.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        live(-signed(layout.size()));
        // SAFETY: the caller's promises are `System`'s.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        live(signed(size) - signed(layout.size()));
        // SAFETY: the caller's promises are `System`'s.
        unsafe { System.realloc(memory, layout, size) }
    }
}

/// A size as a change: no layout is larger than `isize::MAX`.
fn signed(size: usize) -> i64 {
    size as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_thread_frees_is_no_longer_live() {
        let megabyte = vec![0_u8; 1 << 20];
        let held = live_bytes();
        std::thread::spawn(move || drop(megabyte)).join().expect("it only drops");
        // Other tests allocate meanwhile, but not half a megabyte.
        assert!(held - live_bytes() > 1 << 19, "{held} {}", live_bytes());
    }

    #[test]
    fn a_reallocation_counts_its_new_size() {
        let mut bytes = Vec::<u8>::with_capacity(10);
        let before = by_this_thread();
        bytes.reserve_exact(1_000);
        let allocated = by_this_thread().since(before);
        assert_eq!((allocated.count, allocated.bytes), (1, 1_000));
    }
}
