use std::fmt;
#[cfg(not(any(loom, tsan)))]
use std::sync::atomic::compiler_fence;

use super::GRACE;
use super::bag::{Bag, Expired};
use super::garbage::{Retired, free_all, take_expired};
use super::record::{Record, UNPINNED};
use crate::arch;
#[cfg(not(tsan))]
use crate::primitive::fence;
use crate::primitive::{AtomicPtr, AtomicU64, AtomicUsize, Backoff, Mutex, Ordering, lock, thread, try_lock};
use crate::seeded;

/// What a guard remembers instead of an earlier pin when its record is lent.
pub(super) const LENT: u64 = u64::MAX;

/// How often [`Domain::drive`] looks whether a reader left.
const PATIENCE: u32 = if cfg!(loom) { 1 } else { 100 };

/// How often [`Domain::settled`] looks at each record: for a microsecond, in which a thread that runs ends its operation.
const GLANCES: u32 = if cfg!(loom) { 1 } else { 64 };

/// How many retired things a thread gathers before it looks whether any can go.
const BAG: usize = 256;

/// Those who reclaim together: every cache of a process, or one model under loom.
#[repr(align(128))]
pub(crate) struct Domain {
    epoch: AtomicU64,
    /// The newest record.
    records: AtomicPtr<Record>,
    count: AtomicUsize,
    /// Held by whoever tries to move the epoch on.
    moving: Mutex<()>,
    /// Held by whoever claims the bags of others.
    claiming: Mutex<()>,
    /// What threads that ended left behind, and whole tables, which should not wait for one thread's bag.
    shared: Mutex<Vec<Retired>>,
    /// How much lies in `shared`, to look before locking.
    shared_len: AtomicUsize,
    #[cfg(loom)]
    fences: AtomicUsize,
}

impl Domain {
    #[cfg(not(loom))]
    pub(crate) const fn new() -> Self {
        Self {
            epoch: AtomicU64::new(1),
            records: AtomicPtr::new(std::ptr::null_mut()),
            count: AtomicUsize::new(0),
            moving: Mutex::new(()),
            claiming: Mutex::new(()),
            shared: Mutex::new(Vec::new()),
            shared_len: AtomicUsize::new(0),
        }
    }

    #[cfg(loom)]
    pub(crate) fn new() -> Self {
        Self {
            epoch: AtomicU64::new(1),
            records: AtomicPtr::new(std::ptr::null_mut()),
            count: AtomicUsize::new(0),
            moving: Mutex::new(()),
            claiming: Mutex::new(()),
            shared: Mutex::new(Vec::new()),
            shared_len: AtomicUsize::new(0),
            fences: AtomicUsize::new(0),
        }
    }

    /// The epoch now, or a moment ago.
    #[inline]
    pub(crate) fn epoch(&self) -> u64 {
        // Acquire: readers whose unpinning let the epoch move on are done with what they saw.
        self.epoch.load(seeded::ordering(Ordering::Acquire, "epoch-load"))
    }

    /// Whether what was unlinked in epoch `then` is out of sight.
    pub(crate) fn passed(&self, then: u64) -> bool {
        then + GRACE <= self.epoch() || seeded::bug("passed") && then <= self.epoch()
    }

    /// Whether there seems to be one thread only that ever pinned and did not end.
    #[cfg(not(loom))]
    pub(crate) fn has_one_thread(&self) -> bool {
        self.records().filter(|record| record.taken.load(Ordering::Relaxed)).take(2).count() < 2
    }

    /// A record for a thread that has none: a free one, or a new one.
    pub(crate) fn join(&self, fenced: bool) -> &Record {
        for record in self.records() {
            if record.take() {
                return record;
            }
        }
        let id = self.count.fetch_add(1, Ordering::Relaxed);
        let new = Box::into_raw(Box::new(Record::new(self, id, fenced)));
        let mut newest = self.records.load(Ordering::Relaxed);
        loop {
            // SAFETY: `new` came from a box just now. Records are freed with the domain only.
            let record = unsafe { &*new };
            record.next.store(newest, Ordering::Relaxed);
            // Release: whoever finds the record finds it whole.
            let release = seeded::ordering(Ordering::Release, "join");
            match self.records.compare_exchange(newest, new, release, Ordering::Relaxed) {
                Ok(_) => return record,
                Err(seen) => newest = seen,
            }
        }
    }

    /// Gives a record back when its thread ends; what it retired becomes everyone's.
    pub(crate) fn leave(&self, record: &Record) {
        // Its owner is at the bag meanwhile: whoever drives reclamation finds what was in it here or there.
        let mut backoff = Backoff::default();
        while self.with_own(record, |bag| self.share(bag.empty())).is_none() {
            backoff.wait();
        }
        record.taken.store(false, seeded::ordering(Ordering::Release, "leave"));
    }

    /// Pins the epoch for the owner of `record`. Pins nest.
    pub(crate) fn pin<'d>(&'d self, record: &'d Record) -> Guard<'d> {
        let before = record.pinned.load(Ordering::Relaxed);
        if before == UNPINNED {
            self.pin_first(record);
            // Where nobody executes it on this thread's behalf.
            #[cfg(not(tsan))]
            if record.fenced && !seeded::bug("pin-fence") {
                self.fence();
            }
        }
        Guard { record, before }
    }

    /// Pins the epoch for the owner of `record`, which has no pin, and needs no fence.
    #[inline(always)]
    pub(super) fn pin_first(&self, record: &Record) {
        // Acquire, by `epoch`: what was unlinked before the epoch became this is not seen under it.
        let epoch = self.epoch();
        // Between this store and the loads that follow there must be a fence, or whoever moves the epoch on makes this
        // thread execute one. Release: who sees this pin and not the end of the one before must not miss that.
        #[cfg(not(tsan))]
        record.pinned.store(epoch, seeded::ordering(Ordering::Release, "pin"));
        #[cfg(not(any(loom, tsan)))]
        compiler_fence(Ordering::SeqCst);
        // ThreadSanitizer knows no fences.
        #[cfg(tsan)]
        record.pinned.swap(epoch, Ordering::SeqCst);
    }

    /// Pins with a record that goes back to the domain afterwards, for a thread that can keep none.
    pub(crate) fn pin_lent<'d>(&'d self, record: &'d Record) -> Guard<'d> {
        let mut guard = self.pin(record);
        guard.before = LENT;
        guard
    }

    /// Moves the epoch on by one, if no thread is pinned at an older one.
    pub(crate) fn try_move(&self) -> bool {
        match try_lock(&self.moving) {
            Some(_moving) => self.move_locked(),
            None => false,
        }
    }

    /// The same, waiting for others who try, and a little for readers who are about to leave.
    fn move_on(&self) -> bool {
        let _moving = lock(&self.moving);
        (0..PATIENCE).any(|attempt| {
            if attempt > 0 {
                thread::yield_now();
            }
            self.move_locked()
        })
    }

    fn move_locked(&self) -> bool {
        let epoch = self.epoch.load(Ordering::Relaxed);
        let all_passed = || {
            self.records().all(|record| {
                let pinned = record.pinned_at();
                pinned == UNPINNED || pinned == epoch || seeded::bug("move-anyway")
            })
        };
        // A barrier costs microseconds. Where someone is in the way already it is spared.
        if !cfg!(loom) && !all_passed() || !self.barrier() || !all_passed() {
            return false;
        }
        self.epoch.store(epoch + 1, seeded::ordering(Ordering::Release, "epoch-store"));
        true
    }

    /// Whether everyone but the owner of `but` who was pinned when this was called was seen unpinned since.
    ///
    /// Waits for them as long as an operation takes, not for one whose thread does not run. The epoch has no part in it:
    /// what was decided before this call is known to every pin that comes after.
    fn settled(&self, but: &Record) -> bool {
        let unpinned = |record: &Record| {
            (0..GLANCES).any(|glance| {
                if glance > 0 {
                    std::hint::spin_loop();
                }
                record.pinned_at() == UNPINNED
            })
        };
        self.barrier()
            && self
                .records()
                .filter(|record| !std::ptr::eq(*record, but))
                .all(|record| unpinned(record) || seeded::bug("settled-anyway"))
    }

    /// A full fence here and, where pins have none, on every thread that runs; `false` if that could not be.
    fn barrier(&self) -> bool {
        // All pins are of one kind. While there is no record there is nothing to move on for; and whoever is the first to
        // pin, unseen as yet, may have no fence of its own.
        let Some(any) = self.records().next() else { return false };
        #[cfg(not(tsan))]
        if !seeded::bug("move-fence") {
            self.fence();
        }
        any.fenced || arch::heavy_barrier()
    }

    /// A full fence.
    #[cfg(not(tsan))]
    fn fence(&self) {
        // Loom tries orders of what is done to one place, and a fence is done to none.
        #[cfg(loom)]
        self.fences.fetch_add(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    fn records(&self) -> impl Iterator<Item = &Record> {
        let mut next = self.records.load(Ordering::Acquire);
        std::iter::from_fn(move || {
            // SAFETY: null, or a record that lives as long as the domain and was found by an acquiring load.
            let record = unsafe { next.as_ref() }?;
            next = record.next.load(Ordering::Relaxed);
            Some(record)
        })
    }

    /// Calls `f` with the bag of a record, for its owner; `None` if someone else is at it.
    #[inline]
    pub(super) fn with_own<R>(&self, record: &Record, f: impl FnOnce(&mut Bag) -> R) -> Option<R> {
        let fence = || {
            #[cfg(not(any(loom, tsan)))]
            compiler_fence(Ordering::SeqCst);
            #[cfg(not(tsan))]
            if record.fenced && !seeded::bug("bag-fence") {
                self.fence();
            }
        };
        record.bag.by_owner(fence, f)
    }

    /// Calls `f` with every thread's bag, but for those whose owners take long.
    fn for_each_bag(&self, mut f: impl FnMut(&mut Bag)) {
        let _claiming = lock(&self.claiming);
        self.records().for_each(|record| record.bag.claim());
        let fenced = self.barrier();
        // Whoever joined since has none that is claimed.
        for record in self.records().filter(|record| record.bag.is_claimed()) {
            if fenced {
                // SAFETY: claimed, before the barrier.
                unsafe { record.bag.by_another(&mut f) };
            }
            record.bag.unclaim();
        }
    }

    /// Adds to what is everyone's to free.
    fn share(&self, retired: Vec<Retired>) {
        if !retired.is_empty() {
            let mut shared = lock(&self.shared);
            shared.extend(retired);
            self.shared_len.store(shared.len(), Ordering::Relaxed);
        }
    }

    fn take_shared(&self, now: u64) -> Vec<Retired> {
        if self.shared_len.load(Ordering::Relaxed) == 0 {
            return Vec::new();
        }
        let mut shared = lock(&self.shared);
        let expired = take_expired(&mut shared, now);
        self.shared_len.store(shared.len(), Ordering::Relaxed);
        expired
    }

    /// Moves the epoch on if it can, and frees what the owner of `record` or everyone may free.
    ///
    /// Drops values: the caller is not pinned and holds no lock.
    pub(crate) fn tidy(&self, record: Option<&Record>) {
        self.try_move();
        let now = self.epoch();
        let own = record.into_iter().flat_map(|record| Expired::new(self, record, now));
        free_all(self.take_shared(now).into_iter().chain(own));
    }

    /// Frees all that can be freed now, whoever retired it.
    pub(crate) fn drive(&self) {
        loop {
            let mut moved = true;
            for _ in 0..GRACE {
                moved &= self.move_on();
            }
            let now = self.epoch();
            let mut expired = Vec::new();
            self.for_each_bag(|bag| bag.take(now, usize::MAX, &mut expired));
            // After the bags: a thread that ends meanwhile moves things from its own to here.
            expired.extend(self.take_shared(now));
            // What is dropped may retire more.
            if expired.is_empty() || !moved {
                return free_all(expired);
            }
            free_all(expired);
        }
    }
}

impl Drop for Domain {
    fn drop(&mut self) {
        let mut next = self.records.load(Ordering::Relaxed);
        let mut left = std::mem::take(&mut *lock(&self.shared));
        while !next.is_null() {
            // SAFETY: each record came from a box in `join`, and `&mut self` says that nobody uses it.
            let record = unsafe { Box::from_raw(next) };
            next = record.next.load(Ordering::Relaxed);
            left.append(&mut record.bag.into_all());
        }
        free_all(left);
    }
}

impl fmt::Debug for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Domain").field("epoch", &self.epoch()).finish_non_exhaustive()
    }
}

/// A pin: what its thread finds in a table while it has one is not reused.
#[derive(Debug)]
pub(crate) struct Guard<'d> {
    pub(super) record: &'d Record,
    /// What the record held before: an epoch if this pin lies within another, or [`LENT`].
    pub(super) before: u64,
}

impl Guard<'_> {
    /// Shows that the thread is pinned, as long as this guard is.
    #[inline(always)]
    pub(crate) fn pinned(&self) -> Pinned<'_> {
        Pinned::by(self.record)
    }

    #[cold]
    fn give_back(&self) {
        self.record.unpin();
        self.pinned().domain().leave(self.record);
    }
}

impl Drop for Guard<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.before == UNPINNED {
            self.record.unpin();
        } else if self.before == LENT {
            self.give_back();
        }
    }
}

/// That a thread is pinned, in one word that can be copied.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pinned<'g> {
    record: &'g Record,
}

impl<'g> Pinned<'g> {
    /// By the owner of this record, as long as the borrow lasts.
    #[inline(always)]
    pub(super) fn by(record: &'g Record) -> Self {
        Pinned { record }
    }

    /// Spreads counters over threads.
    #[inline]
    pub(crate) fn thread(self) -> usize {
        self.record.id
    }

    /// Whether everyone else who is pinned now was seen unpinned since: who pins from now on knows what was decided
    /// before this call. It is `false` if someone takes his time.
    ///
    /// What the caller's own thread does further up under a pin must not depend on it.
    pub(crate) fn others_settled(self) -> bool {
        self.domain().settled(self.record)
    }

    /// The domain that is pinned.
    #[inline]
    pub(crate) fn domain(self) -> &'g Domain {
        // SAFETY: a record's domain outlives it.
        unsafe { &*self.record.domain }
    }

    /// Counts an insert or a delete, and says whether it is time to tidy.
    #[inline]
    pub(crate) fn tick(self, every: u32) -> bool {
        let ticks = self.record.ticks.load(Ordering::Relaxed).wrapping_add(1);
        self.record.ticks.store(ticks, Ordering::Relaxed);
        ticks.is_multiple_of(every)
    }

    /// Whether the next [`tick`](Self::tick) will say that it is time.
    #[inline]
    pub(crate) fn ticks_at_next(self, every: u32) -> bool {
        self.record.ticks.load(Ordering::Relaxed).wrapping_add(1).is_multiple_of(every)
    }

    /// Keeps what was unlinked under this pin until it can be dropped; says whether it is time to tidy.
    pub(crate) fn retire(self, mut retired: Retired) -> bool {
        retired.stamp(self.domain().epoch());
        let domain = self.domain();
        let mut retired = Some(retired);
        // With the bug, at once, so that the race is not a matter of luck.
        let every = if seeded::bug("no-grace") { 1 } else { BAG };
        let put =
            |bag: &mut Bag| retired.take().is_some_and(|retired| bag.put(retired).is_multiple_of(every));
        let full = domain.with_own(self.record, put);
        if let Some(retired) = retired {
            // Whoever is at the bag is about to be done, but may be preempted.
            domain.share(vec![retired]);
        }
        full.unwrap_or(false)
    }

    /// The same for what is large: any thread may drop it.
    pub(crate) fn retire_shared(self, mut retired: Retired) {
        retired.stamp(self.domain().epoch());
        self.domain().share(vec![retired]);
    }
}
