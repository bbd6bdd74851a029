use cache_core::Key;

use super::bucket::{Bucket, BucketLock};
use super::lane::{self, Form};
use super::probe::Probe;
use super::stored::retire_key;
use super::write::is_near;
use super::{Cell, Chores, Hash, Raw};
use crate::reclaim::{Pinned, Retired};
use crate::seeded;

/// Where it is time to see to garbage, a remove looks at each of so many visits whether the table should shrink.
const SHRINK_EVERY: u32 = 16;

impl<K: Key + ?Sized, C: Cell> Raw<K, C> {
    /// Removes a key; says whether it was there.
    #[inline]
    pub(crate) fn remove(&self, guard: Pinned<'_>, hash: Hash, probe: Probe<'_, K>) -> (bool, Chores) {
        self.remove_by(guard, hash, probe, |_| Some(None))
    }

    /// Removes a key if `end`, under the lock, says so; it may end the value, and then has what is to be dropped.
    #[inline]
    fn remove_by(
        &self,
        guard: Pinned<'_>,
        hash: Hash,
        probe: Probe<'_, K>,
        mut end: impl FnMut(&C) -> Option<Option<Retired>>,
    ) -> (bool, Chores) {
        let mut table = self.root(guard);
        let mut chores = Chores::NONE;
        loop {
            let main = table.bucket(hash);
            Bucket::prefetch(main, hash.home());
            if !main.state().moved()
                && let Some(spot) = table.find(main, hash, probe)
            {
                let mut lock = main.lock();
                if !lock.after.moved() || seeded::bug("remove-moved") {
                    let form = spot.form().or_else(|| seeded::bug("remove-again").then(|| probe.parts().2));
                    let Some(form) = form else {
                        // Someone else removed it since we saw it. It was absent then.
                        return (false, chores);
                    };
                    let (holder, granule) = (spot.holder, spot.granule());
                    let Some(ended) = end(spot.cell()) else { return (false, chores) };
                    let near = is_near(main, holder, granule, hash);
                    let mut left = unlink::<K, C>(guard, &mut lock, holder, (granule, form), near, true);
                    drop(lock);
                    left.value = left.value.or(ended);
                    return (true, chores | table.chores() | self.removed(guard, left));
                }
            }
            match table.next() {
                Some(next) => {
                    chores = chores | Chores::MOVE;
                    table = next;
                }
                None if guard.count_removal() => return (false, chores | Chores::TIDY),
                None => return (false, chores),
            }
        }
    }

    /// Removes a key whose value is this word; the word that it has if that is another one.
    ///
    /// `None` says that the key is not there any more. Nobody else's value is removed.
    pub(crate) fn remove_if(
        &self,
        guard: Pinned<'_>,
        hash: Hash,
        probe: Probe<'_, K>,
        word: C::Word,
    ) -> (Option<C::Word>, Chores) {
        let mut other = None;
        let end = |cell: &C| {
            let end = cell.end_if(word);
            if end.is_none() {
                other = Some(cell.word());
            }
            end
        };
        let (_, chores) = self.remove_by(guard, hash, probe, end);
        (other, chores)
    }

    /// What follows an unlinking, without the lock.
    #[inline(always)]
    pub(super) fn removed(&self, guard: Pinned<'_>, left: Left) -> Chores {
        self.counters.removed(guard.thread());
        left.retire(guard);
        if !guard.count_removal() {
            return Chores::NONE;
        }
        if guard.visits() % SHRINK_EVERY < 2 {
            return Chores::TIDY | self.shrink_if_empty(guard);
        }
        Chores::TIDY
    }
}

/// What an unlinked entry leaves behind.
pub(super) struct Left {
    pub(super) value: Option<Retired>,
    pub(super) key: Option<Retired>,
}

impl Left {
    /// Keeps it until it can be dropped.
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

/// Takes the entry that begins at a granule, near its home line or not, out of its bucket. The caller holds the lock.
/// Unless its key may be `behind` a pointer, it leaves none.
// Inlined, as what it leaves would be passed in memory, and mostly is nothing.
#[inline(always)]
pub(super) fn unlink<K: Key + ?Sized, C: Cell>(
    guard: Pinned<'_>,
    lock: &mut BucketLock<'_, C>,
    holder: &Bucket<C>,
    (granule, form): (usize, Form),
    near: bool,
    behind: bool,
) -> Left {
    let dead = lane::dead(if seeded::bug("removed") { 0 } else { guard.domain().epoch() });
    guard.set_removed();
    // In this order: who finds the value ended finds no entry if it looks again.
    holder.set_lanes(granule, lane::granules(form), dead, dead);
    let value = holder.cell(granule).end();
    // SAFETY: unlinked by us, under the lock, so nobody else asks.
    let key = if behind { unsafe { retire_key::<K>(holder.key(granule), form) } } else { None };
    lock.after = lock.after.removed(near);
    Left { value, key }
}
