use std::borrow::Borrow;
use std::collections::HashSet;

use cache_core::{DefaultHashBuilder, Key};

/// The keys that one pass over a map has met.
///
/// Should the map shrink under a pass, scc goes back to the start of the bucket that now holds what it was
/// looking at, and shows some entries again. A pass that promises each key once has to remember them.
pub(crate) struct Pass<K: Key + ?Sized> {
    met: HashSet<K::Owned, DefaultHashBuilder>,
}

impl<K: Key + ?Sized> Pass<K> {
    /// Whether this is the first time.
    pub(crate) fn meets(&mut self, key: &K::Owned) -> bool {
        // Two look-ups, as a copy that is not needed would be dropped under the map's lock.
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
