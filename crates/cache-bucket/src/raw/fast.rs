//! The fast paths: the key is in its home pair or in the bucket, and the table is not being resized.
//!
//! No fast path waits, allocates, or calls a function. Each gives up, having changed nothing, as soon as anything is
//! unusual; the caller then takes the slow path. `map/fast.rs` says why this is worth the trouble.

use cache_core::Key;

use super::bucket::{Bucket, BucketLock, GRANULE, LINE, PAIRS};
use super::lane::{self, FREE, Form, Lane};
use super::probe::{Inline, Sought};
use super::remove::unlink;
use super::space::is_packed;
use super::table::search_all;
use super::write::{SMALL, is_at_home};
use super::{Cell, Hash, Raw, Upsert};
use crate::reclaim::Pinned;
use crate::seeded;

/// The result of [`Raw::seek`].
pub(crate) enum AtHome<'t, C> {
    /// The value of the key.
    Found(&'t C),
    /// No entry in the home pair can be the key.
    Nothing,
    /// An entry in the home pair looked like the key and is another, or the table is being resized.
    Unclear,
}

/// The result of a removal on the fast path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Removed {
    /// The key was not there.
    Absent,
    /// The key was there, and is gone.
    Done,
}

impl<K: Key + ?Sized, C: Cell> Raw<K, C> {
    /// Looks for a key in its home pair.
    #[inline(always)]
    pub(crate) fn seek<'g>(&self, guard: Pinned<'g>, hash: Hash, key: impl Sought) -> AtHome<'g, C> {
        let table = self.root(guard);
        let main = table.bucket(hash);
        Bucket::prefetch(main, hash.home());
        if !table.is_open() && !seeded::bug("seek-open") {
            return AtHome::Unclear;
        }
        look_at_home(main, hash, key)
    }

    /// Looks for a key in all of its bucket, but not in the overflow chain.
    #[inline(always)]
    pub(crate) fn seek_in_bucket<'g>(
        &self,
        guard: Pinned<'g>,
        hash: Hash,
        key: impl Sought,
    ) -> Option<&'g C> {
        let table = self.root(guard);
        let main = table.bucket(hash);
        if !table.is_open() {
            return None;
        }
        search_all(main, lane::entry(hash.tag(), key.form()), key).map(|spot| spot.cell())
    }

    /// Inserts an absent key into its home pair, if there is room. `ONE` says that its entry takes one granule.
    #[inline(always)]
    pub(crate) fn insert_at_home<const ONE: bool>(
        &self,
        guard: Pinned<'_>,
        hash: Hash,
        key: Inline<'_>,
        word: C::Word,
    ) -> bool {
        let table = self.root(guard);
        let main = table.bucket(hash);
        // Read before the lanes: if the state is unchanged when we lock, nothing was inserted since.
        let seen = main.state();
        let plain = table.is_open() && seen.is_plain();
        if !plain && (!seeded::bug("insert-closed") || seen.locked()) || guard.count_insert() {
            return false;
        }
        let (pair, lane) = (hash.home_pair(), lane::entry(hash.tag(), key.form()));
        if main.matches_in_pair(pair, lane) != 0 {
            return false;
        }
        // Granules that are usable now still are when we hold the lock: only an insert takes them, and it would have
        // changed the state. In a filled table the usable granules are the free ones, which one comparison finds.
        let count = if ONE { 1 } else { lane::granules(key.form()) };
        let small = table.count <= SMALL;
        let free = if ONE && !small { main.matches_in_pair(pair, FREE) } else { 0 };
        let usable = if free != 0 { free } else { main.usable(pair, guard) };
        let Some(at) = main.find_place(usable, count, pair, hash.home(), small) else { return false };
        let lock = if seeded::bug("insert-at-home") { Some(main.lock()) } else { main.try_lock(seen) };
        let Some(lock) = lock else { return false };
        write_entry(main, lock, (pair, at, count), hash, key, word);
        self.counters.inserted(guard.thread());
        true
    }

    /// Finds the value of a key in its bucket, or inserts the key anywhere in it, if there is room and no overflow
    /// chain.
    #[inline(always)]
    pub(crate) fn upsert_in_bucket<'g>(
        &self,
        guard: Pinned<'g>,
        hash: Hash,
        key: Inline<'_>,
        word: C::Word,
    ) -> Option<Upsert<&'g C>> {
        let table = self.root(guard);
        let main = table.bucket(hash);
        // Read before the lanes: if the state is unchanged when we lock, nothing was inserted since.
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
            // In a small table each entry should have a line to itself, and the table may be about to grow.
            None if small && !main.has_dead() => return None,
            None => others.into_iter().find_map(room)?,
        };
        let lock = if seeded::bug("upsert-again") { main.lock() } else { main.try_lock(seen)? };
        write_entry(main, lock, (pair, at, count), hash, key, word);
        self.counters.inserted(guard.thread());
        Some(Upsert::Inserted)
    }

    /// Removes a key that is in its home pair, or finds that it is absent. `None` if the fast path can do neither.
    #[inline(always)]
    pub(crate) fn remove_at_home<Q: Sought>(&self, guard: Pinned<'_>, hash: Hash, key: Q) -> Option<Removed> {
        let table = self.root(guard);
        let main = table.bucket(hash);
        Bucket::prefetch(main, hash.home());
        if !table.is_last() && !seeded::bug("remove-at-home-moved") || guard.count_removal() {
            return None;
        }
        let (pair, lane) = (hash.home_pair(), lane::entry(hash.tag(), key.form()));
        let matches = main.matches_in_pair(pair, lane);
        if matches == 0 {
            // Read after the lanes: the state counts every stray whose insert has returned by now.
            return if main.state().has_strays() { None } else { Some(Removed::Absent) };
        }
        let first = matches.trailing_zeros() as usize;
        if !key.is_at(main.pair(pair).plus(first * (GRANULE / 2))) {
            return None;
        }
        self.remove_at::<Q>(guard, main, pair * 2 * LINE + first / 2, lane, true)
    }

    /// Removes a key that is anywhere in its bucket, or finds that it is absent. `None` if the fast path can do
    /// neither.
    #[inline(always)]
    pub(crate) fn remove_in_bucket<Q: Sought>(
        &self,
        guard: Pinned<'_>,
        hash: Hash,
        key: Q,
    ) -> Option<Removed> {
        let table = self.root(guard);
        let main = table.bucket(hash);
        if !table.is_last() || guard.count_removal() {
            return None;
        }
        let lane = lane::entry(hash.tag(), key.form());
        match search_all(main, lane, key).map(|spot| spot.granule()) {
            Some(granule) => {
                let at_home = is_at_home(main, main, granule, hash);
                self.remove_at::<Q>(guard, main, granule, lane, at_home)
            }
            // Read after the lanes: the link is set if an insert into the chain has returned by now.
            None if main.state().link() == 0 => Some(Removed::Absent),
            None => None,
        }
    }

    /// Removes the entry that begins at a granule and had this lane a moment ago.
    #[inline(always)]
    fn remove_at<Q: Sought>(
        &self,
        guard: Pinned<'_>,
        main: &Bucket<C>,
        granule: usize,
        lane: Lane,
        at_home: bool,
    ) -> Option<Removed> {
        let seen = main.state();
        if seen.locked() || seen.moved() && !seeded::bug("remove-at-home-moved") {
            return None;
        }
        let mut lock = main.try_lock(seen)?;
        // If the lane differs, another thread removed the entry. No other entry has taken its granule, because we are
        // pinned.
        if main.lane(granule) != lane && !seeded::bug("remove-at-home") {
            return None;
        }
        let entry = (granule, (lane >> 8) as Form);
        let left = unlink::<K, C>(guard, &mut lock, main, entry, at_home, Q::BEHIND);
        drop(lock);
        self.counters.removed(guard.thread());
        left.retire(guard);
        Some(Removed::Done)
    }
}

/// Writes a new entry to `count` usable granules of a pair of lines, from granule `at` on, and unlocks the bucket.
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
    // SAFETY: the granules were usable and belong to the caller, who holds the lock, so nobody reads them.
    unsafe { key.write(place.key()) };
    lock.inserts(pair == hash.home_pair());
    main.publish(pair, at, count, lane::entry(hash.tag(), key.form()));
}

/// Looks for a key in its home pair.
#[inline(always)]
pub(super) fn look_at_home<C: Cell>(main: &Bucket<C>, hash: Hash, key: impl Sought) -> AtHome<'_, C> {
    let pair = hash.home_pair();
    let matches = main.matches_in_pair(pair, lane::entry(hash.tag(), key.form()));
    if matches == 0 {
        return AtHome::Nothing;
    }
    // The first match is the key, but for one key in fifty.
    let place = main.pair(pair).plus(matches.trailing_zeros() as usize * (GRANULE / 2));
    if key.is_at(place) { AtHome::Found(place.cell()) } else { AtHome::Unclear }
}

impl<C: Cell> Bucket<C> {
    /// Finds room for `count` granules in a pair of lines, of which the granules in `usable` may be taken.
    ///
    /// In a `small` table it wants a line that holds nothing else, unless only dead entries are in the way.
    #[inline(always)]
    fn find_place(&self, usable: u32, count: usize, pair: usize, home: usize, small: bool) -> Option<usize> {
        match find_place(usable, count, pair, home, small) {
            None if small && self.has_dead_in_pair(pair) => find_place(usable, count, pair, home, false),
            place => place,
        }
    }
}

/// Finds `count` adjacent free granules in a pair of lines, in the home line if possible. With `alone`, only a line
/// that holds nothing else will do.
///
/// A [packed](is_packed) entry goes to one end of the pair. Each granule has two bits in `free`. Returns the number
/// of the first granule in the pair.
#[inline(always)]
fn find_place(free: u32, count: usize, pair: usize, home: usize, alone: bool) -> Option<usize> {
    let mut places = free;
    // Not a loop: the compiler would vectorize it.
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
