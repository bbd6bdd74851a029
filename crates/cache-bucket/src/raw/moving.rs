use std::array;
use std::hash::BuildHasher;
use std::{iter, ptr};

use cache_core::Key;

use super::bucket::{Bucket, BucketLock, FIRST, GRANULES, LINE};
use super::lane::{self, FURTHER, Form, Lane};
use super::overflow::Purpose;
use super::space::{Space, is_packed};
use super::stored::{copy_key, hash_of};
use super::table::Table;
use super::write::{SMALL, append, find_room, is_at_home};
use super::{Cell, Hash};
use crate::primitive::Backoff;
use crate::reclaim::Pinned;
use crate::seeded;

/// Moves the entries of bucket `index` to the next generation; `false` if another thread did.
pub(super) fn move_out<K, C, S>(
    guard: Pinned<'_>,
    table: &Table<C>,
    next: &Table<C>,
    index: usize,
    hasher: &S,
) -> bool
where
    K: Key + ?Sized,
    C: Cell,
    S: BuildHasher + 'static,
{
    let main = table.bucket_at(index);
    Bucket::prefetch_all(main);
    for k in 0..next.count / table.count {
        Bucket::prefetch_all(next.bucket_at(index + k * table.count));
    }
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
        // Hashing runs users' code, so it is done outside the lock.
        let load = Load::of::<K, C, S>(table, main, hasher);
        let of = |holder| Overflow { holder, load: Load::of::<K, C, S>(table, holder, hasher) };
        // Hardly any chain is longer than this, so hardly ever is memory allocated.
        let first = table.after(main).map(of);
        let second = first.as_ref().and_then(|first| table.after(first.holder));
        let more: Vec<_> = iter::successors(second, |holder| table.after(holder)).map(of).collect();
        let overflow = || first.iter().chain(&more);
        let entries = load.count + overflow().map(|other| other.load.count).sum::<usize>();
        let mut later = iter::successors(Some(next), |table| table.next());
        if !later.all(|table| table.overflow.has_room_for(entries)) {
            // The entries stay where they are, and are found there.
            return false;
        }
        // If this succeeds, nothing was inserted since, so every entry has its hash.
        let Some(mut lock) = main.try_lock(state) else {
            backoff.wait();
            continue;
        };
        let mains = |k| next.bucket_at(index + k * table.count);
        let spread = match next.count / table.count {
            2 => spread::<2, C>(guard, next, mains, main, &load, overflow()),
            4 => spread::<4, C>(guard, next, mains, main, &load, overflow()),
            _ => false,
        };
        if !spread {
            let others = overflow().map(|other| (other.holder, &other.load));
            for (holder, load) in iter::once((main, &load)).chain(others) {
                load.items().for_each(|item| Target::find(guard, next, item.hash).copy(holder, item));
            }
        }
        lock.after = lock.after.move_out();
        return true;
    }
}

/// Copies the entries of a bucket, which the caller has locked, and of its overflow chain to the `N` buckets that it
/// becomes. Returns `false`, having done nothing, if one of those is closed.
#[inline(always)]
fn spread<'t, 'o, const N: usize, C: Cell>(
    guard: Pinned<'_>,
    next: &'t Table<C>,
    mains: impl Fn(usize) -> &'t Bucket<C>,
    from: &Bucket<C>,
    load: &Load,
    overflow: impl Iterator<Item = &'o Overflow<'o, C>>,
) -> bool {
    // Each moving thread has target buckets of its own, and waits only in this order.
    let mut targets: [_; N] = array::from_fn(|k| Target::lock(guard, next, mains(k)));
    if targets.iter().any(|target| target.lock.after.closed()) {
        return false;
    }
    let kept = |k| load.kept.iter().skip(k).step_by(N).fold(0, |all, kept| all | kept);
    let fresh: [bool; N] = array::from_fn(|k| targets[k].fill(from, kept(k)));
    let mut copy = |from, item: &Item| targets[usize::from(item.side) % N].copy(from, item);
    if fresh == [true; N] {
        load.strays().for_each(|item| copy(from, item));
    } else {
        let left = |item: &&Item| !item.stays || !fresh[usize::from(item.side) % N];
        load.items().filter(left).for_each(|item| copy(from, item));
    }
    for other in overflow {
        other.load.items().for_each(|item| copy(other.holder, item));
    }
    true
}

/// The greatest factor by which a table grows: each bucket becomes as many.
const FAN: usize = 4;

/// The entries of one bucket and their hashes.
struct Load {
    items: [Item; GRANULES],
    count: usize,
    /// The granules of the entries in their home lines, as in a [`Space`], for each bucket that this one becomes.
    kept: [u32; FAN],
    /// The indices of the entries that are not in their home lines.
    strays: [u8; GRANULES],
    stray_count: usize,
}

/// An overflow bucket and its entries.
struct Overflow<'t, C> {
    holder: &'t Bucket<C>,
    load: Load,
}

#[derive(Clone, Copy)]
struct Item {
    hash: Hash,
    granule: u8,
    form: Form,
    /// The bucket to which the entry goes.
    side: u8,
    /// Whether the entry is in its home line and may stay at its place.
    stays: bool,
}

impl Load {
    #[inline]
    fn of<K, C, S>(table: &Table<C>, holder: &Bucket<C>, hasher: &S) -> Self
    where
        K: Key + ?Sized,
        C: Cell,
        S: BuildHasher + 'static,
    {
        let none = Item { hash: Hash(0), granule: 0, form: 0, side: 0, stays: false };
        let mut load =
            Self { items: [none; GRANULES], count: 0, kept: [0; FAN], strays: [0; GRANULES], stray_count: 0 };
        holder.for_each_entry(|granule, form| {
            // SAFETY: its lane was just seen, and the caller of `move_out` is pinned.
            let hash = unsafe { hash_of::<K, C, S>(holder, granule, form, hasher) };
            // A packed entry has no line of its own.
            let among = if is_packed(lane::granules(form)) { 2 * LINE } else { LINE };
            let (side, stays) = (table.bits_above_index(hash) % FAN, granule / among == hash.home() / among);
            // No branch: where an entry goes is unpredictable.
            let taken = Space::default().with(granule, lane::granules(form));
            load.kept[side] |= taken.0 & u32::from(stays).wrapping_neg();
            load.strays[load.stray_count % GRANULES] = load.count as u8;
            load.stray_count += usize::from(!stays);
            load.items[load.count % GRANULES] =
                Item { hash, granule: granule as u8, form, side: side as u8, stays };
            load.count += 1;
        });
        load
    }

    fn items(&self) -> impl Iterator<Item = &Item> {
        self.items[..self.count].iter()
    }

    fn strays(&self) -> impl Iterator<Item = &Item> {
        self.strays[..self.stray_count].iter().map(|&i| &self.items[usize::from(i) % GRANULES])
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
    /// Finds and locks the bucket in which entries of this hash belong.
    fn find(guard: Pinned<'_>, mut table: &'t Table<C>, hash: Hash) -> Self {
        // Locks are taken from older to newer generations only, so no cycle can form.
        loop {
            let target = Self::lock(guard, table, table.bucket(hash));
            match table.next() {
                // The bucket is closed for all new entries, including these.
                Some(next) if target.lock.after.closed() => table = next,
                _ => return target,
            }
        }
    }

    fn lock(guard: Pinned<'_>, table: &'t Table<C>, main: &'t Bucket<C>) -> Self {
        let lock = main.lock();
        let (space, now) = (main.space(), guard.domain().epoch());
        Self { table, main, lock, space, alone: table.count <= SMALL, now }
    }

    /// Copies the entries in the granules `kept`, as in a [`Space`], which are in their home lines, to the same
    /// places. Returns `false`, having done nothing, if the bucket was used already or entries should have lines to
    /// themselves.
    #[inline(always)]
    fn fill(&mut self, from: &Bucket<C>, kept: u32) -> bool {
        if !self.lock.after.is_new() || self.alone {
            return false;
        }
        // Nobody writes to the old cells now: writers need the lock that our caller holds.
        self.main.fill(from, kept);
        self.space = Space(kept);
        self.lock.after = self.lock.after.inserted(true);
        true
    }

    /// Copies an entry, unless it was removed after it was hashed.
    #[inline(always)]
    fn copy(&mut self, from: &Bucket<C>, item: &Item) {
        if from.lane(item.granule.into()) != item.lane() {
            return;
        }
        // The loops of each instance have a known length; most keys of a table have one.
        match lane::granules(item.form) {
            1 => self.copy_granules(1, from, item),
            2 => self.copy_granules(2, from, item),
            3 => self.copy_granules(3, from, item),
            count => self.copy_granules(count, from, item),
        }
    }

    #[inline(always)]
    fn copy_granules(&mut self, count: usize, from: &Bucket<C>, item: &Item) {
        let (hash, granule) = (item.hash, usize::from(item.granule));
        let (holder, place) = match self.space.find(count, hash.home(), self.alone) {
            Some(place) => (self.main, place),
            None => self.further(count, hash),
        };
        // Nobody writes to the old cell now: writers need the lock that our caller holds.
        holder.cell(place).init(from.cell(granule).word());
        // SAFETY: the old entry is published, under our caller's lock; the new granules were found free.
        unsafe { copy_key(from.key(granule), holder.key(place), count) };
        holder.set_lanes(place, count, item.lane(), FURTHER);
        if ptr::eq(holder, self.main) {
            self.space = self.space.with(place, count);
        }
        self.lock.after = self.lock.after.inserted(is_at_home(self.main, holder, place, hash));
    }

    /// Finds a place for an entry on the slow path: in the overflow chain, if necessary.
    #[cold]
    #[inline(never)]
    fn further(&mut self, count: usize, hash: Hash) -> (&'t Bucket<C>, usize) {
        let room = find_room(self.table, self.main, count, hash, self.now);
        let (holder, place) = room.unwrap_or_else(|| {
            let link = self
                .table
                .overflow
                .take(self.now, Purpose::Move)
                .expect("the overflow has room for all moved entries");
            (append(self.table, self.main, &mut self.lock, link), FIRST)
        });
        // Dead granules may have been reclaimed.
        self.space = self.main.space();
        (holder, place)
    }
}
