//! The atomics: the standard library's, or loom's in a model.

#[cfg(loom)]
pub(super) use loom::sync::atomic::{AtomicI64, AtomicU8, Ordering};
#[cfg(not(loom))]
pub(super) use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};

/// The number of spins before a yield. A holder that is running finishes long before.
#[cfg(not(loom))]
const SPINS: u32 = 64;

/// Waits for a thread that holds a counter.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    #[cfg(not(loom))]
    looks: u32,
}

impl Backoff {
    #[cfg(not(loom))]
    pub(super) fn wait(&mut self) {
        if self.looks < SPINS {
            self.looks += 1;
            std::hint::spin_loop();
        } else {
            std::thread::yield_now();
        }
    }

    #[cfg(loom)]
    pub(super) fn wait(&mut self) {
        loom::thread::yield_now();
    }
}
