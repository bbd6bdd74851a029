//! Moving the epoch on.

use std::ptr;

use super::bag::Bag;
use super::domain::Domain;
use super::record::{Record, Standing, UNKNOWN};
use crate::arch::nanoseconds;
use crate::primitive::{Ordering, lock, thread, try_lock};
use crate::seeded;

/// What those who try to move the epoch on remember.
#[derive(Debug)]
pub(super) struct Moving {
    /// How often threads that were not pinned were in the way since the epoch moved last.
    failures: u32,
    /// When they were first, in nanoseconds.
    failed_at: u64,
    /// Idle threads were seen that have something in their bags.
    idle_bags: bool,
    /// Who was pinned at an older epoch when the last attempt was made, by number.
    behind: Option<usize>,
}

/// What an attempt to move the epoch on came to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Advance<'d> {
    Moved,
    /// Someone else is at it.
    Busy,
    /// Threads that are not pinned have not seen the epoch, and a barrier was not worth it, or not to be had.
    Lagging,
    /// The owner of this record is pinned at an older epoch.
    Behind(&'d Record),
}

/// What an attempt may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effort {
    /// No barrier.
    Light,
    /// A barrier, once threads have been in the way for a while.
    Usual,
    /// A barrier.
    Full,
}

/// So many attempts fail before a barrier is executed, unless they take long. A thread that uses caches all the time sees
/// the epoch by itself in the meantime.
const FAILURES: u32 = 2;
/// And so long, in nanoseconds.
const FAILING: u64 = 20_000;
/// How long to wait for others where all is to be freed that can be, in nanoseconds.
const PATIENCE: u64 = if cfg!(loom) { 0 } else { 2_000_000 };
/// How long of that with a processor of one's own, in nanoseconds.
const SPINNING: u64 = if cfg!(loom) { 0 } else { 20_000 };
/// And how often to give the processor away, which may take a time slice each time.
const YIELDS: u32 = 8;

impl Moving {
    pub(super) const fn new() -> Self {
        Self { failures: 0, failed_at: 0, idle_bags: false, behind: None }
    }

    /// Remembers who is in the way. One who stays from an attempt to the next is in a closure that takes long, or was
    /// preempted: he is asked to free what he keeps from being freed when he leaves.
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
        if let Some(own) = own
            && !own.is_pinned()
        {
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

    /// Moves the epoch on by one, if it can, with the bags claimed that are to be emptied. Says whether every thread has
    /// executed a fence since this was called.
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
        // Before the epoch: whoever sees that sees this.
        self.pending.review(retired || self.seems_to_share(), epoch);
        self.set_epoch(epoch + 1);
        (moving.failures, moving.behind) = (0, None);
        (Advance::Moved, fenced)
    }

    /// Has those who lag behind execute fences from now on, and one now; `false` if they cannot be made to at once.
    fn fence_the_lagging(&self, epoch: u64) -> bool {
        let lagging = || self.records().filter(|record| record.standing(epoch) == Standing::Light);
        for record in lagging().filter(|record| !record.fenced.load(Ordering::Relaxed)) {
            record.fenced_after.store(UNKNOWN, Ordering::Relaxed);
            // Release: who sees this without our mutex (`settled`) sees that it does not count yet.
            record.fenced.store(true, seeded::ordering(Ordering::Release, "fenced-release"));
        }
        let done = self.barrier();
        // Without a barrier, whoever sees a later epoch sees this too, by the release of that.
        let after = if done { 0 } else { epoch };
        let marked = |record: &&Record| record.fenced_after.load(Ordering::Relaxed) == UNKNOWN;
        for record in
            self.records().filter(|record| done && record.fenced.load(Ordering::Relaxed) || marked(record))
        {
            // Release: after the barrier, for one who has no mutex (`settled`).
            record.fenced_after.store(after, Ordering::Release);
        }
        done
    }

    /// Moves the epoch on by one, waiting for others who try, and a little for readers who are about to leave. Asks one who
    /// stays to do what could not be done.
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
                        // Either he sees it when he leaves, or he is seen to have left.
                        asked.push(ptr::from_ref(record));
                        self.fence_everywhere(|| self.records());
                        continue;
                    }
                }
                Advance::Lagging if effort == Effort::Full => return false,
                Advance::Lagging | Advance::Busy => {}
            }
            effort = Effort::Full;
            // A thread that runs ends its operation in a moment. One that does not needs the processor.
            if nanoseconds() - start < SPINNING {
                std::hint::spin_loop();
            } else {
                yields += 1;
                thread::yield_now();
            }
        }
    }

    /// Moves the epoch on so often that what was retired before is out of sight, as far as readers let it.
    pub(super) fn pass(&self, own: Option<&Record>) {
        let _ = (0..super::GRACE).all(|_| self.move_patiently(own));
    }

    /// Gives what is in every thread's bag to everyone, but for the bags whose owners take long.
    pub(super) fn empty_bags(&self) {
        let _moving = lock(&self.rare.moving);
        self.claim(|_| true);
        let claimed = || self.records().filter(|record| record.bag.is_claimed());
        let fenced = self.fence_everywhere(claimed);
        self.empty_claimed(|record| fenced || record.executes_fences());
    }

    /// Claims the bags of those in question that have something in them. The caller has the mutex, and executes a fence next.
    fn claim(&self, which: impl Fn(&Record) -> bool) {
        self.records()
            .filter(|record| record.has_retired.load(Ordering::Relaxed) && which(record))
            .for_each(|record| record.bag.claim());
    }

    /// Empties the claimed bags, if a fence was executed for both sides since they were, and lets go of them.
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
