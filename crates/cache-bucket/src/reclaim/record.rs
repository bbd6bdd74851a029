use std::ptr;

use super::bag::OwnBag;
use super::domain::Domain;
use crate::primitive::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering};
use crate::seeded;

/// One thread's part in reclamation. Records are reused by later threads and live as long as their domain.
///
/// Alone on its cache lines, as its owner writes to it in every operation.
#[repr(align(128))]
#[derive(Debug)]
pub(crate) struct Record {
    /// Twice the epoch that the owner pinned last, and [`PINNED`] as long as it is pinned. Written by the owner only.
    state: AtomicU64,
    /// Whether the owner's pins have a full fence. Set by a mover, which then needs no barrier for this thread any
    /// more; cleared by the owner, after some fenced pins.
    pub(super) fenced: AtomicBool,
    /// Whether the owner has something in its bag. Written by whoever is at the bag.
    pub(super) has_retired: AtomicBool,
    /// The pin that others have waited for in vain, as a state.
    awaited: AtomicU64,
    /// Whether the owner is asked to free what it kept from being freed, once it is no longer pinned.
    asked: AtomicBool,
    pub(super) taken: AtomicBool,
    /// How many pins lie within the outermost one. Written by the owner only, as are the four that follow.
    pub(super) nested: AtomicU32,
    /// How many inserts, removals and replacements are left until the next attempt to move the epoch on; 1 if it is due.
    left: AtomicU32,
    /// How many there were to be when the last attempt was made.
    interval: AtomicU32,
    /// How many were counted since the last attempt before the count began anew without one.
    skipped: AtomicU32,
    /// How often the count has ended.
    visits: AtomicU32,
    /// Whether entries were removed since the last attempt, whose room waits for later epochs.
    removed: AtomicBool,
    /// Pins with a fence since the owner has to have them.
    pub(super) fenced_pins: AtomicU32,
    /// When the last attempt was over, in nanoseconds. Written by the owner only.
    attempted: AtomicU64,
    /// The owner is known to execute fences once it has pinned a later epoch than this; [`UNKNOWN`] while a barrier is
    /// awaited. Under the domain's mutex.
    pub(super) fenced_after: AtomicU64,
    /// What it is a record of.
    pub(super) domain: *const Domain,
    /// Spreads counters over threads; from 0, and reused with the record.
    pub(super) id: usize,
    /// The record that was newest when this one came; set before it can be found.
    pub(super) next: AtomicPtr<Record>,
    /// What the owner retired.
    pub(super) bag: OwnBag,
}

/// In a state, that the owner is pinned.
pub(super) const PINNED: u64 = 1;
/// Larger than every epoch.
pub(super) const UNKNOWN: u64 = u64::MAX;

/// The most writes from one attempt to move the epoch on to the next.
const MOST_WRITES: u32 = 64;
/// Until the first. Models say themselves when the epoch moves.
const FIRST: u32 = if cfg!(loom) { u32::MAX } else { 1 };
/// An attempt is wanted about so often, in nanoseconds: it takes a few hundred at worst, where other threads have to
/// hand over their records.
const INTERVAL: u64 = 6_400;

/// So many records are looked at in the time of a few writes.
const FEW: usize = 16;

/// How a record stands towards a move of the epoch.
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

/// A constant function, but for loom, whose atomics have none.
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

    /// A record of no thread, always pinned, so that whoever pins it sees that it is not its own.
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
        // Release: whoever sees this pin and not the end of the one before must not miss that.
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
        // Release: what was done under the pin comes before whoever sees it gone.
        #[cfg(not(tsan))]
        self.state.store(unpinned, seeded::ordering(Ordering::Release, "unpin"));
        // ThreadSanitizer is given what it can follow.
        #[cfg(tsan)]
        self.state.swap(unpinned, Ordering::SeqCst);
    }

    /// Shows that the owner, which is not pinned, has seen twice this epoch, `clock`.
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

    /// Whether the owner is not pinned, as someone else sees it.
    pub(super) fn is_seen_unpinned(&self) -> bool {
        self.state() & PINNED == 0
    }

    /// How it stands towards a move from `epoch` to the next, for a mover that executed a fence before.
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

    /// Whether each pin of its owner has a fence: those to come, and the one that may have begun.
    pub(super) fn executes_fences(&self) -> bool {
        self.is_fenced() && self.is_known_to_fence(self.state() >> 1)
    }

    fn is_fenced(&self) -> bool {
        // Acquire: who sees it set sees since when that counts.
        self.fenced.load(seeded::ordering(Ordering::Acquire, "fenced-acquire"))
    }

    /// Whether its owner is not pinned, and has not pinned this epoch.
    pub(super) fn is_idle(&self, epoch: u64) -> bool {
        let state = self.state();
        state >> 1 != epoch && state & PINNED == 0
    }

    fn is_known_to_fence(&self, pinned: u64) -> bool {
        // Acquire: a light pin that began before the barrier, and was seen after it, is seen by whoever looks next.
        pinned > self.fenced_after.load(Ordering::Acquire) || seeded::bug("fenced-early")
    }

    /// Makes it the caller's, if it is nobody's.
    pub(super) fn take(&self) -> bool {
        // Acquire: what its last owner did with it comes before. The fence that every owner begins with would do, too.
        !self.taken.load(Ordering::Relaxed)
            && self.taken.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// Forgets how its last owner counted. For the owner.
    pub(super) fn begin(&self) {
        self.left.store(FIRST, Ordering::Relaxed);
        self.interval.store(FIRST, Ordering::Relaxed);
        self.skipped.store(0, Ordering::Relaxed);
        self.answer();
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

    /// Whether someone has waited for this very pin in vain.
    pub(super) fn is_awaited(&self) -> bool {
        self.awaited.load(Ordering::Relaxed) == self.state()
    }

    /// Remembers that someone has waited for this pin in vain, so that others need not.
    pub(super) fn set_awaited(&self) {
        self.awaited.store(self.state(), Ordering::Relaxed);
    }

    pub(super) fn answer(&self) {
        self.asked.store(false, Ordering::Relaxed);
    }

    /// Counts a write; says whether it is time for an attempt to move the epoch on, as it is until one is made. For the owner.
    #[inline(always)]
    pub(super) fn count_write(&self) -> bool {
        let left = self.left.load(Ordering::Relaxed);
        if left <= 1 {
            return true;
        }
        self.left.store(left - 1, Ordering::Relaxed);
        false
    }

    /// Remembers that an entry was removed. For the owner.
    #[inline(always)]
    pub(super) fn set_removed(&self) {
        self.removed.store(true, Ordering::Relaxed);
    }

    /// Whether entries were removed since the last attempt. For the owner.
    #[inline(always)]
    pub(super) fn has_removed(&self) -> bool {
        self.removed.load(Ordering::Relaxed)
    }

    /// Begins to count anew, as there is nothing to make an attempt for. For the owner.
    #[inline(always)]
    pub(super) fn restart_count(&self) {
        let interval = self.interval.load(Ordering::Relaxed);
        self.left.store(interval, Ordering::Relaxed);
        self.skipped.store(self.skipped.load(Ordering::Relaxed).wrapping_add(interval), Ordering::Relaxed);
        self.visits.store(self.visits().wrapping_add(1), Ordering::Relaxed);
    }

    /// Begins to count anew: an attempt is made now. For the owner.
    pub(super) fn reset_count(&self, now: u64, threads: usize) {
        let since = now.saturating_sub(self.attempted.load(Ordering::Relaxed)).max(1);
        self.removed.store(false, Ordering::Relaxed);
        self.visits.store(self.visits().wrapping_add(1), Ordering::Relaxed);
        let interval = self.interval.load(Ordering::Relaxed);
        // The one that is due is counted, too.
        let writes = (interval + 1).wrapping_sub(self.left.load(Ordering::Relaxed));
        let writes = writes.wrapping_add(self.skipped.load(Ordering::Relaxed));
        self.skipped.store(0, Ordering::Relaxed);
        let at_this_rate = u64::from(writes) * INTERVAL / since;
        // Not more than twice as many as before: a pause says nothing of what comes after it.
        let most = interval.saturating_mul(2);
        // An attempt looks at every record.
        let most = most.min(MOST_WRITES.max((threads / 2) as u32));
        let least = ((threads / FEW) as u32).clamp(1, most);
        let interval = at_this_rate.clamp(least.into(), most.into()) as u32;
        self.interval.store(interval, Ordering::Relaxed);
        self.left.store(interval, Ordering::Relaxed);
    }

    /// The attempt is over: what it took is no part of the rate at which its thread writes. For the owner.
    pub(super) fn set_attempted(&self, now: u64) {
        self.attempted.store(now, Ordering::Relaxed);
    }

    /// How often the count has ended. For the owner.
    #[inline(always)]
    pub(super) fn visits(&self) -> u32 {
        self.visits.load(Ordering::Relaxed)
    }
}
