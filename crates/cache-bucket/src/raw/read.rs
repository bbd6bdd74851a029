use cache_core::Key;

use super::bucket::Bucket;
use super::fast::{AtHome, look_at_home};
use super::lane::Form;
use super::probe::{Bytes, Sought};
use super::table::Table;
use super::{Cell, Hash, Probe, Raw};
use crate::reclaim::Pinned;
use crate::seeded;

impl<K: Key + ?Sized, C: Cell> Raw<K, C> {
    /// Reads the word of a key's value.
    #[inline(always)]
    pub(crate) fn get(&self, guard: Pinned<'_>, hash: Hash, probe: Probe<'_, K>) -> Option<C::Word> {
        let table = self.root(guard);
        let main = table.bucket(hash);
        Bucket::prefetch(main, hash.home());
        // The table has no next one now: its entries stay in it while we are pinned.
        if table.is_last() {
            table.find(main, hash, probe).map(|spot| spot.cell().word())
        } else {
            let likely = match probe.sought() {
                Bytes::Inline(key) => get_likely(table, hash, key),
                Bytes::Long(key) => get_likely(table, hash, key),
                Bytes::None => None,
            }
            .filter(|_| !seeded::bug("get-moved"));
            let (key, bytes, form) = probe.parts();
            likely.or_else(|| get_in_list(table, hash, key, bytes, form))
        }
    }

    /// Returns the table, if it is not being resized.
    #[inline(always)]
    pub(crate) fn open<'g>(&self, guard: Pinned<'g>) -> Option<Open<'g, C>> {
        let table = self.root(guard);
        table.is_last().then_some(Open(table))
    }

    /// Prefetches what a look-up of this hash will read.
    #[inline(always)]
    pub(crate) fn prefetch(&self, guard: Pinned<'_>, hash: Hash) {
        self.root(guard).likely(hash).prefetch(hash);
    }
}

/// A table that had no next one under a pin that lasts: its entries stay in it.
pub(crate) struct Open<'g, C: Cell>(&'g Table<C>);

impl<C: Cell> Open<'_, C> {
    /// The word of a key's value, if the key is in its home pair. `None` says nothing about the key.
    #[inline(always)]
    pub(crate) fn get_at_home(&self, hash: Hash, key: impl Sought) -> Option<C::Word> {
        match look_at_home(self.0.bucket(hash), hash, key) {
            AtHome::Found(cell) => Some(cell.word()),
            AtHome::Nothing | AtHome::Unclear => None,
        }
    }
}

/// The word of a key's value while the table is resized, if the key is where it probably is. `None` says nothing
/// about the key.
///
/// A table that is hardly written to may stay half moved for long, and this is how it is read.
#[inline(never)]
fn get_likely<C: Cell>(table: &Table<C>, hash: Hash, key: impl Sought) -> Option<C::Word> {
    let main = table.likely(hash).bucket(hash);
    Bucket::prefetch(main, hash.home());
    let AtHome::Found(cell) = look_at_home(main, hash, key) else { return None };
    let word = cell.word();
    // If the bucket is not moved even now, the value was current at the moment it was read.
    (!main.state().moved() || seeded::bug("get-likely")).then_some(word)
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
        if let Some(word) = get_in(table, hash, probe) {
            return Some(word);
        }
        // From oldest to newest, the direction in which entries move.
        table = table.next()?;
    }
}

/// The word of a key's value, if its entry is in this generation and stays there until the word is read.
#[inline(always)]
fn get_in<K: Key + ?Sized, C: Cell>(table: &Table<C>, hash: Hash, probe: Probe<'_, K>) -> Option<C::Word> {
    let main = table.bucket(hash);
    if main.state().moved() && !seeded::bug("get-moved") {
        return None;
    }
    let word = table.find(main, hash, probe)?.cell().word();
    // If the bucket is not moved even now, the value was current at the moment it was read.
    (!main.state().moved() || seeded::bug("get-moved")).then_some(word)
}
