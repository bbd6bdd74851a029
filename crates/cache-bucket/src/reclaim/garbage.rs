use std::any::Any;
use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::GRACE;
use crate::primitive::{Mutex, lock};
use crate::seeded;

/// Something unlinked, and how to drop it once nobody can see it.
pub(crate) struct Retired {
    what: *mut (),
    drop: unsafe fn(*mut ()),
    epoch: u64,
}

// SAFETY: `Retired::new` demands that what it holds may be dropped on any thread.
unsafe impl Send for Retired {}

impl Retired {
    /// Keeps `what` until `drop` may be called on it.
    ///
    /// # Safety
    ///
    /// `drop(what)` must be sound on any thread, at any later time, once; no new reader can find `what`.
    pub(crate) unsafe fn new(what: *mut (), drop: unsafe fn(*mut ())) -> Self {
        Self { what, drop, epoch: 0 }
    }

    /// Remembers that it was unlinked no later than in this epoch.
    pub(crate) fn stamp(&mut self, epoch: u64) {
        self.epoch = epoch;
    }

    /// Whether nobody can see it any more when the epoch is `now`.
    pub(crate) fn expired(&self, now: u64) -> bool {
        let grace = if seeded::bug("grace") { GRACE - 1 } else { GRACE };
        self.epoch + grace <= now || seeded::bug("no-grace")
    }

    fn free(self) {
        // SAFETY: `new` promised it, and `self` is consumed.
        unsafe { (self.drop)(self.what) }
    }
}

impl fmt::Debug for Retired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retired").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

/// Frees all of it, whatever panics on the way; the first panic goes on once the rest is done.
pub(crate) fn free_all(retired: impl IntoIterator<Item = Retired>) {
    let mut first: Option<Box<dyn Any + Send>> = None;
    for each in retired {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| each.free())) {
            first.get_or_insert(panic);
        }
    }
    if let Some(panic) = first {
        resume_unwind(panic);
    }
}

/// A bag keeps room for so many things at least.
const KEPT_ROOM: usize = 1024;
/// So many are taken out of a bag at once: few enough that their list is no large allocation, which would make some
/// allocators tidy up all that was freed.
const AT_ONCE: usize = 32;

/// What one thread retired, in order of stamps.
#[derive(Debug)]
pub(crate) struct Bag(VecDeque<Retired>);

impl Bag {
    pub(super) const fn new() -> Self {
        Self(VecDeque::new())
    }

    /// Puts something in, stamped no earlier than what is there; returns how much there is.
    pub(super) fn put(&mut self, retired: Retired) -> usize {
        debug_assert!(self.0.back().is_none_or(|last| last.epoch <= retired.epoch));
        self.0.push_back(retired);
        self.0.len()
    }

    /// Takes everything out.
    pub(super) fn empty(&mut self) -> Vec<Retired> {
        mem::take(&mut self.0).into()
    }

    /// Takes some of what is expired out and into `taken`.
    fn take_some(&mut self, now: u64, taken: &mut Vec<Retired>) {
        while taken.len() < AT_ONCE
            && let Some(retired) = self.0.pop_front_if(|first| first.expired(now))
        {
            taken.push(retired);
        }
        // What gathered while a reader stayed should not take room for ever.
        if self.0.len() < self.0.capacity() / 4 {
            self.0.shrink_to((2 * self.0.len()).max(KEPT_ROOM));
        }
    }
}

/// What is expired in a bag, taken out of it bit by bit: nobody holds its lock while something is dropped.
pub(super) struct Expired<'b> {
    bag: &'b Mutex<Bag>,
    now: u64,
    taken: Vec<Retired>,
}

impl<'b> Expired<'b> {
    pub(super) fn new(bag: &'b Mutex<Bag>, now: u64) -> Self {
        Self { bag, now, taken: Vec::new() }
    }
}

impl Iterator for Expired<'_> {
    type Item = Retired;

    fn next(&mut self) -> Option<Retired> {
        if self.taken.is_empty() {
            self.taken.reserve_exact(AT_ONCE);
            lock(self.bag).take_some(self.now, &mut self.taken);
        }
        self.taken.pop()
    }
}

/// Takes what is expired out of what several threads left.
pub(super) fn take_expired(left: &mut Vec<Retired>, now: u64) -> Vec<Retired> {
    let expired = left.extract_if(.., |each| each.expired(now)).collect();
    if left.len() < left.capacity() / 4 {
        left.shrink_to((2 * left.len()).max(KEPT_ROOM));
    }
    expired
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_bag_that_was_large_gives_its_room_back() {
        // SAFETY: nothing is dropped.
        let nothing = |_| unsafe { Retired::new(std::ptr::null_mut(), |_| ()) };
        let bag = Mutex::new(Bag((0..100_000).map(nothing).collect()));
        assert_eq!(Expired::new(&bag, GRACE).count(), 100_000);
        let room = lock(&bag).0.capacity();
        assert!(room <= KEPT_ROOM, "{room}");
        let mut left: Vec<_> = (0..100_000).map(nothing).collect();
        assert_eq!(take_expired(&mut left, GRACE).len(), 100_000);
        assert!(left.capacity() <= KEPT_ROOM, "{}", left.capacity());
    }

    #[test]
    fn what_is_not_expired_stays() {
        let mut bag = Bag::new();
        for epoch in [1, 1, 2, 2, 5] {
            // SAFETY: nothing is dropped.
            let mut retired = unsafe { Retired::new(std::ptr::null_mut(), |_| ()) };
            retired.stamp(epoch);
            bag.put(retired);
        }
        let bag = Mutex::new(bag);
        let mut expired = |now| Expired::new(&bag, now).count();
        assert_eq!([1, 1 + GRACE, 1 + GRACE, 4 + GRACE, 5 + GRACE].map(&mut expired), [0, 2, 0, 2, 1]);
    }
}
