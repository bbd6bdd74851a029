//! Moving the epoch on.

use std::ptr;

use super::bag::Bag;
use super::domain::Domain;
use super::record::{Record, Standing, UNKNOWN};
use crate::arch::nanoseconds;
use crate::primitive::{Ordering, lock, thread, try_lock};
use crate::seeded;

/// The state that attempts to move the epoch share.
#[derive(Debug)]
pub(super) struct Moving {
    /// How many attempts failed because of threads that were not pinned, since the epoch moved last.
    failures: u32,
    /// The time of the first such failure, in nanoseconds.
    failed_at: u64,
    /// Whether idle threads were seen that have objects in their bags.
    idle_bags: bool,
    /// The number of the thread that was pinned at an older epoch at the last attempt.
    behind: Option<usize>,
}

/// The result of an attempt to move the epoch.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Advance<'d> {
    Moved,
    /// Another thread is trying.
    Busy,
    /// Threads that are not pinned have not seen the epoch, and a barrier was not worth it or not available.
    Lagging,
    /// The owner of this record is pinned at an older epoch.
    Behind(&'d Record),
}

/// The cost that an attempt may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effort {
    /// No barrier.
    Light,
    /// A barrier, once threads have been in the way for a while.
    Usual,
    /// A barrier.
    Full,
}

/// The number of attempts that fail before a barrier is executed, unless they take long. A thread that uses caches
/// all the time sees the epoch by itself meanwhile.
const FAILURES: u32 = 2;
/// The time after which a second failure is enough for a barrier, in nanoseconds.
const FAILING: u64 = 20_000;
/// How long to wait for other threads when everything is to be freed, in nanoseconds.
const PATIENCE: u64 = if cfg!(loom) { 0 } else { 2_000_000 };
/// The part of that time that is spent spinning, in nanoseconds.
const SPINNING: u64 = if cfg!(loom) { 0 } else { 20_000 };
/// How often to yield the processor after that. Each yield may take a time slice.
const YIELDS: u32 = 8;

impl Moving {
    pub(super) const fn new() -> Self {
        Self { failures: 0, failed_at: 0, idle_bags: false, behind: None }
    }

    /// Records which thread is in the way. A thread that stays from one attempt to the next is in a long closure, or
    /// was preempted: it is asked to free what it held up when it leaves.
    fn note_behind(&mut self, record: &Record) {
        if self.behind.replace(record.id) == Some(record.id) && !record.is_asked() {
            record.ask();
        }
    }

    /// Whether threads have been in the way for so long that a barrier is worth its cost.
    fn has_failed_enough(&mut self) -> bool {
        if self.failures == 0 {
            self.failed_at = nanoseconds();
        }
        self.failures += 1;
        self.failures > FAILURES || self.failures > 1 && nanoseconds() - self.failed_at >= FAILING
    }
}

impl Domain {
    /// Moves the epoch on by one, if it can. `own` is the caller's record, if it has one.
    pub(crate) fn try_move(&self, own: Option<&Record>, effort: Effort) -> Advance<'_> {
        match try_lock(&self.rare.moving) {
            Some(mut moving) => self.advance(&mut moving, own, effort),
            None => Advance::Busy,
        }
    }

    fn advance(&self, moving: &mut Moving, own: Option<&Record>, effort: Effort) -> Advance<'_> {
        let epoch = self.epoch();
        if let Some(own) = own.filter(|own| !own.is_pinned()) {
            own.show(epoch << 1);
        }
        let claims = std::mem::take(&mut moving.idle_bags);
        if claims {
            self.claim(|record| record.is_idle(epoch));
        }
        let (advance, fenced) = self.advance_claimed(moving, epoch, effort);
        if claims {
            self.empty_claimed(|record| fenced || record.executes_fences());
        }
        advance
    }

    /// Moves the epoch on by one, if it can, with the bags claimed that are to be emptied. Says whether every thread
    /// has executed a fence since this was called.
    fn advance_claimed(&self, moving: &mut Moving, epoch: u64, effort: Effort) -> (Advance<'_>, bool) {
        #[cfg(not(tsan))]
        if !seeded::bug("move-fence") {
            self.fence();
        }
        let (mut lagging, mut retired) = (false, false);
        for record in self.records() {
            let has_retired = record.has_retired.load(Ordering::Relaxed);
            retired |= has_retired;
            match record.standing(epoch) {
                Standing::Behind if !seeded::bug("move-anyway") => {
                    moving.note_behind(record);
                    return (Advance::Behind(record), false);
                }
                Standing::Passed | Standing::Free | Standing::Behind => {}
                Standing::Fenced => moving.idle_bags |= has_retired,
                Standing::Light => {
                    moving.idle_bags |= has_retired;
                    lagging = true;
                }
            }
        }
        let fenced = lagging && !seeded::bug("lagging");
        if fenced {
            let wanted = match effort {
                Effort::Light => false,
                Effort::Usual => moving.has_failed_enough(),
                Effort::Full => true,
            };
            if !wanted || !self.fence_the_lagging(epoch) {
                return (Advance::Lagging, false);
            }
            if let Some(behind) = self.records().find(|record| record.standing(epoch) == Standing::Behind) {
                return (Advance::Behind(behind), true);
            }
        }
        // Before the epoch: a thread that sees the new epoch sees this.
        self.pending.review(retired || self.seems_to_share(), epoch);
        self.set_epoch(epoch + 1);
        (moving.failures, moving.behind) = (0, None);
        (Advance::Moved, fenced)
    }

    /// Makes the lagging threads execute fences from now on, and one at once; `false` if the latter is impossible.
    fn fence_the_lagging(&self, epoch: u64) -> bool {
        let lagging = || self.records().filter(|record| record.standing(epoch) == Standing::Light);
        for record in lagging().filter(|record| !record.fenced.load(Ordering::Relaxed)) {
            record.fenced_after.store(UNKNOWN, Ordering::Relaxed);
            // Release: a thread that sees this without our mutex (in `settled`) sees that it does not count yet.
            // Pairs with `is_fenced`.
            record.fenced.store(true, seeded::ordering(Ordering::Release, "fenced-release"));
        }
        let done = self.barrier();
        // Without a barrier, a thread that sees a later epoch sees this too, by the release of that epoch.
        let after = if done { 0 } else { epoch };
        let marked = |record: &&Record| record.fenced_after.load(Ordering::Relaxed) == UNKNOWN;
        for record in
            self.records().filter(|record| done && record.fenced.load(Ordering::Relaxed) || marked(record))
        {
            // Release: after the barrier, for a thread that has no mutex (in `settled`). Pairs with
            // `is_known_to_fence`.
            record.fenced_after.store(after, Ordering::Release);
        }
        done
    }

    /// Moves the epoch on by one. Waits for other threads that try, and a little for readers that are about to leave.
    /// Asks a reader that stays to free what it held up.
    fn move_patiently(&self, own: Option<&Record>) -> bool {
        let start = nanoseconds();
        let (mut effort, mut asked, mut yields) = (Effort::Light, Vec::new(), 0);
        loop {
            let advance = self.advance(&mut lock(&self.rare.moving), own, effort);
            match advance {
                Advance::Moved => return true,
                Advance::Behind(record) => {
                    let is_own = own.is_some_and(|own| ptr::eq(own, record));
                    if asked.contains(&ptr::from_ref(record)) {
                        return false;
                    }
                    let waited = nanoseconds() - start >= PATIENCE || yields >= YIELDS;
                    if is_own || waited || record.is_awaited() {
                        record.set_awaited();
                        record.ask();
                        // Either the reader sees this when it leaves, or we see that it has left.
                        asked.push(ptr::from_ref(record));
                        self.fence_everywhere(|| self.records());
                        continue;
                    }
                }
                Advance::Lagging if effort == Effort::Full => return false,
                Advance::Lagging | Advance::Busy => {}
            }
            effort = Effort::Full;
            // A running thread ends its operation in a moment. One that is not running needs the processor.
            if nanoseconds() - start < SPINNING {
                std::hint::spin_loop();
            } else {
                yields += 1;
                thread::yield_now();
            }
        }
    }

    /// Moves the epoch on until everything retired before is out of sight, as far as readers allow.
    pub(super) fn pass(&self, own: Option<&Record>) {
        let _ = (0..super::GRACE).all(|_| self.move_patiently(own));
    }

    /// Shares the contents of every thread's bag, except bags whose owners take long.
    pub(super) fn empty_bags(&self) {
        let _moving = lock(&self.rare.moving);
        self.claim(|_| true);
        let claimed = || self.records().filter(|record| record.bag.is_claimed());
        let fenced = self.fence_everywhere(claimed);
        self.empty_claimed(|record| fenced || record.executes_fences());
    }

    /// Claims the bags of the records chosen by `which` that have objects. The caller holds the mutex, and executes a
    /// fence next.
    fn claim(&self, which: impl Fn(&Record) -> bool) {
        self.records()
            .filter(|record| record.has_retired.load(Ordering::Relaxed) && which(record))
            .for_each(|record| record.bag.claim());
    }

    /// Empties the claimed bags, if a fence was executed for both sides since, and unclaims them.
    fn empty_claimed(&self, fenced: impl Fn(&Record) -> bool) {
        for record in self.records().filter(|record| record.bag.is_claimed()) {
            if fenced(record) {
                let mut left = Vec::new();
                // SAFETY: claimed, before the fence.
                unsafe {
                    record.bag.by_another(|bag: &mut Bag| {
                        left = bag.empty();
                        record.has_retired.store(false, Ordering::Relaxed);
                    });
                }
                self.share(left);
            }
            record.bag.unclaim();
        }
    }
}
