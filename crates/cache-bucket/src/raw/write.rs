use cache_core::Key;

use super::bucket::{Bucket, BucketLock, FIRST, LINE};
use super::lane::{self, FURTHER};
use super::overflow::{Purpose, Trimmed};
use super::probe::{Prepared, Sought};
use super::state::State;
use super::table::Table;
use super::{Cell, Hash, Maintenance, Probe, Raw};
use crate::primitive::Backoff;
use crate::reclaim::Pinned;
use crate::seeded;

/// A table of up to this many buckets spreads its entries thinly. A small table is hot: each entry should have a
/// cache line to itself, and its bucket little to compare.
pub(super) const SMALL: usize = if cfg!(loom) { 0 } else { 64 };

/// The number of granules of a bucket that may be used in a thinly spread table, by the size of its entries.
fn thin(granules: usize) -> u32 {
    match granules {
        1 => 10,
        // One in each line.
        2 => 14,
        // A line has room for no more of these anyway: five, or six of three granules.
        _ => 20,
    }
}

/// The unused key of an insert or update. It is dropped when the caller is no longer pinned and no longer owns the
/// word, because a user's key may panic in its drop.
pub(crate) type Unused<K> = Option<Prepared<K>>;

/// The result of [`Raw::upsert`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Upsert<R> {
    /// The key was there; this is the result of the update.
    Found(R),
    /// The key was absent and is now there.
    Inserted,
}

impl<K: Key + ?Sized, C: Cell> Raw<K, C> {
    /// Calls `f` with the value of a present key.
    ///
    /// `f` is one atomic step. It returns `None` if the value says that its entry is gone; then it is called again
    /// with the entry that took its place, if there is one. It may run under a bucket's lock.
    pub(crate) fn update<R>(
        &self,
        guard: Pinned<'_>,
        hash: Hash,
        probe: Probe<'_, K>,
        f: &mut dyn FnMut(&C) -> Option<R>,
    ) -> (Option<R>, Maintenance) {
        let mut table = self.root(guard);
        let mut maintenance = Maintenance::NONE;
        loop {
            match step(table, hash, probe, f) {
                Step::Did(result) => return (Some(result), maintenance | table.maintenance()),
                Step::Again => {}
                Step::Absent(_) => match table.next() {
                    Some(next) => {
                        maintenance = maintenance | Maintenance::MOVE;
                        table = next;
                    }
                    None => return (None, maintenance),
                },
            }
        }
    }

    /// Calls `f` with the value of a key, as [`update`](Self::update) does, or inserts the key with `word`.
    // Inlined, because a probe would be passed in memory.
    #[inline(always)]
    pub(crate) fn upsert<R>(
        &self,
        guard: Pinned<'_>,
        hash: Hash,
        probe: Probe<'_, K>,
        word: C::Word,
        f: &mut dyn FnMut(&C) -> Option<R>,
    ) -> (Upsert<R>, Maintenance, Unused<K>) {
        let form = probe.form();
        let mut table = self.root(guard);
        table.prefetch_both(hash);
        let mut prepared: Option<Prepared<K>> = None;
        let mut spare = Spare(None);
        let mut maintenance = Maintenance::NONE;
        let mut backoff = Backoff::default();
        loop {
            let seen = match step(table, hash, probe, f) {
                Step::Did(result) => {
                    return (Upsert::Found(result), maintenance | table.maintenance(), prepared);
                }
                Step::Again => {
                    backoff.wait();
                    continue;
                }
                Step::Absent(seen) => seen,
            };
            let main = table.bucket(hash);
            if seen.locked() {
                // The holder of the lock may be inserting this very key.
                backoff.wait();
                continue;
            }
            if let Some(next) = table.next() {
                maintenance = maintenance | Maintenance::MOVE;
                // If this succeeds, nothing was inserted since we looked, and nothing will be: the key is not in this
                // table and never will be again.
                if !seen.closed() && !seeded::bug("close") {
                    let Some(mut lock) = main.try_lock(seen) else { continue };
                    lock.after = lock.after.close();
                }
                table = next;
                continue;
            }
            if seen.closed() {
                // This is the vacant table, or the table got a next one meanwhile.
                if std::ptr::eq(table, self.vacant.0) {
                    self.allocate_first();
                    table = self.root(guard);
                }
                continue;
            }
            if prepared.is_none() {
                prepared = probe.prepare();
            }
            // If this succeeds, nothing was inserted since we looked.
            let lock = if seeded::bug("insert") { Some(main.lock()) } else { main.try_lock(seen) };
            let Some(mut lock) = lock else {
                backoff.wait();
                continue;
            };
            let now = guard.domain().epoch();
            // Entries that died here a while ago may have made the chain long.
            let mut off = None;
            if lock.after.link() != 0 {
                main.reclaim_dead(now);
                off = table.overflow.trim(&mut lock, now).map(|trimmed| Off { table, trimmed, now });
            }
            let found = find_room(table, main, probe.granules(), hash, now);
            let (holder, granule) = match (found, &mut spare) {
                (Some(place), _) => place,
                (None, Spare(Some((of, link)))) if std::ptr::eq(*of, table) => {
                    let holder = append(table, main, &mut lock, *link);
                    spare.0 = None;
                    (holder, FIRST)
                }
                (None, _) => {
                    // Do not allocate under a lock.
                    let dead = main.has_dead();
                    drop(lock);
                    drop(off);
                    if dead {
                        maintenance = maintenance | Maintenance::FULL;
                    }
                    spare = Spare(table.overflow.take(now, Purpose::Insert).map(|link| (table, link)));
                    let crowded = table.overflow.used() > table.count / 8 + 1 && self.is_worth_growing(table);
                    if spare.0.is_none() || crowded {
                        maintenance = maintenance | self.grow(guard, table);
                    }
                    if spare.0.is_none() {
                        // Another thread may be preparing the next table.
                        backoff.wait();
                    }
                    continue;
                }
            };
            holder.cell(granule).init(word);
            // SAFETY: the granules were found free under the lock, so nobody reads them.
            unsafe { probe.write(prepared, holder.key(granule)) };
            lock.inserts(is_at_home(main, holder, granule, hash));
            holder.set_lanes(granule, probe.granules(), lane::entry(hash.tag(), form), FURTHER);
            if !std::ptr::eq(holder, main) && main.has_dead() {
                maintenance = maintenance | Maintenance::CROWDED;
            }
            let thick = table.count < SMALL && holder.live() > thin(probe.granules());
            drop(lock);
            drop(off);
            self.counters.inserted(guard.thread());
            if !table.is_open() {
                // A serialized table counts inserts too, or a cache that is only inserted into would stay serialized.
                maintenance = maintenance | table.maintenance();
            }
            if thick {
                maintenance = maintenance | self.grow(guard, table);
            }
            if guard.count_insert() {
                maintenance = maintenance | Maintenance::COLLECT;
            }
            return (Upsert::Inserted, maintenance, None);
        }
    }
}

/// An overflow bucket taken for one insert. It is given back if the insert did not need it.
struct Spare<'t, C: Cell>(Option<(&'t Table<C>, u32)>);

impl<C: Cell> Drop for Spare<'_, C> {
    fn drop(&mut self) {
        if let Some((table, link)) = self.0 {
            table.overflow.give_back(link);
        }
    }
}

/// Buckets that were taken off a chain in this epoch. They are retired when this is dropped, which is after the
/// chain's lock is released.
struct Off<'t, C: Cell> {
    table: &'t Table<C>,
    trimmed: Trimmed,
    now: u64,
}

impl<C: Cell> Drop for Off<'_, C> {
    fn drop(&mut self) {
        self.table.overflow.retire(self.trimmed, self.now);
    }
}

/// The result of looking for a key in one generation.
enum Step<R> {
    Did(R),
    /// The bucket was locked or has changed: look again.
    Again,
    /// The key is not there. The state was read before the search; if it is closed, the key never will be there
    /// again.
    Absent(State),
}

/// Looks for a key in one generation and calls `f` with its value, under the lock if the entry may be moved.
fn step<K: Key + ?Sized, C: Cell, R>(
    table: &Table<C>,
    hash: Hash,
    probe: Probe<'_, K>,
    f: &mut dyn FnMut(&C) -> Option<R>,
) -> Step<R> {
    let open = table.is_open();
    let main = table.bucket(hash);
    let seen = main.state();
    if seen.moved() {
        return Step::Absent(seen);
    }
    let Some(spot) = table.find(main, hash, probe) else {
        return Step::Absent(seen);
    };
    let result = if open || seeded::bug("step-lock") {
        f(spot.cell())
    } else {
        let lock = main.lock();
        if lock.after.moved() && !seeded::bug("step-moved") || spot.form().is_none() {
            return Step::Again;
        }
        f(spot.cell())
    };
    result.map_or(Step::Again, Step::Did)
}

/// Finds room for an entry in a bucket or its overflow chain. The caller holds the lock.
pub(super) fn find_room<'t, C: Cell>(
    table: &'t Table<C>,
    main: &'t Bucket<C>,
    count: usize,
    hash: Hash,
    now: u64,
) -> Option<(&'t Bucket<C>, usize)> {
    let alone = table.count <= SMALL;
    if count == 1 && !alone {
        if let Some(granule) = main.free_in_line(hash.home()) {
            return Some((main, granule));
        }
    }
    let mut holder = main;
    loop {
        holder.reclaim_dead(now);
        if let Some(granule) = holder.space().find(count, hash.home(), alone) {
            return Some((holder, granule));
        }
        holder = table.after(holder)?;
    }
}

/// Whether an entry at this granule is in the home pair of its hash, where a look-up begins.
#[inline]
pub(super) fn is_at_home<C>(main: &Bucket<C>, holder: &Bucket<C>, granule: usize, hash: Hash) -> bool {
    std::ptr::eq(main, holder) && granule / (2 * LINE) == hash.home_pair()
}

/// Appends a taken overflow bucket to a chain. The caller holds the lock.
pub(super) fn append<'t, C: Cell>(
    table: &'t Table<C>,
    main: &'t Bucket<C>,
    lock: &mut BucketLock<'_, C>,
    link: u32,
) -> &'t Bucket<C> {
    let mut last = main;
    while let Some(after) = table.after(last) {
        last = after;
    }
    if std::ptr::eq(last, main) {
        lock.set_link(link);
    } else {
        last.set_link(link);
    }
    table.overflow.bucket(link)
}
