//! The table. Everything here takes a pin from its caller and knows nothing of threads.

mod blob;
mod bucket;
mod bytes;
mod cell;
mod counters;
mod fast;
mod hash;
mod lane;
mod maintenance;
mod memory;
#[cfg(all(loom, test))]
mod models;
mod moving;
mod overflow;
mod plain;
mod probe;
mod read;
mod remove;
mod resize;
mod serialized;
mod space;
mod state;
mod stored;
mod table;
mod visit;
mod write;

use std::fmt;
use std::marker::PhantomData;
use std::ptr;

use cache_core::Key;

use crate::primitive::{AtomicPtr, Ordering};
use crate::reclaim::{Pinned, free_all};
use crate::seeded;
use counters::Counters;
use table::{LEAST, Table};

pub(crate) use cell::Cell;
pub(crate) use cell::{clone_of, replace, retire_arc};
pub(crate) use fast::{AtHome, Removed};
pub(crate) use hash::Hash;
pub(crate) use maintenance::Maintenance;
pub(crate) use probe::{Inline, Long, Probe, Sought};
pub(crate) use remove::Removal;
pub(crate) use resize::Assist;
pub(crate) use visit::Entry;
pub(crate) use write::{Unused, Upsert};

/// A pointer that never changes, so it may be used on any thread on which the root may.
struct Vacant<C>(*mut Table<C>);

// SAFETY: tables are shared between threads by design.
unsafe impl<C: Cell> Send for Vacant<C> {}
// SAFETY: as above.
unsafe impl<C: Cell> Sync for Vacant<C> {}

/// The number of granules that a bucket has for entries.
const ROOM: usize = bucket::GRANULES - bucket::FIRST;
/// The mean number of granules in use in a full table: 22 of 28, as then one bucket in twelve overflows.
const FILLED: usize = ROOM * 22 / 28;

/// A table of entries with keys of type `K`, in one or more generations.
///
/// Generations form a list from `root`, the oldest, to the newest, which takes new keys. There is only one unless the
/// table is being resized.
pub(crate) struct Raw<K: Key + ?Sized, C: Cell> {
    root: AtomicPtr<Table<C>>,
    counters: Counters,
    /// The table at the root until the first insert; null if the table had buckets from the beginning. It lives as
    /// long as the whole.
    vacant: Vacant<C>,
    large_pages: bool,
    /// The number of buckets that the user made room for: the table never shrinks below this by itself.
    least: usize,
    keys: PhantomData<K::Owned>,
}

impl<K: Key + ?Sized, C: Cell> Raw<K, C> {
    /// A table with room for `capacity` entries of one granule. With a capacity of 0 it allocates on the first
    /// insert.
    pub(crate) fn new(capacity: usize, large_pages: bool) -> Self {
        let least = buckets_for(capacity);
        if capacity == 0 {
            let vacant = Box::into_raw(Box::new(Table::vacant()));
            Self::with_root(vacant, vacant, least, large_pages)
        } else {
            let table = Box::into_raw(Box::new(Table::new(least, large_pages)));
            Self::with_root(table, ptr::null_mut(), least, large_pages)
        }
    }

    /// A table of `buckets` buckets, for models.
    #[cfg(loom)]
    fn with_buckets(buckets: usize) -> Self {
        let table = Box::into_raw(Box::new(Table::new(buckets, false)));
        Self::with_root(table, ptr::null_mut(), buckets, false)
    }

    fn with_root(root: *mut Table<C>, vacant: *mut Table<C>, least: usize, large_pages: bool) -> Self {
        let (root, vacant) = (AtomicPtr::new(root), Vacant(vacant));
        Self { root, counters: Counters::new(), vacant, large_pages, least, keys: PhantomData }
    }

    /// Allocates the first buckets of a table that has none.
    #[cold]
    fn allocate_first(&self) {
        let new = Box::into_raw(Box::new(Table::new(self.least, self.large_pages)));
        // Release: a thread that finds the table finds it initialized. Pairs with the load in `root`.
        let release = seeded::ordering(Ordering::Release, "allocate-first");
        if self.root.compare_exchange(self.vacant.0, new, release, Ordering::Relaxed).is_err() {
            // SAFETY: it came from a box just now, and no other thread has seen it.
            drop(unsafe { Box::from_raw(new) });
        }
    }

    /// The oldest generation. It lives as long as the pin does.
    #[inline(always)]
    fn root<'g>(&self, _pinned: Pinned<'g>) -> &'g Table<C> {
        // SAFETY: never null. A table is retired once it is no longer the root, and freed a grace period later. The
        // vacant table is freed with `self`.
        unsafe { &*self.root.load(seeded::ordering(Ordering::Acquire, "root-load")) }
    }

    /// The number of entries, exact if none is inserted or removed meanwhile.
    pub(crate) fn len(&self) -> usize {
        self.counters.entries()
    }
}

/// The number of buckets that hold `granules` granules with few overflowing.
fn buckets_for(granules: usize) -> usize {
    let buckets = granules.div_ceil(FILLED);
    buckets.checked_next_power_of_two().unwrap_or(1 << (usize::BITS - 1)).max(LEAST)
}

impl<K: Key + ?Sized, C: Cell> Drop for Raw<K, C> {
    fn drop(&mut self) {
        let mut left = Vec::new();
        let mut next = self.root.load(Ordering::Relaxed);
        if !self.vacant.0.is_null() && self.vacant.0 != next {
            // SAFETY: it came from a box, and `&mut self` says that nobody looks at it.
            drop(unsafe { Box::from_raw(self.vacant.0) });
        }
        while !next.is_null() {
            // SAFETY: each generation came from a box, and `&mut self` says that nobody looks at it.
            let table = unsafe { Box::from_raw(next) };
            visit::empty_out::<K, C>(&table, &mut left);
            next = table.next_pointer();
        }
        // Last: users' code may panic, and the memory is already freed then.
        free_all(left);
    }
}

impl<K: Key + ?Sized, C: Cell> fmt::Debug for Raw<K, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Raw").field("len", &self.len()).finish_non_exhaustive()
    }
}
