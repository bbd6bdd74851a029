use std::hash::BuildHasher;
use std::ptr;

use cache_core::Key;

use super::bucket::{Bucket, BucketLock, FIRST, GRANULES};
use super::lane::{self, FURTHER, Form};
use super::probe::{copy_key, hash_of};
use super::space::Space;
use super::table::Table;
use super::write::{SMALL, append, find_room, is_near};
use super::{Cell, Chores, Hash, ROOM, Raw, buckets_for};
use crate::primitive::{Backoff, Ordering};
use crate::reclaim::{Pinned, Retired};
use crate::seeded;

/// A table that is less than one part in so many full is all but empty.
const EMPTY: usize = 8;
/// What stands for the epoch in which a table got a next one when all who took it for open are known to be gone.
const SETTLED: u64 = u64::MAX;
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
    /// Gives an open table a larger one to follow it.
    #[cold]
    pub(super) fn grow(&self, guard: Pinned<'_>, table: &Table<C>) -> Chores {
        // A table that small is cheap, and each step costs a grace period. And where an older generation still waits
        // for its own, more steps would make a longer list.
        let waits = !ptr::eq(table, self.root(guard));
        let factor = if table.count < SMALL || waits { 4 } else { 2 };
        self.follow(guard, table, table.count.saturating_mul(factor))
    }

    /// Gives the table a smaller one to follow it if it is all but empty.
    #[cold]
    pub(super) fn shrink_if_empty(&self, guard: Pinned<'_>) -> Chores {
        let table = self.root(guard);
        let floor = self.least.max(SMALL);
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
        if table.next().is_some() || count == table.count || count > isize::MAX as usize / 1024 {
            return Chores::MOVE;
        }
        let new = Box::into_raw(Box::new(Table::new(count, self.large_pages)));
        let next = table.next_pointer();
        // Release: who finds it finds it whole.
        let release = seeded::ordering(Ordering::Release, "follow");
        let result = next.compare_exchange(ptr::null_mut(), new, release, Ordering::Relaxed);
        if result.is_err() && seeded::bug("follow-anyway") {
            next.store(new, Ordering::Release);
        } else if result.is_err() {
            // SAFETY: it came from a box just now, and nobody else has seen it.
            drop(unsafe { Box::from_raw(new) });
            return Chores::MOVE;
        }
        // Whoever took the table for open is pinned, and mostly out of the way in a moment; else a grace period from now.
        let settled = guard.others_settled();
        let closed = if settled { SETTLED } else { guard.domain().epoch() };
        table.progress.closed.store(closed, Ordering::Release);
        if settled { Chores::MOVE } else { Chores::RESIZED }
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
            if move_out::<K, C, S>(guard, table, next, table.bucket_at(index), hasher)
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

/// Moves a bucket's entries to the next generation; `false` if someone else did.
fn move_out<K, C, S>(
    guard: Pinned<'_>,
    table: &Table<C>,
    next: &Table<C>,
    main: &Bucket<C>,
    hasher: &S,
) -> bool
where
    K: Key + ?Sized,
    C: Cell,
    S: BuildHasher + 'static,
{
    let mut backoff = Backoff::default();
    loop {
        let state = main.state();
        if state.moved() && !seeded::bug("move-twice") {
            return false;
        }
        if state.locked() {
            backoff.wait();
            continue;
        }
        // Hashing runs what a user wrote: not under the lock.
        let mut hashes = [Hash(0); GRANULES];
        hash_all::<K, C, S>(main, hasher, &mut hashes);
        let mut beyond = Vec::new();
        let mut holder = main;
        while let Some(after) = table.after(holder) {
            let mut hashes = [Hash(0); GRANULES];
            hash_all::<K, C, S>(after, hasher, &mut hashes);
            beyond.push((after, hashes));
            holder = after;
        }
        // If this succeeds, nothing was inserted since, so every entry has its hash.
        let Some(mut lock) = main.try_lock(state) else {
            backoff.wait();
            continue;
        };
        move_entries(guard, main, &hashes, next);
        for (holder, hashes) in &beyond {
            move_entries(guard, holder, hashes, next);
        }
        lock.after = lock.after.move_out();
        return true;
    }
}

fn hash_all<K, C, S>(holder: &Bucket<C>, hasher: &S, hashes: &mut [Hash; GRANULES])
where
    K: Key + ?Sized,
    C: Cell,
    S: BuildHasher + 'static,
{
    holder.for_each_entry(|granule, form| {
        // SAFETY: its lane was just seen, and the caller of `move_out` is pinned.
        hashes[granule] = unsafe { hash_of::<K, C, S>(holder, granule, form, hasher) };
    });
}

/// Copies the entries of a bucket that the caller has locked.
fn move_entries<C: Cell>(guard: Pinned<'_>, from: &Bucket<C>, hashes: &[Hash; GRANULES], next: &Table<C>) {
    let mut forms = [0; GRANULES];
    let mut left = 0_u32;
    from.for_each_entry(|granule, form| {
        forms[granule] = form;
        left |= 1 << granule;
    });
    // All that go to one bucket at once, so that it is locked once. Mostly there are two.
    while left != 0 {
        let mut target = Target::lock(guard, next, hashes[left.trailing_zeros() as usize]);
        let mut rest = left;
        while rest != 0 {
            let granule = rest.trailing_zeros() as usize;
            rest &= rest - 1;
            if target.takes(hashes[granule]) {
                target.copy(from, granule, forms[granule], hashes[granule]);
                left &= !(1 << granule);
            }
        }
    }
}

/// A locked bucket of a next generation, to which entries are moved.
struct Target<'t, C: Cell> {
    table: &'t Table<C>,
    main: &'t Bucket<C>,
    lock: BucketLock<'t, C>,
    space: Space,
    now: u64,
}

impl<'t, C: Cell> Target<'t, C> {
    fn lock(guard: Pinned<'_>, mut table: &'t Table<C>, hash: Hash) -> Self {
        // Locks are taken from older to newer generations only, so no circle can form.
        loop {
            let main = table.bucket(hash);
            let lock = main.lock();
            match table.next() {
                // Closed for all new entries, these too.
                Some(next) if lock.after.closed() => table = next,
                _ => {
                    let (space, now) = (main.space(), guard.domain().epoch());
                    return Self { table, main, lock, space, now };
                }
            }
        }
    }

    /// Whether an entry of this hash, from the same older bucket, belongs here.
    fn takes(&self, hash: Hash) -> bool {
        ptr::eq(self.table.bucket(hash), self.main)
    }

    fn copy(&mut self, from: &Bucket<C>, granule: usize, form: Form, hash: Hash) {
        let count = lane::granules(form);
        let (holder, place) = match self.space.find(count, hash.home(), self.table.count <= SMALL) {
            Some(place) => (self.main, place),
            None => self.further(count, hash),
        };
        // Nobody writes to the old cell any more: writers hold the lock that our caller holds.
        holder.cell(place).init(from.cell(granule).word());
        // SAFETY: the old entry is published, under our caller's lock; the new granules were found free.
        unsafe { copy_key(from.key(granule), holder.key(place), form) };
        holder.set_lanes(place, count, lane::entry(hash.tag(), form), FURTHER);
        if ptr::eq(holder, self.main) {
            self.space = self.space.with(place, count);
        }
        self.lock.after = self.lock.after.inserted(is_near(self.main, holder, place, hash));
    }

    /// A place that is not as easily found.
    #[cold]
    fn further(&mut self, count: usize, hash: Hash) -> (&'t Bucket<C>, usize) {
        let room = find_room(self.table, self.main, count, hash, self.now);
        let (holder, place) = room.unwrap_or_else(|| {
            let link =
                self.table.overflow.take(self.now).expect("2^24 overflow buckets do not fit in any memory");
            (append(self.table, self.main, &mut self.lock, link), FIRST)
        });
        // The dead may have been buried.
        self.space = self.main.space();
        (holder, place)
    }
}
