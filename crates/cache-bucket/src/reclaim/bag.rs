//! The bag of a thread: what it has retired, until it can be freed.
//!
//! The owner accesses its bag with plain stores only, because every replaced object goes into one. Another thread
//! that wants to empty it claims it, executes a fence for both, as a thread that moves the epoch does, and waits
//! until the owner is done with its current access.

use std::collections::VecDeque;
use std::fmt;
use std::mem;

use super::domain::Domain;
use super::garbage::Retired;
use super::record::{Record, const_unless_loom};
#[cfg(tsan)]
use crate::primitive::Ordering::SeqCst;
use crate::primitive::{AtomicBool, Exclusive, Ordering, thread};
use crate::seeded;

/// A bag that was large keeps room for this many objects.
const KEPT_ROOM: usize = 256;

/// The number of objects taken out of a bag at once. A larger list would be a large allocation, which makes some
/// allocators tidy up all that was freed.
const AT_ONCE: usize = 32;

/// How often a thread that claims a bag checks whether its owner is done. That takes nanoseconds, unless the owner
/// was preempted.
const PATIENCE: u32 = if cfg!(loom) { 1 } else { 100 };

/// A thread's bag, with the flags that guard it.
pub(super) struct OwnBag {
    /// Whether the owner is accessing the bag. Written by the owner only.
    busy: AtomicBool,
    /// Whether another thread is, or waits for the owner. Written by one thread at a time, under the domain's mutex.
    claimed: AtomicBool,
    bag: Exclusive<Bag>,
}

// SAFETY: one thread at a time accesses the bag: see `by_owner` and `by_another`.
unsafe impl Send for OwnBag {}
// SAFETY: as above.
unsafe impl Sync for OwnBag {}

impl OwnBag {
    const_unless_loom! {
        pub(super) fn new() -> Self {
            Self {
                busy: AtomicBool::new(false),
                claimed: AtomicBool::new(false),
                bag: Exclusive::new(Bag::new()),
            }
        }
    }

    /// Calls `f` with the bag, for its owner; `None` if another thread has claimed it.
    ///
    /// `fence` is executed after the owner's store and before its load, if no other thread executes a fence on the
    /// owner's behalf.
    ///
    /// # Safety
    ///
    /// The caller is the owner, and `f` does not call this function.
    #[inline]
    pub(super) unsafe fn by_owner<R>(
        &self,
        fence: impl FnOnce(),
        f: impl FnOnce(&mut Bag) -> R,
    ) -> Option<R> {
        #[cfg(not(tsan))]
        self.busy.store(true, Ordering::Relaxed);
        // ThreadSanitizer knows no fences.
        #[cfg(tsan)]
        self.busy.swap(true, SeqCst);
        fence();
        // Acquire: pairs with the release in `unclaim`. We see what the last claimer did.
        #[cfg(not(tsan))]
        let claimed = self.claimed.load(seeded::ordering(Ordering::Acquire, "bag-unclaimed"));
        #[cfg(tsan)]
        let claimed = self.claimed.load(SeqCst);
        // SAFETY: there is one owner, which is not in here already. A thread that claims the bag waits until we are
        // no longer busy, or we see that it is claimed: by the fence, one of us sees the other.
        let result = (!claimed).then(|| unsafe { self.bag.with_mut(f) });
        // Release: a thread that claims the bag sees what was done. Pairs with the load in `by_another`.
        self.busy.store(false, seeded::ordering(Ordering::Release, "bag-done"));
        result
    }

    /// Keeps the owner away from now on, once the caller has executed a fence for both. The caller holds the domain's
    /// mutex.
    pub(super) fn claim(&self) {
        #[cfg(not(tsan))]
        self.claimed.store(true, Ordering::Relaxed);
        #[cfg(tsan)]
        self.claimed.swap(true, SeqCst);
    }

    pub(super) fn is_claimed(&self) -> bool {
        self.claimed.load(Ordering::Relaxed)
    }

    pub(super) fn unclaim(&self) {
        // Release: the owner sees what was done. Pairs with the load in `by_owner`.
        self.claimed.store(false, Ordering::Release);
    }

    /// Calls `f` with the bag, unless its owner takes long.
    ///
    /// # Safety
    ///
    /// The caller [claimed](Self::claim) the bag, has executed a fence for itself and the owner since, and still
    /// holds the mutex.
    pub(super) unsafe fn by_another(&self, f: impl FnOnce(&mut Bag)) {
        let done = (0..PATIENCE).any(|attempt| {
            if attempt > 0 {
                thread::yield_now();
            }
            // Acquire: we see what the owner did. Pairs with the release in `by_owner`.
            #[cfg(not(tsan))]
            return !self.busy.load(Ordering::Acquire) || seeded::bug("bag-busy");
            #[cfg(tsan)]
            return !self.busy.load(SeqCst);
        });
        if done {
            // SAFETY: since the fence, the owner was seen not to be busy, and it sees that the bag is claimed.
            unsafe { self.bag.with_mut(f) }
        }
    }

    /// Takes everything out, when no other thread can access the bag.
    pub(super) fn into_all(self) -> Vec<Retired> {
        // SAFETY: it is ours.
        unsafe { self.bag.with_mut(Bag::empty) }
    }
}

impl fmt::Debug for OwnBag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnBag").finish_non_exhaustive()
    }
}

/// The objects that one thread retired, in order of their stamps.
#[derive(Debug)]
pub(super) struct Bag {
    things: VecDeque<Retired>,
    /// The number of objects, from the front, that are out of sight, whatever their stamps say.
    ready: usize,
    /// The number of objects, from the front, that will be out of sight two epochs after `closed_at`.
    closed: usize,
    closed_at: u64,
}

impl Bag {
    const fn new() -> Self {
        Self { things: VecDeque::new(), ready: 0, closed: 0, closed_at: 0 }
    }

    /// Adds an object whose stamp is no earlier than those present; returns the new number of objects.
    #[inline]
    pub(super) fn put(&mut self, retired: Retired) -> usize {
        debug_assert!(self.things.back().is_none_or(|last| last.epoch() <= retired.epoch()));
        self.things.push_back(retired);
        self.things.len()
    }

    /// Records that all present objects were retired before the owner held the mutex of moves, when the epoch was at
    /// most `epoch`. The epoch is now `now`.
    ///
    /// A stamp may be late by one, so an object that has only a stamp waits for three epochs. This record cannot be
    /// late, so two are enough.
    pub(super) fn close(&mut self, epoch: u64, now: u64) {
        let past = if seeded::bug("closed-early") { 1 } else { 2 };
        if self.closed_at + past <= now {
            self.ready = self.closed;
        }
        (self.closed, self.closed_at) = (self.things.len(), epoch);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.things.is_empty()
    }

    /// Takes everything out.
    pub(super) fn empty(&mut self) -> Vec<Retired> {
        mem::replace(self, Bag::new()).things.into()
    }

    /// Moves at most `most` expired objects to `taken`.
    pub(super) fn take(&mut self, now: u64, most: usize, taken: &mut Vec<Retired>) {
        for _ in 0..most {
            let ready = self.ready != 0;
            if !self.things.front().is_some_and(|first| ready || first.expired(now)) {
                break;
            }
            let Some(retired) = self.things.pop_front() else { break };
            self.ready = self.ready.saturating_sub(1);
            self.closed = self.closed.saturating_sub(1);
            taken.push(retired);
        }
        // Room for the objects that accumulated during a long read should not be kept for ever.
        if self.things.len() < self.things.capacity() / 4 {
            self.things.shrink_to((2 * self.things.len()).max(KEPT_ROOM));
        }
    }
}

/// Iterates over the expired objects of a record's bag, for its owner. It takes them out in small groups, and does
/// not access the bag while an object is dropped.
pub(super) struct Expired<'d> {
    domain: &'d Domain,
    record: &'d Record,
    now: u64,
    taken: Vec<Retired>,
}

impl<'d> Expired<'d> {
    pub(super) fn new(domain: &'d Domain, record: &'d Record, now: u64) -> Self {
        Self { domain, record, now, taken: Vec::new() }
    }
}

impl Iterator for Expired<'_> {
    type Item = Retired;

    fn next(&mut self) -> Option<Retired> {
        if self.taken.is_empty() {
            self.taken.reserve_exact(AT_ONCE);
            // If another thread has claimed the bag, that thread empties it.
            self.domain.with_own(self.record, |bag| {
                bag.take(self.now, AT_ONCE, &mut self.taken);
                if bag.is_empty() {
                    self.record.has_retired.store(false, Ordering::Relaxed);
                }
            });
        }
        self.taken.pop()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::reclaim::GRACE;

    /// An object without contents, unlinked in this epoch.
    fn nothing(epoch: u64) -> Retired {
        // SAFETY: nothing is dropped.
        let mut retired = unsafe { Retired::new(std::ptr::null_mut(), |_| ()) };
        retired.stamp(epoch);
        retired
    }

    fn take(bag: &mut Bag, now: u64) -> usize {
        let mut taken = Vec::new();
        bag.take(now, usize::MAX, &mut taken);
        taken.len()
    }

    #[test]
    fn a_bag_that_was_large_gives_its_room_back() {
        let mut bag = Bag::new();
        let many = if cfg!(miri) { 2_000 } else { 100_000 };
        for _ in 0..many {
            bag.put(nothing(0));
        }
        assert_eq!(take(&mut bag, GRACE), many);
        assert!(bag.things.capacity() <= KEPT_ROOM, "{}", bag.things.capacity());
    }

    #[test]
    fn objects_that_are_not_expired_stay() {
        let mut bag = Bag::new();
        for epoch in [1, 1, 2, 2, 5] {
            bag.put(nothing(epoch));
        }
        let mut expired = |now| take(&mut bag, now);
        assert_eq!([1, 1 + GRACE, 1 + GRACE, 4 + GRACE, 5 + GRACE].map(&mut expired), [0, 2, 0, 2, 1]);
    }

    #[test]
    fn closed_objects_expire_two_epochs_later() {
        let mut bag = Bag::new();
        bag.put(nothing(5));
        bag.close(5, 6);
        bag.put(nothing(6));
        // Closes the bag again: the first object is ready now.
        bag.close(6, 7);
        assert_eq!((take(&mut bag, 7), take(&mut bag, 7)), (1, 0));
        bag.put(nothing(7));
        bag.close(7, 7);
        assert_eq!(take(&mut bag, 7), 0);
        bag.close(9, 9);
        assert_eq!(take(&mut bag, 9), 2);
    }

    #[test]
    fn a_claimed_bag_is_not_the_owners() {
        let bag = OwnBag::new();
        // SAFETY: it is ours.
        let put = || unsafe { bag.by_owner(|| (), |bag| bag.put(nothing(1))) };
        assert_eq!(put(), Some(1));
        bag.claim();
        assert_eq!(put(), None);
        let mut count = 0;
        // SAFETY: claimed, by the owner's own thread.
        unsafe { bag.by_another(|bag| count = take(bag, 1 + GRACE)) };
        bag.unclaim();
        assert_eq!((count, put()), (1, Some(1)));
        assert_eq!(bag.into_all().len(), 1);
    }
}
