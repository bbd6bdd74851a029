//! The lock of a bucket, which is part of its state word.

use super::Bucket;
use crate::primitive::{Backoff, Ordering};
use crate::raw::cell::Cell;
use crate::raw::state::State;
use crate::seeded;

/// A locked bucket. Unlocks when dropped.
///
/// No users' code runs while a lock is held, and nothing that may panic. A thread that moves entries may take an
/// overflow bucket meanwhile, which locks their pool and may allocate.
pub(in crate::raw) struct BucketLock<'b, C: Cell> {
    bucket: &'b Bucket<C>,
    /// The state that unlocking stores.
    pub(in crate::raw) after: State,
}

impl<C: Cell> BucketLock<'_, C> {
    /// Counts an insert, before its entry is published.
    ///
    /// The count of a stray is stored at once: a thread that finds the entry may tell others of it before this lock
    /// is released, and they must not believe that the bucket has no strays.
    #[inline(always)]
    pub(in crate::raw) fn inserts(&mut self, at_home: bool) {
        self.after = self.after.inserted(at_home);
        if !at_home && !seeded::bug("stray-late") {
            // Release, as in the unlocking that it replaces. A thread that finds the entry sees this by the release
            // of the lane.
            self.bucket.header[0].store(self.after.lock().0, Ordering::Release);
        }
    }

    /// Sets the link to the first overflow bucket, and stores it at once: the next entry put into the same chain
    /// under this lock must find it.
    pub(in crate::raw) fn set_link(&mut self, link: u32) {
        self.after = self.after.with_link(link);
        // Release: a thread that follows the link sees what the bucket holds.
        self.bucket.header[0].store(self.after.lock().0, Ordering::Release);
    }
}

impl<C: Cell> Drop for BucketLock<'_, C> {
    #[inline]
    fn drop(&mut self) {
        // Release: the next thread to lock, or to read the state, sees what was done under the lock.
        self.bucket.header[0].store(self.after.0, seeded::ordering(Ordering::Release, "unlock"));
    }
}

impl<C: Cell> Bucket<C> {
    /// Locks if the state is still `seen`, which must be unlocked: then nothing was inserted since.
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

    /// Locks, waiting while another thread holds the lock.
    pub(in crate::raw) fn lock(&self) -> BucketLock<'_, C> {
        let mut backoff = Backoff::default();
        loop {
            let state = self.state();
            if !state.locked() {
                if let Some(lock) = self.try_lock(state) {
                    return lock;
                }
            }
            backoff.wait();
        }
    }
}
