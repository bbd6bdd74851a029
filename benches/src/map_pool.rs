//! Filled maps, kept between the cells that use them.

use std::collections::HashMap;

use hotcache_bench_plan::{Cache, Op};

use crate::keys::Keys;
use crate::machine;
use crate::peers::{Entry, Setup};
use crate::subject::Subject;

/// The memory of a key in the largest map, to estimate whether all maps fit into memory at once.
const BYTES_PER_KEY: usize = 300;

/// The filled maps of all rows for one cache and one set of keys.
///
/// If together they do not fit into a quarter of the memory, each is dropped after use.
pub(crate) struct MapPool<'a> {
    cache: Cache,
    keys: &'a Keys,
    keep: bool,
    maps: HashMap<&'static str, Filled>,
}

struct Filled {
    subject: Box<dyn Subject>,
    /// Whether keys may have other values than those that the map was filled with.
    changed: bool,
}

impl<'a> MapPool<'a> {
    pub(crate) fn new(cache: Cache, keys: &'a Keys, rows: usize) -> Self {
        let needed = keys.count() as u64 * (rows * BYTES_PER_KEY) as u64;
        let keep = machine::memory_bytes().is_none_or(|memory| needed < memory / 4);
        Self { cache, keys, keep, maps: HashMap::new() }
    }

    /// Calls `use_it` with the row's filled map for this operation; `None` if the row has no such cache.
    pub(crate) fn with<R>(
        &mut self,
        entry: &Entry,
        op: Op,
        use_it: impl FnOnce(&dyn Subject) -> R,
    ) -> Option<R> {
        let mut filled = match self.maps.remove(entry.name) {
            Some(filled) => filled,
            None => {
                let subject = entry.build(self.cache, &Setup::of(self.keys))?;
                Filled { subject, changed: true }
            }
        };
        if filled.changed {
            filled.subject.fill(self.keys.all());
            filled.changed = false;
        }
        let result = use_it(&*filled.subject);
        filled.changed = !op.reads();
        if self.keep {
            self.maps.insert(entry.name, filled);
        }
        Some(result)
    }
}
