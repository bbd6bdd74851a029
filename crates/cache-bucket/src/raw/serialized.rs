//! Serialized tables: while removals decide on values, writers change values under the locks of buckets.
//!
//! The design and the argument why a decision sees every write are in `docs/bucket-exact-removal.md`.

use std::ptr;

use super::Cell;
use super::table::Table;
use crate::arch::nanoseconds;
use crate::primitive::Ordering;
use crate::reclaim::Pinned;
use crate::seeded;

/// Set in the word of a serialized table, which is no pointer. Tables are aligned, so no pointer has this bit.
const SERIALIZED: usize = 1;
/// Set once no writer that found the table open is still at work.
const SETTLED: usize = 2;
/// The count of sections in progress is kept in units of this.
const SECTION: usize = 4;

/// The least number of writes under locks that end the mode, once no section is in progress. It is small where tests are to
/// see the end often.
const SHORTEST_LEASE: u32 = if cfg!(any(loom, seeded)) { 1 } else { 64 };
/// The greatest such number. A lease that ends and begins again is too short: each beginning costs a barrier on every
/// thread.
const LONGEST_LEASE: u32 = if cfg!(any(loom, seeded)) { 1 } else { 4096 };
/// If the mode begins again within this time, in nanoseconds, its lease is longer.
const SOON: u64 = 1_000_000;

/// The state that the word of a table encodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Writers change values without a lock.
    Open,
    /// Writers change values under the lock of a bucket.
    Serialized,
    /// The table has a next one; writers change values under the lock of a bucket.
    Resizing,
}

impl Mode {
    #[inline(always)]
    pub(super) fn of<C>(word: *mut Table<C>) -> Mode {
        if word.is_null() {
            Mode::Open
        } else if is_serialized(word) {
            Mode::Serialized
        } else {
            Mode::Resizing
        }
    }
}

#[inline(always)]
pub(super) fn is_serialized<C>(word: *mut Table<C>) -> bool {
    word.addr() & SERIALIZED != 0
}

/// Whether the table of this word is serialized, and no writer that found it open is still at work.
pub(super) fn is_settled<C>(word: *mut Table<C>) -> bool {
    is_serialized(word) && word.addr() & SETTLED != 0
}

/// While this exists, every write to a value of the table is made under the lock of its bucket, unless the table has
/// been given a next one: ask [`holds`](Section::holds) under the lock.
#[derive(Debug)]
pub(super) struct Section<'t, C: Cell> {
    table: &'t Table<C>,
    /// Whether the table's word counts this section.
    counted: bool,
}

impl<C: Cell> Table<C> {
    /// Enters a section, and waits until no thread is in the middle of a write that it began without a lock.
    ///
    /// `None` if the system refuses barriers and some threads execute no fences yet. The caller should unpin and try again.
    pub(super) fn serialize<'t>(&'t self, guard: Pinned<'_>) -> Option<Section<'t, C>> {
        let mut word = self.word().load(Ordering::Acquire);
        let section = loop {
            let entered = match Mode::of(word) {
                Mode::Resizing => break Section { table: self, counted: false },
                Mode::Open => ptr::without_provenance_mut(SERIALIZED + SECTION),
                Mode::Serialized => word.map_addr(|word| word + SECTION),
            };
            // Acquire and release: a writer that read null before comes before this in the order of the word (see the
            // argument). A thread that makes the word null again sees the section.
            match self.word().compare_exchange(word, entered, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => {
                    if word.is_null() {
                        self.begin_lease();
                    }
                    break Section { table: self, counted: true };
                }
                Err(seen) => word = seen,
            }
        };
        if !section.holds() && !seeded::bug("unsettled") {
            if !guard.others_at_rest() {
                return None;
            }
            section.settle();
        }
        Some(section)
    }

    /// Counts a write under a lock. The write that ends the lease makes the table open again.
    #[cold]
    pub(super) fn count_locked_write(&self) {
        let left = self.lease().left.load(Ordering::Relaxed);
        if left > 1 {
            // Some are not counted if several threads do this at once. The number need not be exact.
            return self.lease().left.store(left - 1, Ordering::Relaxed);
        }
        let word = self.word().load(Ordering::Relaxed);
        let idle = is_serialized(word) && word.addr() < SECTION;
        if !(idle || seeded::bug("reopen") && is_serialized(word)) {
            return;
        }
        // Release: a thread that finds the table open sees what was unlinked while it was not, because the sections
        // acquired each other.
        if self.word().compare_exchange(word, ptr::null_mut(), Ordering::AcqRel, Ordering::Relaxed).is_ok() {
            self.lease().ended.store(nanoseconds(), Ordering::Relaxed);
        }
    }

    fn begin_lease(&self) {
        let lease = self.lease();
        let soon = nanoseconds().wrapping_sub(lease.ended.load(Ordering::Relaxed)) < SOON;
        let last = lease.length.load(Ordering::Relaxed);
        let length = if soon { last.saturating_mul(2) } else { 0 }.clamp(SHORTEST_LEASE, LONGEST_LEASE);
        lease.length.store(length, Ordering::Relaxed);
        lease.left.store(length, Ordering::Relaxed);
    }
}

impl<C: Cell> Section<'_, C> {
    /// Whether every write to a value is made under a lock. The answer stays true until the lock under which it was
    /// asked is released.
    pub(super) fn holds(&self) -> bool {
        let word = self.table.word().load(Ordering::Acquire);
        match Mode::of(word) {
            // Acquire: we see what was written without a lock. Pairs with the release in `settle`.
            Mode::Resizing => self.table.lease().settled.load(Ordering::Acquire) || seeded::bug("unsettled"),
            Mode::Serialized => self.counted && (is_settled(word) || seeded::bug("unsettled")),
            Mode::Open => false,
        }
    }

    /// Records that no writer that found the table open is still at work.
    fn settle(&self) {
        let mut word = self.table.word().load(Ordering::Acquire);
        while Mode::of(word) == Mode::Serialized {
            let settled = word.map_addr(|word| word | SETTLED);
            // Release: a thread that relies on this bit sees what the writers wrote.
            match self.table.word().compare_exchange(word, settled, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return,
                Err(seen) => word = seen,
            }
        }
        // The table has a next one now. It was not open between our wait and this, because our section is counted.
        self.table.lease().settled.store(true, Ordering::Release);
    }
}

impl<C: Cell> Drop for Section<'_, C> {
    fn drop(&mut self) {
        let mut word = self.table.word().load(Ordering::Relaxed);
        // If a next table has replaced the count, there is nothing to subtract.
        while self.counted && Mode::of(word) == Mode::Serialized {
            let left = word.map_addr(|word| word - SECTION);
            // Release: the thread that makes the table open again, after the last section, passes on what this one
            // did.
            match self.table.word().compare_exchange(word, left, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return,
                Err(seen) => word = seen,
            }
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use cache_core::DefaultHashBuilder;

    use crate::primitive::AtomicI64;
    use crate::raw::{Probe, Raw, Removal};
    use crate::reclaim;

    /// Writes to present keys end the lease, and so do inserts alone: a table that is only filled afterwards is open again.
    #[test]
    fn a_table_opens_again() {
        let hasher = DefaultHashBuilder::default();
        let raw = Raw::<u64, AtomicI64>::new(100_000, false);
        let set = |key: u64| {
            let (probe, hash) = Probe::new(&key, &hasher);
            let guard = reclaim::pin();
            raw.upsert(guard.pinned(), hash, probe, 1, &mut |_| Some(()));
        };
        let is_open = || raw.root(reclaim::pin().pinned()).is_open();
        let take = |key: u64| {
            let (probe, hash) = Probe::new(&key, &hasher);
            let guard = reclaim::pin();
            let (removal, _) = raw.remove_if(guard.pinned(), hash, probe, None);
            assert_eq!(removal, Removal::Removed(1));
        };
        (0..10).for_each(&set);
        assert!(is_open());
        take(0);
        assert!(!is_open());
        (0..10_000).for_each(|_| set(1));
        assert!(is_open(), "after writes to a present key");
        take(1);
        assert!(!is_open());
        (1_000..11_000).for_each(&set);
        assert!(is_open(), "after inserts");
    }
}
