//! Which loaders of one key may run at the same time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// The loaders of one key that run, and the writes of the key.
///
/// Two loaders may run at a time only if the key was written after the caller of the older one asked.
#[derive(Debug, Default)]
pub(crate) struct Overlap {
    begun: AtomicU64,
    ended: AtomicU64,
    /// For each running loader, the number of writes that had ended when its caller asked.
    running: Mutex<Vec<u64>>,
}

/// The number of writes that had ended when a caller asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked(u64);

/// A running loader. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Loading<'a>(&'a Overlap, u64);

impl Overlap {
    /// Call this before asking for the key.
    pub(crate) fn ask(&self) -> Asked {
        Asked(self.ended.load(Ordering::Acquire))
    }

    /// Call this at the start of the loader.
    ///
    /// # Panics
    ///
    /// If another loader runs and no write can have made it stale.
    pub(crate) fn load(&self, asked: Asked) -> Loading<'_> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let begun = self.begun.load(Ordering::Acquire);
        // Either may be the older one: a caller that leads may be stopped before its loader starts.
        let overtaken = running.iter().all(|ended| asked.0.min(*ended) < begun);
        running.push(asked.0);
        drop(running);
        let loading = Loading(self, asked.0);
        assert!(overtaken, "two loaders of one key at a time, and no write between them");
        loading
    }

    /// Runs a write of the key.
    pub(crate) fn write<R>(&self, write: impl FnOnce() -> R) -> R {
        self.begun.fetch_add(1, Ordering::AcqRel);
        let result = write();
        self.ended.fetch_add(1, Ordering::AcqRel);
        result
    }

    /// The number of running loaders.
    pub(crate) fn running(&self) -> usize {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl Drop for Loading<'_> {
    fn drop(&mut self) {
        let mut running = self.0.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = running.iter().position(|ended| *ended == self.1) {
            running.swap_remove(place);
        }
    }
}
