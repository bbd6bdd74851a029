use std::sync::Arc;

use super::{Flight, Loads};
use crate::waits::{Running, in_loader, in_map};
use crate::{Key, LoadError, ObjCache};

/// The right and duty to load one key. Dropped unfinished (the loader failed or panicked), it hands over.
pub(super) struct Lead<'a, V, K: Key + ?Sized> {
    loads: &'a Loads<V, K>,
    key: &'a K,
    flight: &'a Arc<Flight<V, K>>,
    _running: Running,
}

impl<'a, V, K: Key + ?Sized> Lead<'a, V, K> {
    pub(super) fn new(loads: &'a Loads<V, K>, key: &'a K, flight: &'a Arc<Flight<V, K>>) -> Self {
        Self { loads, key, flight, _running: Running::start() }
    }

    /// Finds the object in `cache`, or loads it and puts it there.
    pub(super) fn run<C, E>(
        &self,
        cache: &C,
        load: impl FnOnce() -> Result<V, E>,
    ) -> Result<Arc<V>, LoadError<E>>
    where
        C: ObjCache<V, K> + ?Sized,
    {
        // Someone may have published between our miss and our taking the lead.
        if let Some(value) = in_map(|| cache.get(self.key)) {
            // For us alone: it may have been removed since we looked, before others joined.
            self.flight.end_with_nothing();
            drop(load);
            return Ok(value);
        }
        let loaded = Arc::new(in_loader(load).map_err(LoadError::Failed)?);
        let publish = self.flight.start_publishing();
        let value = in_map(|| {
            if publish {
                return cache.get_or_insert(self.key, loaded);
            }
            match cache.get(self.key) {
                Some(present) => {
                    // Here and not as the call ends: should the object's `Drop` panic in that, `present`, being
                    // returned, would leak.
                    drop(loaded);
                    present
                }
                None => loaded,
            }
        });
        self.flight.bring(&value);
        Ok(value)
    }
}

impl<V, K: Key + ?Sized> Drop for Lead<'_, V, K> {
    fn drop(&mut self) {
        if !self.flight.hand_over() {
            self.loads.remove(self.flight);
        }
    }
}
