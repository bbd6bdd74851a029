//! What a thread retired, until it can be freed.
//!
//! Its owner gets at it with plain stores only, as every replaced object goes this way. Whoever else wants to, when all is
//! to be freed that can be, says so, executes a fence for both, as one who moves the epoch on does, and waits for the end of
//! what the owner is in the middle of.

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

/// A bag that was large keeps room for so many things.
const KEPT_ROOM: usize = 256;

/// So many are taken out of a bag at once: few enough that their list is no large allocation, which would make some
/// allocators tidy up all that was freed.
const AT_ONCE: usize = 32;

/// How often one who claims a bag looks whether its owner is done, which is a matter of nanoseconds unless the owner was
/// preempted.
const PATIENCE: u32 = if cfg!(loom) { 1 } else { 100 };

/// A thread's bag.
pub(super) struct OwnBag {
    /// Whether the owner is at it. Written by the owner only.
    busy: AtomicBool,
    /// Whether someone else is, or waits for the owner. Written by one at a time, under the domain's mutex.
    claimed: AtomicBool,
    bag: Exclusive<Bag>,
}

// SAFETY: the bag is reached by one thread at a time: see `by_owner` and `by_another`.
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

    /// Calls `f` with the bag, for its owner; `None` if someone else is at it.
    ///
    /// `fence` is executed in between, where nobody executes one on the owner's behalf.
    ///
    /// # Safety
    ///
    /// The caller is the owner, and `f` does not come back here.
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
        // Acquire: what was done by who claimed it last comes before.
        #[cfg(not(tsan))]
        let claimed = self.claimed.load(seeded::ordering(Ordering::Acquire, "bag-unclaimed"));
        #[cfg(tsan)]
        let claimed = self.claimed.load(SeqCst);
        // SAFETY: there is one owner, who is not in here already. Who claims the bag waits until we are no
        // longer busy, or we see that it is claimed: one of us sees the other, by the fence.
        let result = (!claimed).then(|| unsafe { self.bag.with_mut(f) });
        // Release: who claims the bag sees what was done.
        self.busy.store(false, seeded::ordering(Ordering::Release, "bag-done"));
        result
    }

    /// Keeps the owner away from now on, once the caller has executed a fence for both. The caller has the domain's mutex.
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
        // Release: the owner sees what was done.
        self.claimed.store(false, Ordering::Release);
    }

    /// Calls `f` with the bag, unless its owner takes long.
    ///
    /// # Safety
    ///
    /// The caller [claimed](Self::claim) the bag, executed a fence for itself and the owner since, and has the mutex still.
    pub(super) unsafe fn by_another(&self, f: impl FnOnce(&mut Bag)) {
        let done = (0..PATIENCE).any(|attempt| {
            if attempt > 0 {
                thread::yield_now();
            }
            // Acquire: what the owner did comes before.
            #[cfg(not(tsan))]
            return !self.busy.load(Ordering::Acquire) || seeded::bug("bag-busy");
            #[cfg(tsan)]
            return !self.busy.load(SeqCst);
        });
        if done {
            // SAFETY: the owner was seen to be out of it since the fence, and sees that it is claimed.
            unsafe { self.bag.with_mut(f) }
        }
    }

    /// Takes everything out, when nobody else can be at it.
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

/// What one thread retired, in order of stamps.
#[derive(Debug)]
pub(super) struct Bag {
    things: VecDeque<Retired>,
    /// How many, from the front, are out of sight, whatever their stamps say.
    ready: usize,
    /// How many, from the front, will be two epochs after `closed_at`.
    closed: usize,
    closed_at: u64,
}

impl Bag {
    const fn new() -> Self {
        Self { things: VecDeque::new(), ready: 0, closed: 0, closed_at: 0 }
    }

    /// Puts something in, stamped no earlier than what is there; returns how much there is.
    #[inline]
    pub(super) fn put(&mut self, retired: Retired) -> usize {
        debug_assert!(self.things.back().is_none_or(|last| last.epoch() <= retired.epoch()));
        self.things.push_back(retired);
        self.things.len()
    }

    /// Remembers that all there is was retired before its owner held the mutex of those who move the epoch on, when that was
    /// `epoch` at most. The epoch is now `now`.
    ///
    /// A stamp may be late by one, so what has only that waits for three epochs. This cannot be late, and two are enough.
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

    /// Takes some of what is expired out, so many at most, and into `taken`.
    pub(super) fn take(&mut self, now: u64, most: usize, taken: &mut Vec<Retired>) {
        for _ in 0..most {
            let ready = self.ready != 0;
            let Some(retired) = self.things.pop_front_if(|first| ready || first.expired(now)) else { break };
            self.ready = self.ready.saturating_sub(1);
            self.closed = self.closed.saturating_sub(1);
            taken.push(retired);
        }
        // What gathered while a reader stayed should not take room for ever.
        if self.things.len() < self.things.capacity() / 4 {
            self.things.shrink_to((2 * self.things.len()).max(KEPT_ROOM));
        }
    }
}

/// What is expired in the bag of a record, taken out of it bit by bit by its owner, who is not at it while something is
/// dropped.
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
            // If someone else is at it, that one takes it out.
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

    /// Something that is nothing, unlinked in this epoch.
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
    fn what_is_not_expired_stays() {
        let mut bag = Bag::new();
        for epoch in [1, 1, 2, 2, 5] {
            bag.put(nothing(epoch));
        }
        let mut expired = |now| take(&mut bag, now);
        assert_eq!([1, 1 + GRACE, 1 + GRACE, 4 + GRACE, 5 + GRACE].map(&mut expired), [0, 2, 0, 2, 1]);
    }

    #[test]
    fn what_is_closed_goes_two_epochs_later() {
        let mut bag = Bag::new();
        bag.put(nothing(5));
        bag.close(5, 6);
        bag.put(nothing(6));
        // Closed again a moment later, and now the first is ready.
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
