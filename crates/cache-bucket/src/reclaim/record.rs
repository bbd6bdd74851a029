use std::ptr;

use super::bag::OwnBag;
use super::domain::Domain;
use crate::primitive::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering};
use crate::seeded;

/// The record of one thread in the domain. Records are reused by later threads and live as long as their domain.
///
/// It is alone on its cache lines, because its owner writes to it in every operation.
#[repr(align(128))]
#[derive(Debug)]
pub(crate) struct Record {
    /// Twice the epoch that the owner pinned last, with [`PINNED`] while it is pinned. Written by the owner only.
    state: AtomicU64,
    /// Whether the owner's pins have a full fence. A mover sets it, and then needs no barrier for this thread any
    /// more; the owner clears it after some fenced pins.
    pub(super) fenced: AtomicBool,
    /// Whether the owner's bag has objects. Written by the thread that accesses the bag.
    pub(super) has_retired: AtomicBool,
    /// The state of the pin for which other threads have waited in vain.
    awaited: AtomicU64,
    /// Whether the owner is pinned but not in the middle of a write: it waits, or runs a user's closure.
    resting: AtomicBool,
    /// Whether the owner is asked to free what it held up, once it is no longer pinned.
    asked: AtomicBool,
    pub(super) taken: AtomicBool,
    /// The number of pins within the outermost one. Written by the owner only, as are the next four.
    pub(super) nested: AtomicU32,
    /// The number of inserts, removals and replacements until the next attempt to move the epoch; 1 if it is due.
    left: AtomicU32,
    /// The number of writes that the last attempt set as the interval.
    interval: AtomicU32,
    /// The number of writes counted since the last attempt, before the count was restarted without one.
    skipped: AtomicU32,
    /// The number of times that the count has ended.
    visits: AtomicU32,
    /// Whether entries were removed since the last attempt: their room waits for later epochs.
    removed: AtomicBool,
    /// The number of fenced pins since the owner must execute fences.
    pub(super) fenced_pins: AtomicU32,
    /// The time when the last attempt was over, in nanoseconds. Written by the owner only.
    attempted: AtomicU64,
    /// The owner is known to execute fences once it has pinned a later epoch than this; [`UNKNOWN`] while a barrier is
    /// awaited. Under the domain's mutex.
    pub(super) fenced_after: AtomicU64,
    /// The domain of the record.
    pub(super) domain: *const Domain,
    /// The number of the record, from 0, which spreads counters over threads. It is reused with the record.
    pub(super) id: usize,
    /// The next older record; set before this one can be found.
    pub(super) next: AtomicPtr<Record>,
    /// The objects that the owner retired.
    pub(super) bag: OwnBag,
}

/// The bit of a state that says that the owner is pinned.
pub(super) const PINNED: u64 = 1;
/// Larger than every epoch.
pub(super) const UNKNOWN: u64 = u64::MAX;

/// The greatest number of writes between two attempts to move the epoch.
const MOST_WRITES: u32 = 64;
/// The number of writes until the first attempt. Models move the epoch themselves.
const FIRST: u32 = if cfg!(loom) { u32::MAX } else { 1 };
/// The intended time between attempts, in nanoseconds. One takes a few hundred at worst, when other threads have to
/// hand over their records.
const INTERVAL: u64 = 6_400;

/// The number of records that can be looked at in the time of a few writes.
const FEW: usize = 16;

/// The standing of a record in a move of the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Its owner has pinned this very epoch, and may be pinned.
    Passed,
    /// Its owner is pinned at an older one.
    Behind,
    /// It has no owner.
    Free,
    /// Its owner is not pinned, and its next pin has a fence.
    Fenced,
    /// Its owner is not pinned, or its pin is not seen yet.
    Light,
}

// SAFETY: the domain is shared, and outlives its records.
unsafe impl Send for Record {}
// SAFETY: as above.
unsafe impl Sync for Record {}

/// Defines a function that is `const` except under loom, whose atomics have no `const` constructors.
macro_rules! const_unless_loom {
    ($(#[$doc:meta])* $visibility:vis fn $name:ident($($argument:ident: $type:ty),*) -> $result:ty $body:block) => {
        $(#[$doc])*
        #[cfg(not(loom))]
        $visibility const fn $name($($argument: $type),*) -> $result $body

        $(#[$doc])*
        #[cfg(loom)]
        $visibility fn $name($($argument: $type),*) -> $result $body
    };
}
pub(super) use const_unless_loom;

impl Record {
    const_unless_loom! {
        fn with(domain: *const Domain, id: usize, state: u64) -> Self {
            Self {
                state: AtomicU64::new(state),
                fenced: AtomicBool::new(false),
                has_retired: AtomicBool::new(false),
                awaited: AtomicU64::new(0),
                resting: AtomicBool::new(false),
                asked: AtomicBool::new(false),
                taken: AtomicBool::new(true),
                nested: AtomicU32::new(0),
                left: AtomicU32::new(FIRST),
                interval: AtomicU32::new(FIRST),
                skipped: AtomicU32::new(0),
                visits: AtomicU32::new(0),
                removed: AtomicBool::new(false),
                fenced_pins: AtomicU32::new(0),
                attempted: AtomicU64::new(0),
                fenced_after: AtomicU64::new(0),
                domain,
                id,
                next: AtomicPtr::new(ptr::null_mut()),
                bag: OwnBag::new(),
            }
        }
    }

    /// A record of no thread. It is always pinned, so that a thread that tries to pin it sees that it is not its own.
    #[cfg(not(loom))]
    pub(super) const fn nobody() -> Self {
        Self::with(ptr::null(), 0, u64::MAX)
    }

    pub(super) fn new(domain: &Domain, id: usize) -> Self {
        Self::with(domain, id, 0)
    }

    /// Whether the owner is pinned. For the owner.
    #[inline(always)]
    pub(super) fn is_pinned(&self) -> bool {
        self.state.load(Ordering::Relaxed) & PINNED != 0
    }

    /// The epoch that the owner pinned last. For the owner.
    pub(super) fn pinned_epoch(&self) -> u64 {
        self.state.load(Ordering::Relaxed) >> 1
    }

    /// Pins twice this epoch, `clock`. For the owner.
    #[inline(always)]
    pub(super) fn pin(&self, clock: u64) {
        // Release: a thread that sees this pin must not miss the end of the pin before. Pairs with the load in
        // `state`.
        #[cfg(not(tsan))]
        self.state.store(clock | PINNED, seeded::ordering(Ordering::Release, "pin"));
        // ThreadSanitizer knows no fences.
        #[cfg(tsan)]
        self.state.swap(clock | PINNED, Ordering::SeqCst);
    }

    /// Ends the owner's outermost pin.
    #[inline(always)]
    pub(super) fn unpin(&self) {
        let unpinned = self.state.load(Ordering::Relaxed) & !PINNED;
        // Release: a thread that sees the pin ended sees what was done under it. Pairs with the load in `state`.
        #[cfg(not(tsan))]
        self.state.store(unpinned, seeded::ordering(Ordering::Release, "unpin"));
        // A read-modify-write, which ThreadSanitizer can follow.
        #[cfg(tsan)]
        self.state.swap(unpinned, Ordering::SeqCst);
    }

    /// Publishes that the owner, which is not pinned, has seen twice this epoch, `clock`.
    pub(super) fn show(&self, clock: u64) {
        #[cfg(not(tsan))]
        self.state.store(clock, Ordering::Release);
        #[cfg(tsan)]
        self.state.swap(clock, Ordering::SeqCst);
    }

    fn state(&self) -> u64 {
        // Acquire: pairs with the release of unpinning. ThreadSanitizer pairs it with the pin's swap.
        #[cfg(not(tsan))]
        return self.state.load(seeded::ordering(Ordering::Acquire, "scan"));
        #[cfg(tsan)]
        return self.state.fetch_add(0, Ordering::SeqCst);
    }

    /// Whether the owner is not pinned, as another thread sees it.
    pub(super) fn is_seen_unpinned(&self) -> bool {
        self.state() & PINNED == 0
    }

    /// The standing of the record in a move from `epoch` to the next, for a mover that has executed a fence.
    pub(super) fn standing(&self, epoch: u64) -> Standing {
        let state = self.state();
        if state >> 1 == epoch {
            Standing::Passed
        } else if state & PINNED != 0 {
            Standing::Behind
        } else if !self.taken.load(Ordering::Acquire) {
            // Acquire: the pins of the last owner have ended.
            Standing::Free
        } else if self.is_fenced() && self.is_known_to_fence(state >> 1) {
            Standing::Fenced
        } else {
            Standing::Light
        }
    }

    /// Whether each pin of the owner has a fence: later pins, and the one that may have begun.
    pub(super) fn executes_fences(&self) -> bool {
        self.is_fenced() && self.is_known_to_fence(self.state() >> 1)
    }

    fn is_fenced(&self) -> bool {
        // Acquire: a thread that sees the flag set sees since when it counts. Pairs with `fence_the_lagging`.
        self.fenced.load(seeded::ordering(Ordering::Acquire, "fenced-acquire"))
    }

    /// Whether its owner is not pinned, and has not pinned this epoch.
    pub(super) fn is_idle(&self, epoch: u64) -> bool {
        let state = self.state();
        state >> 1 != epoch && state & PINNED == 0
    }

    fn is_known_to_fence(&self, pinned: u64) -> bool {
        // Acquire: a light pin that began before the barrier, and was seen after it, is seen by the next look.
        pinned > self.fenced_after.load(Ordering::Acquire) || seeded::bug("fenced-early")
    }

    /// Takes the record for the calling thread, if it has no owner.
    pub(super) fn take(&self) -> bool {
        // Acquire: we see what the last owner did with it. The fence with which every owner begins would do, too.
        !self.taken.load(Ordering::Relaxed)
            && self.taken.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// Resets the counts of the last owner. For the owner.
    pub(super) fn begin(&self) {
        self.left.store(FIRST, Ordering::Relaxed);
        self.interval.store(FIRST, Ordering::Relaxed);
        self.skipped.store(0, Ordering::Relaxed);
        self.answer();
    }

    /// Sets whether the owner rests; returns the previous value. For the owner.
    pub(super) fn rest(&self, resting: bool) -> bool {
        let before = self.resting.load(Ordering::Relaxed);
        // Release: a thread that sees the owner at rest sees what it did before. Pairs with `writing_since`.
        #[cfg(not(tsan))]
        self.resting.store(resting, Ordering::Release);
        #[cfg(tsan)]
        self.resting.swap(resting, Ordering::SeqCst);
        before
    }

    /// The state of the owner's pin; `None` if the owner is at rest: not pinned, or not in the middle of a write.
    pub(super) fn writing_since(&self) -> Option<u64> {
        let state = self.state();
        // Acquire: see `rest`.
        (state & PINNED != 0 && !self.resting.load(Ordering::Acquire)).then_some(state)
    }

    /// Asks the owner to free what it can when it is no longer pinned.
    pub(super) fn ask(&self) {
        self.asked.store(true, Ordering::Relaxed);
    }

    /// Whether the owner was asked. For the owner.
    #[inline(always)]
    pub(super) fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// Whether another thread has waited for this very pin in vain.
    pub(super) fn is_awaited(&self) -> bool {
        self.awaited.load(Ordering::Relaxed) == self.state()
    }

    /// Records that a thread has waited for this pin in vain, so that others need not.
    pub(super) fn set_awaited(&self) {
        self.awaited.store(self.state(), Ordering::Relaxed);
    }

    pub(super) fn answer(&self) {
        self.asked.store(false, Ordering::Relaxed);
    }

    /// Counts a write; says whether an attempt to move the epoch is due, until one is made. For the owner.
    #[inline(always)]
    pub(super) fn count_write(&self) -> bool {
        let left = self.left.load(Ordering::Relaxed);
        if left <= 1 {
            return true;
        }
        self.left.store(left - 1, Ordering::Relaxed);
        false
    }

    /// Records that an entry was removed. For the owner.
    #[inline(always)]
    pub(super) fn set_removed(&self) {
        self.removed.store(true, Ordering::Relaxed);
    }

    /// Whether entries were removed since the last attempt. For the owner.
    #[inline(always)]
    pub(super) fn has_removed(&self) -> bool {
        self.removed.load(Ordering::Relaxed)
    }

    /// Restarts the count without an attempt, because there is nothing to free. For the owner.
    #[inline(always)]
    pub(super) fn restart_count(&self) {
        let interval = self.interval.load(Ordering::Relaxed);
        self.left.store(interval, Ordering::Relaxed);
        self.skipped.store(self.skipped.load(Ordering::Relaxed).wrapping_add(interval), Ordering::Relaxed);
        self.visits.store(self.visits().wrapping_add(1), Ordering::Relaxed);
    }

    /// Restarts the count for an attempt that is made now. For the owner.
    pub(super) fn reset_count(&self, now: u64, threads: usize) {
        let since = now.saturating_sub(self.attempted.load(Ordering::Relaxed)).max(1);
        self.removed.store(false, Ordering::Relaxed);
        self.visits.store(self.visits().wrapping_add(1), Ordering::Relaxed);
        let interval = self.interval.load(Ordering::Relaxed);
        // The write that made it due counts, too.
        let writes = (interval + 1).wrapping_sub(self.left.load(Ordering::Relaxed));
        let writes = writes.wrapping_add(self.skipped.load(Ordering::Relaxed));
        self.skipped.store(0, Ordering::Relaxed);
        let at_this_rate = u64::from(writes) * INTERVAL / since;
        // At most twice as many as before: a pause says nothing about what follows it.
        let most = interval.saturating_mul(2);
        // An attempt looks at every record, so many threads make attempts rarer.
        let most = most.min(MOST_WRITES.max((threads / 2) as u32));
        let least = ((threads / FEW) as u32).clamp(1, most);
        let interval = at_this_rate.clamp(least.into(), most.into()) as u32;
        self.interval.store(interval, Ordering::Relaxed);
        self.left.store(interval, Ordering::Relaxed);
    }

    /// Records the end of an attempt: its time is no part of the rate at which the thread writes. For the owner.
    pub(super) fn set_attempted(&self, now: u64) {
        self.attempted.store(now, Ordering::Relaxed);
    }

    /// The number of times that the count has ended. For the owner.
    #[inline(always)]
    pub(super) fn visits(&self) -> u32 {
        self.visits.load(Ordering::Relaxed)
    }
}
