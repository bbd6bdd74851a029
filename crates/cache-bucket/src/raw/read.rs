use cache_core::Key;

use super::bucket::Bucket;
use super::lane::Form;
use super::table::Table;
use super::{Cell, Hash, Probe, Raw};
use crate::reclaim::Pinned;
use crate::seeded;

impl<K: Key + ?Sized, C: Cell> Raw<K, C> {
    /// The word of a key's value.
    #[inline(always)]
    pub(crate) fn get(&self, guard: Pinned<'_>, hash: Hash, probe: Probe<'_, K>) -> Option<C::Word> {
        let table = self.root(guard);
        let main = table.bucket(hash);
        Bucket::prefetch(main, hash.home());
        // Open at this moment: what is in it stays in it while we are pinned.
        if table.is_open() {
            table.find(main, hash, probe).map(|spot| spot.cell().word())
        } else {
            let (key, bytes, form) = probe.parts();
            get_in_list(table, hash, key, bytes, form)
        }
    }

    /// Brings what a look-up of this hash will read into the cache.
    #[inline(always)]
    pub(crate) fn prefetch(&self, guard: Pinned<'_>, hash: Hash) {
        let main = self.root(guard).bucket(hash);
        Bucket::prefetch(main, 0);
        Bucket::prefetch(main, hash.home());
    }
}

/// The word of a key's value, while the table is resized.
#[cold]
#[inline(never)]
fn get_in_list<K: Key + ?Sized, C: Cell>(
    mut table: &Table<C>,
    hash: Hash,
    key: &K,
    bytes: &[u8],
    form: Form,
) -> Option<C::Word> {
    let probe = Probe::from_parts((key, bytes, form));
    loop {
        let main = table.bucket(hash);
        if (!main.state().moved() || seeded::bug("get-moved"))
            && let Some(spot) = table.find(main, hash, probe)
        {
            let word = spot.cell().word();
            // Not moved even now: then this was the value at the moment it was read.
            if !main.state().moved() || seeded::bug("get-moved") {
                return Some(word);
            }
        }
        // From oldest to newest, as entries move.
        table = table.next()?;
    }
}
