use cache_core::Key;

use super::bucket::{Bucket, BucketLock};
use super::lane::{self, Form};
use super::probe::Probe;
use super::stored::retire_key;
use super::write::is_at_home;
use super::{Cell, Hash, Maintenance, Raw};
use crate::reclaim::{Pinned, Retired};
use crate::seeded;

/// When garbage is due to be collected, a removal also checks whether the table should shrink, at every this many
/// visits.
const SHRINK_EVERY: u32 = 16;

/// The result of [`Raw::remove_if`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Removal<R, W> {
    /// The key was removed; this is its last word, if the caller asked for it.
    Removed(R),
    /// The key has this word, which is not the expected one.
    Other(W),
    /// The key is not there.
    Absent,
    /// Unknown writers may still be at work. Unpin, and try again.
    Unsettled,
}

impl<K: Key + ?Sized, C: Cell> Raw<K, C> {
    /// Removes a key; says whether it was there.
    #[inline]
    pub(crate) fn remove(&self, guard: Pinned<'_>, hash: Hash, probe: Probe<'_, K>) -> (bool, Maintenance) {
        let (removal, maintenance) = self.remove_by::<()>(guard, hash, probe, |_| Ok(None), false);
        (removal == Removal::Removed(()), maintenance)
    }

    /// Removes a key, if its word is `expected` or none is expected. The returned word includes every write that
    /// succeeded.
    pub(crate) fn remove_if(
        &self,
        guard: Pinned<'_>,
        hash: Hash,
        probe: Probe<'_, K>,
        expected: Option<C::Word>,
    ) -> (Removal<C::Word, C::Word>, Maintenance) {
        let mut last = None;
        let end = |cell: &C| {
            let (word, retired) = cell.end_if(expected)?;
            last = Some(word);
            Ok(retired)
        };
        let (removal, maintenance) = self.remove_by(guard, hash, probe, end, C::IS_WRITTEN_BLINDLY);
        let removal = match (removal, last) {
            (Removal::Removed(()), Some(word)) => Removal::Removed(word),
            (Removal::Other(word), _) => Removal::Other(word),
            (Removal::Unsettled, _) => Removal::Unsettled,
            (Removal::Removed(()), None) | (Removal::Absent, _) => Removal::Absent,
        };
        (removal, maintenance)
    }

    /// Removes a key if `end`, called under the lock, agrees. `end` may end the value, and then returns what must be
    /// dropped; if it refuses, it returns the word that is in the way. With `alone`, nobody writes to the value
    /// without the lock meanwhile.
    #[inline]
    fn remove_by<W>(
        &self,
        guard: Pinned<'_>,
        hash: Hash,
        probe: Probe<'_, K>,
        mut end: impl FnMut(&C) -> Result<Option<Retired>, W>,
        alone: bool,
    ) -> (Removal<(), W>, Maintenance) {
        let mut table = self.root(guard);
        let mut maintenance = Maintenance::NONE;
        loop {
            let main = table.bucket(hash);
            Bucket::prefetch(main, hash.home());
            let spot = if main.state().moved() { None } else { table.find(main, hash, probe) };
            if let Some(spot) = spot {
                let section = if alone && !seeded::bug("blindly") {
                    match table.serialize(guard) {
                        Some(section) => Some(section),
                        None => return (Removal::Unsettled, maintenance),
                    }
                } else {
                    None
                };
                let mut lock = main.lock();
                if !lock.after.moved() || seeded::bug("remove-moved") {
                    let form = spot.form().or_else(|| seeded::bug("remove-again").then(|| probe.parts().2));
                    let Some(form) = form else {
                        // Another thread removed it since we saw it: it was absent then.
                        return (Removal::Absent, maintenance);
                    };
                    if section.as_ref().is_some_and(|section| !section.holds()) {
                        return (Removal::Unsettled, maintenance);
                    }
                    let (holder, granule) = (spot.holder, spot.granule());
                    let ended = match end(spot.cell()) {
                        Ok(ended) => ended,
                        Err(word) => return (Removal::Other(word), maintenance),
                    };
                    let at_home = is_at_home(main, holder, granule, hash);
                    let mut left = unlink::<K, C>(guard, &mut lock, holder, (granule, form), at_home, true);
                    drop(lock);
                    drop(section);
                    left.value = left.value.or(ended);
                    return (
                        Removal::Removed(()),
                        maintenance | table.maintenance() | self.removed(guard, left),
                    );
                }
            }
            match table.next() {
                Some(next) => {
                    maintenance = maintenance | Maintenance::MOVE;
                    table = next;
                }
                None if guard.count_removal() => {
                    return (Removal::Absent, maintenance | Maintenance::COLLECT);
                }
                None => return (Removal::Absent, maintenance),
            }
        }
    }

    /// Counts and retires an unlinked entry. The caller no longer holds the lock.
    #[inline(always)]
    pub(super) fn removed(&self, guard: Pinned<'_>, left: Left) -> Maintenance {
        self.counters.removed(guard.thread());
        left.retire(guard);
        if !guard.count_removal() {
            return Maintenance::NONE;
        }
        if guard.visits() % SHRINK_EVERY < 2 {
            return Maintenance::COLLECT | self.shrink_if_empty(guard);
        }
        Maintenance::COLLECT
    }
}

/// The value and key of an unlinked entry, if they must be dropped later.
pub(super) struct Left {
    pub(super) value: Option<Retired>,
    pub(super) key: Option<Retired>,
}

impl Left {
    /// Retires both.
    #[inline(always)]
    pub(super) fn retire(self, guard: Pinned<'_>) {
        if let Some(key) = self.key {
            guard.retire(key);
        }
        if let Some(value) = self.value {
            guard.retire(value);
        }
    }
}

/// Unlinks the entry that begins at a granule; `at_home` says whether it is in its home pair. The caller holds the
/// lock. Unless the key may be `behind` a pointer, none is left to drop.
// Inlined: its result would be passed in memory, and mostly is empty.
#[inline(always)]
pub(super) fn unlink<K: Key + ?Sized, C: Cell>(
    guard: Pinned<'_>,
    lock: &mut BucketLock<'_, C>,
    holder: &Bucket<C>,
    (granule, form): (usize, Form),
    at_home: bool,
    behind: bool,
) -> Left {
    let dead = lane::dead(if seeded::bug("removed") { 0 } else { guard.domain().epoch() });
    guard.set_removed();
    // In this order: a thread that finds the value ended finds no entry if it looks again.
    holder.set_lanes(granule, lane::granules(form), dead, dead);
    let value = holder.cell(granule).end();
    // SAFETY: we unlinked it under the lock, so no other thread retires this key.
    let key = if behind { unsafe { retire_key::<K>(holder.key(granule), form) } } else { None };
    lock.after = lock.after.removed(at_home);
    Left { value, key }
}
