use std::borrow::Borrow;
use std::collections::HashSet;

use cache_core::{DefaultHashBuilder, Key};

/// The keys that a pass over a map has visited.
///
/// If the map shrinks during a pass, scc goes back to the start of the bucket that now holds the current entries, and
/// visits some of them again. A pass that promises each key once has to remember the keys.
pub(crate) struct Pass<K: Key + ?Sized> {
    met: HashSet<K::Owned, DefaultHashBuilder>,
}

impl<K: Key + ?Sized> Pass<K> {
    /// Records a key, and returns whether this is its first visit.
    pub(crate) fn meets(&mut self, key: &K::Owned) -> bool {
        // Two look-ups, because a copy that is not needed would be dropped under the map's lock.
        !self.met.contains(key.borrow()) && self.met.insert(key.clone())
    }

    pub(crate) fn into_keys(self) -> Vec<K::Owned> {
        self.met.into_iter().collect()
    }
}

impl<K: Key + ?Sized> Default for Pass<K> {
    fn default() -> Self {
        Self { met: HashSet::default() }
    }
}
