use std::hash::BuildHasher;
use std::ptr;

use cache_core::Key;

use super::bucket::{Bucket, BucketLock, FIRST, GRANULES};
use super::lane::{self, FURTHER, Form, Lane};
use super::space::Space;
use super::stored::{copy_key, hash_of};
use super::table::Table;
use super::write::{SMALL, append, find_room, is_near};
use super::{Cell, Hash};
use crate::primitive::Backoff;
use crate::reclaim::Pinned;
use crate::seeded;

/// Moves a bucket's entries to the next generation; `false` if someone else did.
pub(super) fn move_out<K, C, S>(
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
        let mut load = Load::of::<K, C, S>(main, hasher);
        let mut beyond = Vec::new();
        let mut holder = main;
        while let Some(after) = table.after(holder) {
            beyond.push((after, Load::of::<K, C, S>(after, hasher)));
            holder = after;
        }
        // If this succeeds, nothing was inserted since, so every entry has its hash.
        let Some(mut lock) = main.try_lock(state) else {
            backoff.wait();
            continue;
        };
        load.move_to(guard, main, next);
        for (holder, load) in &mut beyond {
            load.move_to(guard, holder, next);
        }
        lock.after = lock.after.move_out();
        return true;
    }
}

/// The entries of a bucket, and their hashes.
struct Load {
    items: [Item; GRANULES],
    count: usize,
}

#[derive(Clone, Copy)]
struct Item {
    hash: Hash,
    granule: usize,
    form: Form,
}

impl Load {
    fn of<K, C, S>(holder: &Bucket<C>, hasher: &S) -> Self
    where
        K: Key + ?Sized,
        C: Cell,
        S: BuildHasher + 'static,
    {
        let none = Item { hash: Hash(0), granule: 0, form: 0 };
        let mut load = Self { items: [none; GRANULES], count: 0 };
        holder.for_each_entry(|granule, form| {
            // SAFETY: its lane was just seen, and the caller of `move_out` is pinned.
            let hash = unsafe { hash_of::<K, C, S>(holder, granule, form, hasher) };
            load.items[load.count] = Item { hash, granule, form };
            load.count += 1;
        });
        load
    }

    /// Copies the entries of a bucket that the caller has locked, those of them that are still there.
    fn move_to<C: Cell>(&mut self, guard: Pinned<'_>, from: &Bucket<C>, next: &Table<C>) {
        let mut left = &mut self.items[..self.count];
        let mut here = [0_u8; GRANULES];
        // All that go to one bucket at once, so that it is locked once. Mostly there are two.
        while let Some(first) = left.first() {
            let mut target = Target::lock(guard, next, first.hash);
            let (mut taken, mut rest) = (0, 0);
            // Without a branch: no processor guesses where each of them goes.
            for (i, item) in left.iter().enumerate() {
                here[taken & (GRANULES - 1)] = i as u8;
                taken += usize::from(target.takes(item.hash));
            }
            for &i in &here[..taken] {
                let item = left[usize::from(i)];
                // Not removed since it was hashed.
                if from.lane(item.granule) == item.lane() {
                    target.copy(from, item);
                }
            }
            for i in 0..left.len() {
                let takes = target.takes(left[i].hash);
                left[rest] = left[i];
                rest += usize::from(!takes);
            }
            left = &mut left[..rest];
        }
    }
}

impl Item {
    fn lane(&self) -> Lane {
        lane::entry(self.hash.tag(), self.form)
    }
}

/// A locked bucket of a next generation, to which entries are moved.
struct Target<'t, C: Cell> {
    table: &'t Table<C>,
    main: &'t Bucket<C>,
    lock: BucketLock<'t, C>,
    space: Space,
    alone: bool,
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
                    return Self { table, main, lock, space, alone: table.count <= SMALL, now };
                }
            }
        }
    }

    /// Whether an entry of this hash, from the same older bucket, belongs here.
    #[inline(always)]
    fn takes(&self, hash: Hash) -> bool {
        ptr::eq(self.table.bucket(hash), self.main)
    }

    #[inline(always)]
    fn copy(&mut self, from: &Bucket<C>, item: Item) {
        // Each with loops of a known length, as most keys of a table have one.
        match lane::granules(item.form) {
            1 => self.copy_granules(1, from, item),
            2 => self.copy_granules(2, from, item),
            3 => self.copy_granules(3, from, item),
            count => self.copy_granules(count, from, item),
        }
    }

    #[inline(always)]
    fn copy_granules(&mut self, count: usize, from: &Bucket<C>, item: Item) {
        let Item { hash, granule, .. } = item;
        let (holder, place) = match self.space.find(count, hash.home(), self.alone) {
            Some(place) => (self.main, place),
            None => self.further(count, hash),
        };
        // Nobody writes to the old cell any more: writers hold the lock that our caller holds.
        holder.cell(place).init(from.cell(granule).word());
        // SAFETY: the old entry is published, under our caller's lock; the new granules were found free.
        unsafe { copy_key(from.key(granule), holder.key(place), count) };
        holder.set_lanes(place, count, item.lane(), FURTHER);
        if ptr::eq(holder, self.main) {
            self.space = self.space.with(place, count);
        }
        self.lock.after = self.lock.after.inserted(is_near(self.main, holder, place, hash));
    }

    /// A place that is not as easily found.
    #[cold]
    #[inline(never)]
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
