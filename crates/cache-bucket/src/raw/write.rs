use cache_core::Key;

use super::bucket::{Bucket, BucketLock, FIRST, LINE};
use super::lane::{self, FURTHER};
use super::overflow::Trimmed;
use super::probe::{Prepared, Sought};
use super::state::State;
use super::table::Table;
use super::{Cell, Chores, Hash, Probe, Raw};
use crate::primitive::Backoff;
use crate::reclaim::Pinned;
use crate::seeded;

/// Up to this many buckets, a table spreads its entries thinly: it is hot if it is small, and then each entry
/// should have a cache line to itself and its bucket little to compare.
pub(super) const SMALL: usize = if cfg!(loom) { 0 } else { 64 };

/// How many granules of a bucket may be used in a table that is spread thinly, if entries have so many.
fn thin(granules: usize) -> u32 {
    match granules {
        1 => 10,
        // One in each line.
        2 => 14,
        // Of these a line has no more anyway: five, or six of three granules.
        _ => 20,
    }
}

/// What [`Raw::upsert`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Upsert<R> {
    /// The key was there, and this is what the update made of it.
    Found(R),
    /// The key was not there and is now.
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
    ) -> (Option<R>, Chores) {
        let mut table = self.root(guard);
        let mut chores = Chores::NONE;
        loop {
            match step(table, hash, probe, f) {
                Step::Did(result) => return (Some(result), chores | table.chores()),
                Step::Again => {}
                Step::Absent(_) => match table.next() {
                    Some(next) => {
                        chores = chores | Chores::MOVE;
                        table = next;
                    }
                    None => return (None, chores),
                },
            }
        }
    }

    /// Calls `f` with the value of a key, as [`update`](Self::update) does, or inserts the key with `word`.
    // Inlined, as a probe would be passed in memory.
    #[inline(always)]
    pub(crate) fn upsert<R>(
        &self,
        guard: Pinned<'_>,
        hash: Hash,
        probe: Probe<'_, K>,
        word: C::Word,
        f: &mut dyn FnMut(&C) -> Option<R>,
    ) -> (Upsert<R>, Chores) {
        let form = probe.form();
        let mut table = self.root(guard);
        table.prefetch_both(hash);
        let mut prepared: Option<Prepared<K>> = None;
        let mut spare = Spare(None);
        let mut chores = Chores::NONE;
        let mut backoff = Backoff::default();
        loop {
            let seen = match step(table, hash, probe, f) {
                Step::Did(result) => return (Upsert::Found(result), chores | table.chores()),
                Step::Again => {
                    backoff.wait();
                    continue;
                }
                Step::Absent(seen) => seen,
            };
            let main = table.bucket(hash);
            if seen.locked() {
                // Whoever holds the lock may be inserting this very key.
                backoff.wait();
                continue;
            }
            if let Some(next) = table.next() {
                chores = chores | Chores::MOVE;
                // Nothing was inserted since we looked, if this succeeds, and nothing will be: so the key is not
                // in this table and never will be again.
                if !seen.closed() && !seeded::bug("close") {
                    let Some(mut lock) = main.try_lock(seen) else { continue };
                    lock.after = lock.after.close();
                }
                table = next;
                continue;
            }
            if seen.closed() {
                // It is the table that stands where there is none yet, or it got a next one meanwhile.
                if std::ptr::eq(table, self.vacant.0) {
                    self.furnish();
                    table = self.root(guard);
                }
                continue;
            }
            if prepared.is_none() {
                prepared = probe.prepare();
            }
            // Nothing was inserted since we looked, if this succeeds.
            let lock = if seeded::bug("insert") { Some(main.lock()) } else { main.try_lock(seen) };
            let Some(mut lock) = lock else {
                backoff.wait();
                continue;
            };
            let now = guard.domain().epoch();
            // What died here a while ago may have had to do with a long chain.
            let mut off = None;
            if lock.after.link() != 0 && main.bury(now) {
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
                    // Memory is not taken under a lock.
                    let dead = main.has_dead();
                    drop(lock);
                    drop(off);
                    if dead {
                        chores = chores | Chores::FULL;
                    }
                    spare = Spare(table.overflow.take(now).map(|link| (table, link)));
                    if spare.0.is_none() || table.overflow.used() > table.count / 8 + 1 {
                        chores = chores | self.grow(guard, table);
                    }
                    if spare.0.is_none() {
                        // Someone else may be getting the next table ready.
                        backoff.wait();
                    }
                    continue;
                }
            };
            holder.cell(granule).init(word);
            // SAFETY: the granules were found free under the lock, so nobody reads them.
            unsafe { probe.write(prepared, holder.key(granule)) };
            lock.inserts(is_near(main, holder, granule, hash));
            holder.set_lanes(granule, probe.granules(), lane::entry(hash.tag(), form), FURTHER);
            if !std::ptr::eq(holder, main) && main.has_dead() {
                chores = chores | Chores::CROWDED;
            }
            let thick = table.count < SMALL && holder.space().used() > thin(probe.granules());
            drop(lock);
            drop(off);
            self.counters.inserted(guard.thread());
            if thick {
                chores = chores | self.grow(guard, table);
            }
            return (Upsert::Inserted, chores);
        }
    }
}

/// An overflow bucket taken for one insert; it goes back if that did not need it.
struct Spare<'t, C: Cell>(Option<(&'t Table<C>, u32)>);

impl<C: Cell> Drop for Spare<'_, C> {
    fn drop(&mut self) {
        if let Some((table, link)) = self.0 {
            table.overflow.give_back(link);
        }
    }
}

/// Buckets that were taken off a chain in this epoch: they go back once its lock is released, which is before this is
/// dropped.
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

/// What looking for a key in one generation came to.
enum Step<R> {
    Did(R),
    /// The bucket was locked or changed; look again.
    Again,
    /// It is not there. The state is from before the search; if that is closed it never will be again.
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

/// Room for an entry in a bucket's chain. The caller holds the lock.
pub(super) fn find_room<'t, C: Cell>(
    table: &'t Table<C>,
    main: &'t Bucket<C>,
    count: usize,
    hash: Hash,
    now: u64,
) -> Option<(&'t Bucket<C>, usize)> {
    let alone = table.count <= SMALL;
    if count == 1
        && !alone
        && let Some(granule) = main.free_in_line(hash.home())
    {
        return Some((main, granule));
    }
    let mut holder = main;
    loop {
        holder.bury(now);
        if let Some(granule) = holder.space().find(count, hash.home(), alone) {
            return Some((holder, granule));
        }
        holder = table.after(holder)?;
    }
}

/// Whether an entry at this granule is found where a look-up of its hash looks first.
#[inline]
pub(super) fn is_near<C>(main: &Bucket<C>, holder: &Bucket<C>, granule: usize, hash: Hash) -> bool {
    std::ptr::eq(main, holder) && granule / (2 * LINE) == hash.home_pair()
}

/// Puts a taken overflow bucket at the end of a chain. The caller holds the lock.
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
