//! The ways that are taken nearly always: of keys that lie where they should, in a table that is not being resized.
//!
//! None of them waits, allocates, or calls a function, and each gives up, having done nothing, as soon as anything is
//! unusual: then take one of the others. Why that is worth the trouble, see `map/quick.rs`.

use cache_core::Key;

use super::bucket::{Bucket, BucketLock, GRANULE, LINE, PAIRS};
use super::lane::{self, FREE, Form, Lane};
use super::probe::{Inline, Sought};
use super::remove::unlink;
use super::space::is_packed;
use super::table::search_all;
use super::write::{SMALL, is_near};
use super::{Cell, Hash, Raw, Upsert};
use crate::reclaim::Pinned;
use crate::seeded;

/// What [`Raw::seek`] found.
pub(crate) enum Near<'t, C> {
    /// The value of the key.
    Found(&'t C),
    /// Nothing near the key's home line may be it.
    Nothing,
    /// Something else is there that seemed to be it, or the table is being resized.
    Unclear,
}

/// What removing a key in the quick way came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Removed {
    /// It was not there.
    Absent,
    /// It was.
    Done,
}

impl<K: Key + ?Sized, C: Cell> Raw<K, C> {
    /// Looks for a key where it should be.
    #[inline(always)]
    pub(crate) fn seek<'g>(&self, guard: Pinned<'g>, hash: Hash, key: impl Sought) -> Near<'g, C> {
        let table = self.root(guard);
        let main = table.bucket(hash);
        Bucket::prefetch(main, hash.home());
        if !table.is_open() && !seeded::bug("seek-open") {
            return Near::Unclear;
        }
        look_near(main, hash, key)
    }

    /// Looks for a key in all of its bucket, but not in the overflow.
    #[inline(always)]
    pub(crate) fn seek_beyond<'g>(&self, guard: Pinned<'g>, hash: Hash, key: impl Sought) -> Option<&'g C> {
        let table = self.root(guard);
        let main = table.bucket(hash);
        if !table.is_open() {
            return None;
        }
        search_all(main, lane::entry(hash.tag(), key.form()), key).map(|spot| spot.cell())
    }

    /// Inserts a key that is not there, if there is room near its home line. `ONE` says that its entry takes but one granule.
    #[inline(always)]
    pub(crate) fn insert_near<const ONE: bool>(
        &self,
        guard: Pinned<'_>,
        hash: Hash,
        key: Inline<'_>,
        word: C::Word,
    ) -> bool {
        let table = self.root(guard);
        let main = table.bucket(hash);
        // Before the lanes: if it is still this when we lock, nothing was inserted since.
        let seen = main.state();
        let plain = table.is_open() && seen.is_plain();
        if !plain && (!seeded::bug("insert-closed") || seen.locked()) || guard.count_insert() {
            return false;
        }
        let (pair, lane) = (hash.home_pair(), lane::entry(hash.tag(), key.form()));
        if main.near(pair, lane) != 0 {
            return false;
        }
        // What is usable still is when we have the lock: only an insert takes it, and the state would have changed. In a table
        // that is filled, that is what is free: seen by one comparison.
        let count = if ONE { 1 } else { lane::granules(key.form()) };
        let small = table.count <= SMALL;
        let free = if ONE && !small { main.near(pair, FREE) } else { 0 };
        let usable = if free != 0 { free } else { main.usable(pair, guard) };
        let Some(at) = main.find_place(usable, count, pair, hash.home(), small) else { return false };
        let lock = if seeded::bug("insert-near") { Some(main.lock()) } else { main.try_lock(seen) };
        let Some(lock) = lock else { return false };
        write_entry(main, lock, (pair, at, count), hash, key, word);
        self.counters.inserted(guard.thread());
        true
    }

    /// Inserts a key that is not there, if its bucket has room for it anywhere, and has no overflow; or finds its value.
    #[inline(always)]
    pub(crate) fn upsert_beyond<'g>(
        &self,
        guard: Pinned<'g>,
        hash: Hash,
        key: Inline<'_>,
        word: C::Word,
    ) -> Option<Upsert<&'g C>> {
        let table = self.root(guard);
        let main = table.bucket(hash);
        // As above.
        let seen = main.state();
        if !table.is_open() {
            return None;
        }
        if let Some(spot) = search_all(main, lane::entry(hash.tag(), key.form()), key) {
            return Some(Upsert::Found(spot.cell()));
        }
        if !seen.is_single() || guard.count_insert() {
            return None;
        }
        let count = lane::granules(key.form());
        let (home, small) = (hash.home_pair(), table.count <= SMALL);
        let room = |pair| {
            let at = main.find_place(main.usable(pair, guard), count, pair, hash.home(), small)?;
            Some((pair, at))
        };
        let others = (0..PAIRS).rev().filter(|&pair| pair != home);
        let (pair, at) = match room(home) {
            Some(place) => place,
            // Where entries should have lines to themselves, the table may be about to grow.
            None if small && !main.has_dead() => return None,
            None => others.into_iter().find_map(room)?,
        };
        let lock = if seeded::bug("upsert-again") { main.lock() } else { main.try_lock(seen)? };
        write_entry(main, lock, (pair, at, count), hash, key, word);
        self.counters.inserted(guard.thread());
        Some(Upsert::Inserted)
    }

    /// Removes a key that lies where it should, or sees that it is not there. `None` if neither could be done in the quick
    /// way.
    #[inline(always)]
    pub(crate) fn remove_near<Q: Sought>(&self, guard: Pinned<'_>, hash: Hash, key: Q) -> Option<Removed> {
        let table = self.root(guard);
        let main = table.bucket(hash);
        Bucket::prefetch(main, hash.home());
        if !table.is_open() && !seeded::bug("remove-near-moved") || guard.count_removal() {
            return None;
        }
        let (pair, lane) = (hash.home_pair(), lane::entry(hash.tag(), key.form()));
        let matches = main.near(pair, lane);
        if matches == 0 {
            // Read after the lanes: a stray whose insert has returned by now is known.
            return if main.state().has_strays() { None } else { Some(Removed::Absent) };
        }
        let first = matches.trailing_zeros() as usize;
        if !key.is_at(main.pair(pair).plus(first * (GRANULE / 2))) {
            return None;
        }
        self.remove_at::<Q>(guard, main, pair * 2 * LINE + first / 2, lane, true)
    }

    /// The same of a key anywhere in its bucket, but not in the overflow.
    #[inline(always)]
    pub(crate) fn remove_beyond<Q: Sought>(&self, guard: Pinned<'_>, hash: Hash, key: Q) -> Option<Removed> {
        let table = self.root(guard);
        let main = table.bucket(hash);
        if !table.is_open() || guard.count_removal() {
            return None;
        }
        let lane = lane::entry(hash.tag(), key.form());
        match search_all(main, lane, key).map(|spot| spot.granule()) {
            Some(granule) => {
                let near = is_near(main, main, granule, hash);
                self.remove_at::<Q>(guard, main, granule, lane, near)
            }
            // Read after the lanes, as above.
            None if main.state().link() == 0 => Some(Removed::Absent),
            None => None,
        }
    }

    /// Removes the entry that was seen to begin at a granule, with this lane.
    #[inline(always)]
    fn remove_at<Q: Sought>(
        &self,
        guard: Pinned<'_>,
        main: &Bucket<C>,
        granule: usize,
        lane: Lane,
        near: bool,
    ) -> Option<Removed> {
        let seen = main.state();
        if seen.locked() || seen.moved() && !seeded::bug("remove-near-moved") {
            return None;
        }
        let mut lock = main.try_lock(seen)?;
        // Else someone removed it meanwhile. Nothing else has come there, as we are pinned.
        if main.lane(granule) != lane && !seeded::bug("remove-near") {
            return None;
        }
        let entry = (granule, (lane >> 8) as Form);
        let left = unlink::<K, C>(guard, &mut lock, main, entry, near, Q::BEHIND);
        drop(lock);
        self.counters.removed(guard.thread());
        left.retire(guard);
        Some(Removed::Done)
    }
}

/// Writes a new entry to so many granules of a pair of lines, from one on, that were found usable; and unlocks their bucket.
#[inline(always)]
fn write_entry<C: Cell>(
    main: &Bucket<C>,
    mut lock: BucketLock<'_, C>,
    (pair, at, count): (usize, usize, usize),
    hash: Hash,
    key: Inline<'_>,
    word: C::Word,
) {
    let place = main.pair(pair).plus(at * GRANULE);
    place.cell().init(word);
    // SAFETY: the granules were usable, and are the caller's who has the lock, so nobody reads them.
    unsafe { key.write(place.key()) };
    lock.inserts(pair == hash.home_pair());
    main.publish(pair, at, count, lane::entry(hash.tag(), key.form()));
}

/// Looks for a key where it should be in its bucket.
#[inline(always)]
pub(super) fn look_near<C: Cell>(main: &Bucket<C>, hash: Hash, key: impl Sought) -> Near<'_, C> {
    let pair = hash.home_pair();
    let matches = main.near(pair, lane::entry(hash.tag(), key.form()));
    if matches == 0 {
        return Near::Nothing;
    }
    // The first that may be it is it, but for one key in fifty.
    let place = main.pair(pair).plus(matches.trailing_zeros() as usize * (GRANULE / 2));
    if key.is_at(place) { Near::Found(place.cell()) } else { Near::Unclear }
}

impl<C: Cell> Bucket<C> {
    /// Finds room for so many granules in a pair of lines, of which these are usable; in a `small` table in a line that holds
    /// nothing else, unless it is the dead that are in the way.
    #[inline(always)]
    fn find_place(&self, usable: u32, count: usize, pair: usize, home: usize, small: bool) -> Option<usize> {
        match find_place(usable, count, pair, home, small) {
            None if small && self.has_dead_near(pair) => find_place(usable, count, pair, home, false),
            place => place,
        }
    }
}

/// Finds so many free granules in a row in a pair of lines: in the home line if it can. With `alone`, only a line that
/// holds nothing else will do.
///
/// What is [packed](is_packed) goes to the pair's one end. Of each granule there are two bits. Returns its number in the pair.
#[inline(always)]
fn find_place(free: u32, count: usize, pair: usize, home: usize, alone: bool) -> Option<usize> {
    let mut places = free;
    // Not as a loop, of which a compiler makes vectors.
    if count > 1 {
        places &= free >> 2;
        if count > 2 {
            places &= free >> 4;
            if count > 3 {
                places &= free >> 6;
                if count > 4 {
                    places &= free >> 8;
                }
            }
        }
    }
    if alone {
        places &= free & free >> 2 & free >> 4 & free >> 6 & 0x0303;
    }
    let in_line = places & 0xff << (home % (2 * LINE) * 2);
    let packed = is_packed(count) && !alone;
    let best = if in_line != 0 && !packed { in_line } else { places };
    if packed && pair % 2 == 1 {
        return best.checked_ilog2().map(|bit| bit as usize / 2);
    }
    (best != 0).then(|| best.trailing_zeros() as usize / 2)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn places_are_found_in_the_home_line_first() {
        assert_eq!(find_place(0xffff, 1, 2, 8, false), Some(0));
        assert_eq!(find_place(0xffff, 1, 2, 12, false), Some(4));
        // Taken: the last three granules of the second line.
        assert_eq!(find_place(0x03ff, 1, 2, 12, false), Some(4));
        assert_eq!(find_place(0x03ff, 2, 2, 12, false), Some(0));
        assert_eq!(find_place(0x03ff, 5, 2, 12, false), Some(0));
        assert_eq!(find_place(0x00ff, 5, 2, 12, false), None);
        // Taken: the first granule.
        assert_eq!(find_place(0xfffc, 1, 2, 8, false), Some(1));
        assert_eq!(find_place(0xfffc, 1, 2, 8, true), Some(4));
        assert_eq!(find_place(0xfffc, 1, 2, 12, true), Some(4));
        assert_eq!(find_place(0xfcfc, 3, 2, 12, true), None);
        assert_eq!(find_place(0xfcfc, 3, 2, 12, false), Some(5));
        assert_eq!(find_place(0xfffc, 5, 2, 12, false), Some(1));
        assert_eq!(find_place(0xfffc, 5, 3, 28, false), Some(3));
        assert_eq!(find_place(0, 1, 2, 12, false), None);
    }
}
