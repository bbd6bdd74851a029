//! The lock of a bucket, which is its state.

use super::Bucket;
use crate::primitive::{Backoff, Ordering};
use crate::raw::cell::Cell;
use crate::raw::state::State;
use crate::seeded;

/// A locked bucket. Unlocks when dropped.
///
/// Nothing that a user wrote runs while one exists, and nothing that may panic.
pub(in crate::raw) struct BucketLock<'b, C: Cell> {
    bucket: &'b Bucket<C>,
    /// What the state becomes.
    pub(in crate::raw) after: State,
}

impl<C: Cell> BucketLock<'_, C> {
    /// Counts an insert, before its entry is published. A stray is counted for all to see at once: whoever finds it may tell
    /// others of it before this lock is released, and they must not take the bucket for one without strays.
    #[inline(always)]
    pub(in crate::raw) fn inserts(&mut self, near: bool) {
        self.after = self.after.inserted(near);
        if !near && !seeded::bug("stray-late") {
            // Release, as the unlocking that it takes the place of. Who finds the entry sees this by the release of its lane.
            self.bucket.header[0].store(self.after.lock().0, Ordering::Release);
        }
    }

    /// Sets the link to the first overflow bucket, for all to see at once: the next to be put into the same chain under
    /// this lock must find it.
    pub(in crate::raw) fn set_link(&mut self, link: u32) {
        self.after = self.after.with_link(link);
        // Release: who follows the link finds what was put there before.
        self.bucket.header[0].store(self.after.lock().0, Ordering::Release);
    }
}

impl<C: Cell> Drop for BucketLock<'_, C> {
    #[inline]
    fn drop(&mut self) {
        // Release: the next to lock, and who reads the state, sees what was done.
        self.bucket.header[0].store(self.after.0, seeded::ordering(Ordering::Release, "unlock"));
    }
}

impl<C: Cell> Bucket<C> {
    /// Locks if the state still is `seen`, which must be unlocked: then nothing was inserted since.
    #[inline]
    pub(in crate::raw) fn try_lock(&self, seen: State) -> Option<BucketLock<'_, C>> {
        debug_assert!(!seen.locked());
        self.header[0]
            .compare_exchange(
                seen.0,
                seen.lock().0,
                seeded::ordering(Ordering::Acquire, "lock"),
                Ordering::Relaxed,
            )
            .ok()
            .map(|_| BucketLock { bucket: self, after: seen })
    }

    /// Locks, whatever the state is.
    pub(in crate::raw) fn lock(&self) -> BucketLock<'_, C> {
        let mut backoff = Backoff::default();
        loop {
            let state = self.state();
            if !state.locked()
                && let Some(lock) = self.try_lock(state)
            {
                return lock;
            }
            backoff.wait();
        }
    }
}
