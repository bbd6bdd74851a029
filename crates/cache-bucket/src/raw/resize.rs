use std::hash::BuildHasher;
use std::ptr;

use cache_core::Key;

use super::bucket::Bucket;
use super::lane;
use super::moving::move_out;
use super::serialized::{Mode, is_settled};
use super::table::Table;
use super::write::SMALL;
use super::{Cell, FILLED, Maintenance, ROOM, Raw, buckets_for};
use crate::primitive::Ordering;
use crate::reclaim::{Pinned, Retired};
use crate::seeded;

/// A table that is filled to less than one part in this many is nearly empty.
const EMPTY: usize = 8;
/// Stands for the epoch in which a table got a next one, if no thread that found the table open is at work any more.
const SETTLED: u64 = u64::MAX;
/// A table of up to this many buckets is moved in few steps.
const SOON: usize = if cfg!(loom) { 1 } else { 128 };
/// The number of buckets that one write moves while such a table is resized, or while a table shrinks: its buckets
/// hold little.
const STEP_SOON: usize = 8;
/// The least number of entries that one write moves in a larger table. Where operations arrive at a steady pace, a
/// larger step would delay the next ones.
const STEP: usize = 16;
/// A table of up to this many buckets grows to four times its size.
const SPACIOUS: usize = if cfg!(loom) { 2 } else { 2048 };
/// A table of up to this many buckets, 128 KiB, does not shrink by itself. Where keys come and go, recently dead
/// entries make a small table grow, and it would shrink and grow again and again.
const LEFT: usize = 4 * SMALL;
/// A future next table of at least this many buckets is cleared slice by slice before it is used.
const GRADUAL: usize = if cfg!(loom) { 4 } else { 128 };
/// The number of buckets from which the size of entries is estimated.
const SAMPLE: usize = 64;

/// The result of [`Raw::assist`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Assist {
    /// The table is not being resized.
    Idle,
    /// Entries may not move yet: another thread may still write to them without checking.
    TooEarly,
    /// Some buckets were moved.
    Moved,
    /// The last bucket was moved, and the old generation retired, which had this many bytes.
    Finished(usize),
}

impl<K: Key + ?Sized, C: Cell> Raw<K, C> {
    /// Gives a table a larger next table, or continues to prepare one.
    ///
    /// A large next table is cleared slice by slice by the threads that find this one full; otherwise one of them
    /// would wait for all of it.
    #[cold]
    pub(super) fn grow(&self, guard: Pinned<'_>, table: &Table<C>) -> Maintenance {
        // Each doubling moves every entry once more, and a small table may be spacious. Where an older generation
        // still waits for its own grace period, more doublings would make a longer list.
        let waits = !ptr::eq(table, self.root(guard));
        let factor = if table.count <= SPACIOUS || waits { 4 } else { 2 };
        let count = table.count.saturating_mul(factor);
        if count < GRADUAL || table.next().is_some() || too_many(count) {
            return self.follow(guard, table, count);
        }
        let coming = table.coming(|| Table::unclear(count, self.large_pages));
        if coming.clear_some() {
            self.publish(guard, table, ptr::from_ref(coming).cast_mut())
        } else {
            Maintenance::NONE
        }
    }

    /// Whether there are enough entries for more buckets to help. Where dead entries are in the way, growth does not
    /// help: the table would grow without end while a reader keeps them from being reused.
    pub(super) fn is_worth_growing(&self, table: &Table<C>) -> bool {
        cfg!(loom) || self.len() >= table.count
    }

    /// Gives the table a smaller next table, if it is nearly empty.
    #[cold]
    pub(super) fn shrink_if_empty(&self, guard: Pinned<'_>) -> Maintenance {
        let table = self.root(guard);
        let floor = self.least.max(LEFT);
        // An entry takes at least one granule.
        let cannot_be = self.len() > table.count * ROOM / EMPTY;
        if cannot_be || table.count <= floor || !table.is_last() {
            return Maintenance::NONE;
        }
        let granules = self.granules(table);
        if granules > table.count * ROOM / EMPTY {
            return Maintenance::NONE;
        }
        // Half as many entries again fit before it is as full as a table gets.
        self.follow(guard, table, buckets_for(granules + granules / 2).max(floor))
    }

    /// Gives the table a larger next table, with room for `additional` more entries of the mean size of those that it
    /// has.
    pub(crate) fn reserve(&self, guard: Pinned<'_>, additional: usize) -> Maintenance {
        let mut table = self.root(guard);
        if ptr::eq(table, self.vacant.0) {
            self.allocate_first();
            table = self.root(guard);
        }
        let granules = self.granules(table);
        let each = granules.div_ceil(self.len().max(1)).max(1);
        let count = buckets_for(granules.saturating_add(additional.saturating_mul(each)));
        if !table.is_last() || table.count >= count {
            return Maintenance::NONE;
        }
        self.follow(guard, table, count)
    }

    /// The number of entries of one granule that the table holds before it grows.
    pub(crate) fn capacity(&self, guard: Pinned<'_>) -> usize {
        let mut table = self.root(guard);
        if ptr::eq(table, self.vacant.0) {
            return 0;
        }
        while let Some(next) = table.next() {
            table = next;
        }
        table.count * FILLED
    }

    /// Gives the table a smaller next table, if all entries fit.
    pub(crate) fn shrink_to_fit(&self, guard: Pinned<'_>) -> Maintenance {
        let table = self.root(guard);
        let count = buckets_for(self.granules(table));
        if !table.is_last() || table.count <= count {
            return Maintenance::NONE;
        }
        self.follow(guard, table, count)
    }

    /// Estimates from a sample how many granules the entries take.
    fn granules(&self, table: &Table<C>) -> usize {
        let (mut entries, mut granules) = (0, 0);
        // Hashes are spread evenly, so the first buckets are as good as any.
        for index in 0..table.count.min(SAMPLE) {
            table.bucket_at(index).for_each_entry(|_, form| {
                entries += 1;
                granules += lane::granules(form);
            });
        }
        self.len() * granules.max(1) / entries.max(1)
    }

    pub(super) fn follow(&self, guard: Pinned<'_>, table: &Table<C>, count: usize) -> Maintenance {
        if table.next().is_some() || count == table.count || too_many(count) {
            return Maintenance::MOVE;
        }
        let new = Box::into_raw(Box::new(Table::new(count, self.large_pages)));
        let maintenance = self.publish(guard, table, new);
        if !ptr::eq(table.word().load(Ordering::Relaxed), new) {
            // SAFETY: it came from a box just now, and no other thread has seen it.
            drop(unsafe { Box::from_raw(new) });
        }
        maintenance
    }

    /// Publishes `new` as the next table of `table`, unless that has one.
    fn publish(&self, guard: Pinned<'_>, table: &Table<C>, new: *mut Table<C>) -> Maintenance {
        // Release: a thread that finds the table finds it initialized. Pairs with the load in `next`.
        let release = seeded::ordering(Ordering::Release, "follow");
        let mut word = table.word().load(Ordering::Relaxed);
        loop {
            if Mode::of(word) == Mode::Resizing {
                if seeded::bug("follow-anyway") {
                    table.word().store(new, Ordering::Release);
                    break;
                }
                return Maintenance::MOVE;
            }
            match table.word().compare_exchange(word, new, release, Ordering::Relaxed) {
                Ok(_) => break,
                Err(seen) => word = seen,
            }
        }
        // Only threads that found the table open write without a lock, and if it was settled there are none.
        if is_settled(word) {
            table.lease().settled.store(true, Ordering::Release);
        }
        // The threads that found the table open are pinned, and mostly are done in a moment. If they are not, wait
        // for a grace period from now.
        let settled = guard.others_settled();
        let closed = if settled { SETTLED } else { guard.domain().epoch() };
        table.progress.closed.store(closed, Ordering::Release);
        if settled { Maintenance::MOVE } else { Maintenance::RESIZED }
    }

    /// The number of buckets that one write should move.
    pub(crate) fn step(&self, guard: Pinned<'_>) -> usize {
        let table = self.root(guard);
        let shrinks = table.next().is_some_and(|next| next.count < table.count);
        if shrinks || table.count <= SOON {
            STEP_SOON
        } else {
            // The fewer entries a bucket has, the sooner the next generation is full.
            (STEP * table.count / self.len().max(1)).clamp(1, STEP_SOON)
        }
    }

    /// Moves up to `buckets` buckets of the oldest generation to the next, if entries may move yet.
    pub(crate) fn assist<S>(&self, guard: Pinned<'_>, hasher: &S, buckets: usize) -> Assist
    where
        S: BuildHasher + 'static,
    {
        let table = self.root(guard);
        let Some(next) = table.next() else { return Assist::Idle };
        let progress = &table.progress;
        let closed = progress.closed.load(Ordering::Acquire);
        let passed = closed == SETTLED || closed != 0 && guard.domain().passed(closed);
        if !passed && !seeded::bug("assist-early") {
            return Assist::TooEarly;
        }
        // Once around at most: what is left then is in the hands of other threads, which may need the processor.
        for _ in 0..buckets.min(table.count) {
            if progress.moved.load(Ordering::Relaxed) >= table.count {
                break;
            }
            // The cursor wraps around: a bucket that a thread took and did not finish is taken again.
            let index = progress.cursor.fetch_add(1, Ordering::Relaxed) & (table.count - 1);
            if move_out::<K, C, S>(guard, table, next, index, hasher)
                && progress.moved.fetch_add(1, seeded::ordering(Ordering::AcqRel, "moved")) + 1 == table.count
            {
                let bytes = table.count * size_of::<Bucket<C>>();
                self.finish(guard, table);
                return Assist::Finished(bytes);
            }
        }
        Assist::Moved
    }

    /// Takes a generation whose entries have all been moved off the list, and retires it.
    fn finish(&self, guard: Pinned<'_>, table: &Table<C>) {
        /// # Safety
        ///
        /// `table` came from a box of a `Table<C>`, and no thread looks at it any more.
        unsafe fn free<C>(table: *mut ()) {
            // SAFETY: every generation comes from a box, and is retired once.
            drop(unsafe { Box::from_raw(table.cast::<Table<C>>()) });
        }
        let old = ptr::from_ref(table).cast_mut();
        let next = table.word().load(Ordering::Acquire);
        // Release: a thread that finds the next table at the root finds every entry moved. Pairs with the load in
        // `root`.
        let release = seeded::ordering(Ordering::Release, "root");
        let result = self.root.compare_exchange(old, next, release, Ordering::Relaxed);
        debug_assert!(result.is_ok(), "only the oldest generation is moved out");
        // SAFETY: no thread can find it any more. Its entries belong to the next generation.
        guard.retire_shared(unsafe { Retired::new(old.cast(), free::<C>) });
    }
}

/// Whether `count` buckets do not fit into memory.
fn too_many(count: usize) -> bool {
    count > isize::MAX as usize / 1024
}
