use std::hash::BuildHasher;
use std::ptr;

use cache_core::Key;

use super::bucket::Bucket;
use super::lane;
use super::moving::move_out;
use super::table::Table;
use super::write::SMALL;
use super::{Cell, Chores, ROOM, Raw, buckets_for};
use crate::primitive::Ordering;
use crate::reclaim::{Pinned, Retired};
use crate::seeded;

/// A table that is less than one part in so many full is all but empty.
const EMPTY: usize = 8;
/// What stands for the epoch in which a table got a next one when all who took it for open are known to be gone.
const SETTLED: u64 = u64::MAX;
/// Up to this many buckets, a table is soon moved.
const SOON: usize = if cfg!(loom) { 1 } else { 128 };
/// How many buckets one write moves while such a table is resized, or one that shrinks, in whose buckets there is little.
const STEP_SOON: usize = 8;
/// How many entries one write moves at least in a larger one: where operations come at a steady pace, more would make those
/// wait that come next.
const STEP: usize = 16;
/// Up to this many buckets, a table grows to four times its size.
const SPACIOUS: usize = if cfg!(loom) { 2 } else { 2048 };
/// Up to this many buckets, 128 KiB, a table does not shrink by itself: where keys come and go, those that died a moment ago
/// make what is small grow, and it would shrink and grow again and again.
const LEFT: usize = 4 * SMALL;
/// From so many buckets on, a table that others grow into is cleared bit by bit before.
const GRADUAL: usize = if cfg!(loom) { 4 } else { 128 };
/// How many buckets tell how large entries are.
const SAMPLE: usize = 64;

/// What [`Raw::assist`] found to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Assist {
    /// The table is not being resized.
    Idle,
    /// Entries may not move yet: someone may still write to them without looking.
    TooEarly,
    /// Some buckets were moved.
    Moved,
    /// The last bucket was moved, and the old generation retired, which had so many bytes.
    Finished(usize),
}

impl<K: Key + ?Sized, C: Cell> Raw<K, C> {
    /// Gives an open table a larger one to follow it, or gets on with that: a large one is cleared bit by bit by those
    /// who find that the table is full, as otherwise one of them would wait for all of it.
    #[cold]
    pub(super) fn grow(&self, guard: Pinned<'_>, table: &Table<C>) -> Chores {
        // Each step moves every entry once more, and what is small may be spacious. And where an older generation still
        // waits for its own grace period, more steps would make a longer list.
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
            Chores::NONE
        }
    }

    /// Whether there are so many entries that more buckets would help. Where it is the dead that are in the way, they would
    /// not: a table that grew for them would grow without end while someone keeps them from being used again.
    pub(super) fn is_worth_growing(&self, table: &Table<C>) -> bool {
        cfg!(loom) || self.len() >= table.count
    }

    /// Gives the table a smaller one to follow it if it is all but empty.
    #[cold]
    pub(super) fn shrink_if_empty(&self, guard: Pinned<'_>) -> Chores {
        let table = self.root(guard);
        let floor = self.least.max(LEFT);
        // An entry takes a granule at least.
        let cannot_be = self.len() > table.count * ROOM / EMPTY;
        if cannot_be || table.count <= floor || !table.is_open() {
            return Chores::NONE;
        }
        let granules = self.granules(table);
        if granules > table.count * ROOM / EMPTY {
            return Chores::NONE;
        }
        // Half as much again may come before it is as full as a table gets.
        self.follow(guard, table, buckets_for(granules + granules / 2).max(floor))
    }

    /// Gives the table a smaller one to follow it if all entries fit in that.
    pub(crate) fn shrink_to_fit(&self, guard: Pinned<'_>) -> Chores {
        let table = self.root(guard);
        let count = buckets_for(self.granules(table));
        if !table.is_open() || table.count <= count {
            return Chores::NONE;
        }
        self.follow(guard, table, count)
    }

    /// How many granules the entries take, from a sample.
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

    pub(super) fn follow(&self, guard: Pinned<'_>, table: &Table<C>, count: usize) -> Chores {
        if table.next().is_some() || count == table.count || too_many(count) {
            return Chores::MOVE;
        }
        let new = Box::into_raw(Box::new(Table::new(count, self.large_pages)));
        let chores = self.publish(guard, table, new);
        if !ptr::eq(table.next_pointer().load(Ordering::Relaxed), new) {
            // SAFETY: it came from a box just now, and nobody else has seen it.
            drop(unsafe { Box::from_raw(new) });
        }
        chores
    }

    /// Makes a table the next one of another, unless that has one.
    fn publish(&self, guard: Pinned<'_>, table: &Table<C>, new: *mut Table<C>) -> Chores {
        let next = table.next_pointer();
        // Release: who finds it finds it whole.
        let release = seeded::ordering(Ordering::Release, "follow");
        let result = next.compare_exchange(ptr::null_mut(), new, release, Ordering::Relaxed);
        if result.is_err() && seeded::bug("follow-anyway") {
            next.store(new, Ordering::Release);
        } else if result.is_err() {
            return Chores::MOVE;
        }
        // Whoever took the table for open is pinned, and mostly out of the way in a moment; else a grace period from now.
        let settled = guard.others_settled();
        let closed = if settled { SETTLED } else { guard.domain().epoch() };
        table.progress.closed.store(closed, Ordering::Release);
        if settled { Chores::MOVE } else { Chores::RESIZED }
    }

    /// How many buckets one write should move.
    pub(crate) fn step(&self, guard: Pinned<'_>) -> usize {
        let table = self.root(guard);
        let shrinks = table.next().is_some_and(|next| next.count < table.count);
        if shrinks || table.count <= SOON {
            STEP_SOON
        } else {
            // The fewer there are in a bucket, the sooner the next generation is full.
            (STEP * table.count / self.len().max(1)).clamp(1, STEP_SOON)
        }
    }

    /// Moves up to `buckets` buckets of the oldest generation to the next, if it is time.
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
        // Once round at most: what is left then is in the hands of others, who may need the processor.
        for _ in 0..buckets.min(table.count) {
            if progress.moved.load(Ordering::Relaxed) >= table.count {
                break;
            }
            // Round and round: what someone took and did not finish is taken again.
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

    /// Takes a generation that is moved out off the list.
    fn finish(&self, guard: Pinned<'_>, table: &Table<C>) {
        /// # Safety
        ///
        /// `table` is of a box of a `Table<C>`, and nobody looks at it any more.
        unsafe fn free<C>(table: *mut ()) {
            // SAFETY: every generation comes from a box, and is retired once.
            drop(unsafe { Box::from_raw(table.cast::<Table<C>>()) });
        }
        let old = ptr::from_ref(table).cast_mut();
        let next = table.next_pointer().load(Ordering::Acquire);
        // Release: who finds the next one there finds everything moved.
        let release = seeded::ordering(Ordering::Release, "root");
        let result = self.root.compare_exchange(old, next, release, Ordering::Relaxed);
        debug_assert!(result.is_ok(), "only the oldest generation is moved out");
        // SAFETY: nobody finds it any more. Its entries are the next generation's.
        guard.retire_shared(unsafe { Retired::new(old.cast(), free::<C>) });
    }
}

/// Whether memory cannot hold so many buckets.
fn too_many(count: usize) -> bool {
    count > isize::MAX as usize / 1024
}
