use cache_core::Key;

use super::bucket::{Bucket, BucketLock};
use super::lane::{self, Form};
use super::probe::Probe;
use super::stored::retire_key;
use super::write::is_near;
use super::{Cell, Chores, Hash, Raw};
use crate::reclaim::{Pinned, Retired};
use crate::seeded;

/// A remove looks every so often whether the table should shrink and the dead can be buried.
pub(super) const TIDY_EVERY: u32 = 1024;

impl<K: Key + ?Sized, C: Cell> Raw<K, C> {
    /// Removes a key; says whether it was there.
    #[inline]
    pub(crate) fn remove(&self, guard: Pinned<'_>, hash: Hash, probe: Probe<'_, K>) -> (bool, Chores) {
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
                    let near = is_near(main, holder, granule, hash);
                    let left = unlink::<K, C>(guard, &mut lock, holder, (granule, form), near, true);
                    drop(lock);
                    return (true, chores | table.chores() | self.removed(guard, left));
                }
            }
            match table.next() {
                Some(next) => {
                    chores = chores | Chores::MOVE;
                    table = next;
                }
                None => return (false, chores),
            }
        }
    }

    /// What follows an unlinking, without the lock.
    #[inline(always)]
    pub(super) fn removed(&self, guard: Pinned<'_>, left: Left) -> Chores {
        self.counters.removed(guard.thread());
        let mut chores = if left.retire(guard) { Chores::TIDY } else { Chores::NONE };
        if guard.tick(TIDY_EVERY) {
            chores = chores | Chores::TIDY | self.shrink_if_empty(guard);
        }
        chores
    }
}

/// What an unlinked entry leaves behind.
pub(super) struct Left {
    pub(super) value: Option<Retired>,
    pub(super) key: Option<Retired>,
}

impl Left {
    /// Keeps it until it can be dropped; says whether it is time to tidy.
    #[inline(always)]
    pub(super) fn retire(self, guard: Pinned<'_>) -> bool {
        let mut full = false;
        if let Some(key) = self.key {
            full |= guard.retire(key);
        }
        if let Some(value) = self.value {
            full |= guard.retire(value);
        }
        full
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
    // In this order: who finds the value ended finds no entry if it looks again.
    holder.set_lanes(granule, lane::granules(form), dead, dead);
    let value = holder.cell(granule).end();
    // SAFETY: unlinked by us, under the lock, so nobody else asks.
    let key = if behind { unsafe { retire_key::<K>(holder.key(granule), form) } } else { None };
    lock.after = lock.after.removed(near);
    Left { value, key }
}
