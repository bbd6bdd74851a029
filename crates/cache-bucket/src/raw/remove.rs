use cache_core::Key;

use super::bucket::{Bucket, BucketLock};
use super::lane;
use super::probe::Probe;
use super::stored::retire_key;
use super::table::Spot;
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
                    if spot.form().is_none() {
                        // Someone else removed it since we saw it. It was absent then.
                        return (false, chores);
                    }
                    let near = is_near(main, spot.holder, spot.granule(), hash);
                    let left = unlink::<K, C>(guard, &mut lock, &spot, near);
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
        let mut chores = Chores::NONE;
        if let Some(key) = left.key
            && guard.retire(key)
        {
            chores = Chores::TIDY;
        }
        if let Some(value) = left.value
            && guard.retire(value)
        {
            chores = Chores::TIDY;
        }
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

/// Takes an entry that is there, near its home line or not, out of its bucket. The caller holds the lock.
// Inlined, as what it leaves would be passed in memory, and mostly is nothing.
#[inline(always)]
pub(super) fn unlink<K: Key + ?Sized, C: Cell>(
    guard: Pinned<'_>,
    lock: &mut BucketLock<'_, C>,
    spot: &Spot<'_, C>,
    near: bool,
) -> Left {
    let form = spot.form().expect("only an entry that is there is unlinked");
    let dead = lane::dead(if seeded::bug("removed") { 0 } else { guard.domain().epoch() });
    // In this order: who finds the value ended finds no entry if it looks again.
    spot.holder.set_lanes(spot.granule(), lane::granules(form), dead, dead);
    let value = spot.cell().end();
    // SAFETY: unlinked by us, under the lock, so nobody else asks.
    let key = unsafe { retire_key::<K>(spot.holder.key(spot.granule()), form) };
    lock.after = lock.after.removed(near);
    Left { value, key }
}
