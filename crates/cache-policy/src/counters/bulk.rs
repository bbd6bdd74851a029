//! Many counters at once: all or none of them, as far as the bound is concerned.

use std::borrow::Borrow;

use cache_core::{Backend, HashBuilder, Key, ObjCache};

use super::{Counters, Places, Table, Tried};
use crate::store::Terms;
use crate::sync::atomic::Ordering;

/// A counter that is to be inserted.
pub(crate) struct NewCounter<K: Key + ?Sized> {
    pub(crate) key: K::Owned,
    pub(crate) value: i64,
    pub(crate) terms: Terms,
}

/// What became of many counters.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Inserted {
    pub(crate) inserted: u64,
    /// Their keys had a counter.
    pub(crate) present: u64,
    /// Their keys left after they were looked at, and others took their places.
    pub(crate) refused: u64,
}

/// There are more new keys than places. Nothing was inserted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoRoom {
    pub(crate) new: usize,
    pub(crate) max_keys: usize,
}

impl<K: Key + ?Sized, B: Backend, S: HashBuilder> Counters<K, B, S> {
    #[cfg(feature = "serde")]
    pub(crate) fn store(&self) -> &crate::store::Store<cache_core::counter::Closable, K, B, S> {
        &self.table.store
    }

    /// Inserts counters, after places were taken for all new ones. Those that are present are set if `set` says so.
    pub(crate) fn insert_many(&self, counters: Vec<NewCounter<K>>, set: bool) -> Result<Inserted, NoRoom> {
        let table = &self.table;
        // One that is past its time is replaced, and needs no place either.
        let new = counters.iter().filter(|counter| !table.store.map.contains(counter.key.borrow())).count();
        let mut places = table.reserve_many(new).ok_or(NoRoom { new, max_keys: table.most })?;
        let mut done = Inserted::default();
        for NewCounter { key, value, terms } in counters {
            let key: &K = key.borrow();
            loop {
                let step = table.step(key, |entry| {
                    if set { entry.value().set(value) } else { entry.value().get().map(|_| ()) }
                });
                if let Tried::Done(()) = step {
                    done.present += 1;
                    break;
                }
                let terms = Terms { lifetime: terms.lifetime, group: terms.group.clone() };
                let inserted = table.insert_at(key, value, terms, || {
                    if places.left == 0 {
                        return table.reserve();
                    }
                    places.left -= 1;
                    Ok(())
                });
                match inserted {
                    Ok(true) => done.inserted += 1,
                    Ok(false) => continue,
                    Err(_) => done.refused += 1,
                }
                break;
            }
        }
        Ok(done)
    }
}

impl<K: Key + ?Sized, B: Backend, S: HashBuilder> Table<K, B, S> {
    /// Takes the places for many more keys, or none of them.
    fn reserve_many(&self, many: usize) -> Option<Places<'_>> {
        let take = || {
            let more = |keys: usize| keys.checked_add(many).filter(|keys| *keys <= self.most);
            self.keys.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).is_ok()
        };
        // Only if it would be refused are all counters looked at, to free those that are past their time. Shards differ in size.
        let mut taken = take();
        while !taken && self.free_some(2 * self.keys.load(Ordering::Relaxed)) > 0 {
            taken = take();
        }
        // Not made where it would be dropped at once: its drop gives places back.
        taken.then(|| Places { keys: &self.keys, left: many })
    }
}
