use std::fmt;
#[cfg(not(any(loom, tsan)))]
use std::sync::atomic::compiler_fence;

use super::GRACE;
use super::bag::Bag;
use super::garbage::{Retired, Shared, free_all};
use super::guard::{Guard, LENT};
use super::moving::Moving;
use super::pending::Pending;
use super::record::{Record, Standing, const_unless_loom};
use crate::arch;
#[cfg(not(tsan))]
use crate::primitive::fence;
use crate::primitive::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Backoff, Mutex, Ordering, lock};
use crate::seeded;

/// How often [`Domain::settled`] looks at each record: for about a microsecond, in which a running thread ends its
/// operation.
const GLANCES: u32 = if cfg!(loom) { 1 } else { 64 };

/// After this many pins with a fence, a thread that may do without one tries to.
const FENCED_PINS: u32 = if cfg!(loom) { 1 } else { 64 };

/// The threads that reclaim together: those of all caches of a process, or of one model under loom.
#[repr(align(128))]
pub(crate) struct Domain {
    /// Twice the epoch: what a pinned record holds, but for one bit.
    clock: AtomicU64,
    /// The newest record.
    pub(super) records: AtomicPtr<Record>,
    count: AtomicUsize,
    /// Whether the system refuses to execute fences on other threads, so that every pin needs its own.
    no_barrier: AtomicBool,
    pub(super) pending: Pending,
    /// On other cache lines than the fields that every operation reads.
    pub(super) rare: Rare,
}

/// The parts of a domain that are behind mutexes.
#[repr(align(128))]
pub(super) struct Rare {
    /// Held by a thread that moves the epoch on, or claims the bags of others.
    pub(super) moving: Mutex<Moving>,
    pub(super) shared: Mutex<Shared>,
    /// Whether `shared` has objects, readable without the lock. Written under its mutex.
    some_shared: AtomicBool,
    #[cfg(loom)]
    fences: AtomicUsize,
}

impl Domain {
    const_unless_loom! {
        /// Creates a domain in which pins need no fence, unless `no_barrier` says that the system cannot execute one
        /// on other threads.
        pub(crate) fn new(no_barrier: bool) -> Self {
            Self {
                clock: AtomicU64::new(2),
                records: AtomicPtr::new(std::ptr::null_mut()),
                count: AtomicUsize::new(0),
                no_barrier: AtomicBool::new(no_barrier),
                pending: Pending::new(),
                rare: Rare {
                    moving: Mutex::new(Moving::new()),
                    shared: Mutex::new(Shared::new()),
                    some_shared: AtomicBool::new(false),
                    #[cfg(loom)]
                    fences: AtomicUsize::new(0),
                },
            }
        }
    }

    /// Twice the epoch, now or a moment ago.
    #[inline(always)]
    pub(super) fn clock(&self) -> u64 {
        // Acquire: readers whose unpinning let the epoch move on are done with what they saw. Pairs with `set_epoch`.
        self.clock.load(seeded::ordering(Ordering::Acquire, "epoch-load"))
    }

    /// The epoch, now or a moment ago.
    #[inline(always)]
    pub(crate) fn epoch(&self) -> u64 {
        self.clock() >> 1
    }

    /// Sets the epoch. The caller holds the mutex of moves.
    pub(super) fn set_epoch(&self, epoch: u64) {
        self.clock.store(epoch << 1, seeded::ordering(Ordering::Release, "epoch-store"));
    }

    /// Whether an entry that was unlinked in epoch `then` is out of sight.
    pub(crate) fn passed(&self, then: u64) -> bool {
        then + GRACE <= self.epoch() || seeded::bug("passed") && then <= self.epoch()
    }

    /// The number of records.
    pub(super) fn threads(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Gives a thread a record: a free one, or a new one.
    pub(crate) fn join(&self) -> &Record {
        let record = self.records().find(|record| record.take()).unwrap_or_else(|| self.add_record());
        record.begin();
        self.set_fenced(record, self.has_no_barrier());
        record
    }

    fn add_record(&self) -> &Record {
        let id = self.count.fetch_add(1, Ordering::Relaxed);
        let new = Box::into_raw(Box::new(Record::new(self, id)));
        let mut newest = self.records.load(Ordering::Relaxed);
        loop {
            // SAFETY: `new` came from a box just now. Records are freed with the domain only.
            let record = unsafe { &*new };
            record.next.store(newest, Ordering::Relaxed);
            // Release: a thread that finds the record finds it initialized. Pairs with the load in `records`.
            let release = seeded::ordering(Ordering::Release, "join");
            match self.records.compare_exchange(newest, new, release, Ordering::Relaxed) {
                Ok(_) => return record,
                Err(seen) => newest = seen,
            }
        }
    }

    /// Sets whether the owner of `record`, which is not pinned, must execute a fence in each pin, and shows it the
    /// epoch.
    fn set_fenced(&self, record: &Record, fenced: bool) {
        record.fenced_pins.store(0, Ordering::Relaxed);
        record.fenced.store(fenced, Ordering::Relaxed);
        // If a mover found the record free or fenced, or did not find it, it executed its fence before this one: then
        // what was unlinked before that fence is visible from here on.
        #[cfg(not(tsan))]
        if !seeded::bug("join-fence") {
            self.fence();
        }
        record.show(self.clock());
    }

    /// Gives a record back when its thread ends. Its garbage is shared with all threads.
    pub(crate) fn leave(&self, record: &Record) {
        // The owner accesses the bag for all of this, so a thread that frees everything finds its contents here or
        // there.
        let mut backoff = Backoff::default();
        let give = |bag: &mut Bag| {
            record.has_retired.store(false, Ordering::Relaxed);
            self.share(bag.empty());
        };
        while self.with_own(record, give).is_none() {
            backoff.wait();
        }
        record.taken.store(false, seeded::ordering(Ordering::Release, "leave"));
    }

    /// Pins the epoch for the owner of `record`. Pins nest.
    pub(crate) fn pin<'d>(&'d self, record: &'d Record) -> Guard<'d> {
        let nested = record.is_pinned();
        let mut rested = false;
        if nested {
            record.nested.store(record.nested.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
            rested = record.rest(false);
            // A user's closure called us. A thread that waits for writers sees that we no longer rest, or we see that
            // the table is serialized.
            #[cfg(not(tsan))]
            if rested && !seeded::bug("rest-fence") {
                self.fence();
            }
        } else {
            if record.fenced.load(Ordering::Relaxed) && !self.has_no_barrier() {
                self.try_without_fences(record);
            }
            if !self.enter(record) && !seeded::bug("pin-fence") {
                #[cfg(not(tsan))]
                self.fence();
            }
        }
        Guard::new(record, nested, rested)
    }

    /// Pins the epoch for the owner of `record`, which is not pinned; says whether the pin needs no fence.
    #[inline(always)]
    pub(super) fn enter(&self, record: &Record) -> bool {
        record.pin(self.clock());
        // Between this store and the following loads there is a fence of the owner's, or a thread that moves the
        // epoch makes this thread execute one.
        #[cfg(not(any(loom, tsan)))]
        compiler_fence(Ordering::SeqCst);
        // After the store: a mover that sets this executes a barrier next. Then it sees the pin, or the pin sees
        // this.
        !record.fenced.load(Ordering::Relaxed)
    }

    /// Lets the owner of `record`, which is not pinned, do without fences after some fenced pins.
    fn try_without_fences(&self, record: &Record) {
        let pins = record.fenced_pins.load(Ordering::Relaxed) + 1;
        record.fenced_pins.store(pins, Ordering::Relaxed);
        if pins >= FENCED_PINS {
            self.set_fenced(record, false);
        }
    }

    /// Pins with a record that goes back to the domain afterwards, for a thread that cannot keep one.
    pub(crate) fn pin_lent<'d>(&'d self, record: &'d Record) -> Guard<'d> {
        let mut guard = self.pin(record);
        guard.kind = LENT;
        guard
    }

    pub(super) fn has_no_barrier(&self) -> bool {
        self.no_barrier.load(Ordering::Relaxed)
    }

    /// Records that the system refuses barriers from now on.
    pub(crate) fn refuse_barriers(&self) {
        self.no_barrier.store(true, Ordering::Relaxed);
    }

    /// Whether each thread but the owner of `but` that was pinned when this was called has been seen unpinned since.
    ///
    /// Waits for them as long as an operation takes, and not for a thread that is not running. The epoch plays no
    /// part: what was published before this call is visible to every later pin.
    ///
    /// It is `false` if the caller's thread has another pin further up its stack: users' code called us from the
    /// middle of an operation, which must not find its table moved.
    pub(super) fn settled(&self, but: &Record) -> bool {
        if but.nested.load(Ordering::Relaxed) != 0 && !seeded::bug("settled-nested") {
            return false;
        }
        let unpinned = |record: &Record| {
            (0..GLANCES).any(|glance| {
                if glance > 0 {
                    std::hint::spin_loop();
                }
                record.is_seen_unpinned()
            })
        };
        let others = || self.records().filter(|record| !std::ptr::eq(*record, but));
        self.fence_everywhere(others)
            && others().all(|record| unpinned(record) || seeded::bug("settled-anyway"))
    }

    /// Waits until each thread but the owner of `but` has been seen at rest since this was called; `false`, without
    /// waiting, if the system refuses barriers.
    ///
    /// A thread is at rest if it is not pinned, has pinned again since, or [says so](Record::rest). The caller says
    /// so while it waits, so that two waiting threads do not wait for each other.
    pub(super) fn wait_for_rest(&self, but: &Record) -> bool {
        let before = but.rest(true);
        let others = || self.records().filter(|record| !std::ptr::eq(*record, but));
        let fenced = self.fence_everywhere(others);
        if fenced {
            let mut writing: Vec<_> =
                others().filter_map(|record| Some((record, record.writing_since()?))).collect();
            let mut backoff = Backoff::default();
            while !writing.is_empty() && !seeded::bug("restless") {
                writing.retain(|(record, since)| record.writing_since() == Some(*since));
                backoff.wait();
            }
        }
        but.rest(before);
        fenced
    }

    /// Executes a full fence here and on the threads of these records; `false` if that is impossible.
    pub(super) fn fence_everywhere<'d, R: Iterator<Item = &'d Record>>(
        &'d self,
        records: impl Fn() -> R,
    ) -> bool {
        #[cfg(not(tsan))]
        if !seeded::bug("move-fence") {
            self.fence();
        }
        let epoch = self.epoch();
        let needs_barrier = |record: &Record| {
            // A thread that is pinned, or has seen this epoch, may still execute no fences.
            record.standing(epoch) != Standing::Free && !record.executes_fences()
        };
        !records().any(needs_barrier) || self.barrier()
    }

    /// Executes a full fence on every running thread of the process; `false` if the system refuses.
    pub(super) fn barrier(&self) -> bool {
        if self.has_no_barrier() {
            return false;
        }
        let done = arch::heavy_barrier();
        if !done {
            self.refuse_barriers();
        }
        done
    }

    /// Executes a full fence.
    #[cfg(not(tsan))]
    pub(super) fn fence(&self) {
        // Loom tries the orders of accesses to one place, and a fence accesses none.
        #[cfg(loom)]
        self.rare.fences.fetch_add(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    pub(super) fn records(&self) -> impl Iterator<Item = &Record> {
        let mut next = self.records.load(Ordering::Acquire);
        std::iter::from_fn(move || {
            // SAFETY: null, or a record that lives as long as the domain and was found by an acquiring load.
            let record = unsafe { next.as_ref() }?;
            next = record.next.load(Ordering::Relaxed);
            Some(record)
        })
    }

    /// Calls `f` with the bag of a record, for its owner; `None` if another thread has claimed it.
    #[inline]
    pub(super) fn with_own<R>(&self, record: &Record, f: impl FnOnce(&mut Bag) -> R) -> Option<R> {
        let fence = || {
            #[cfg(not(any(loom, tsan)))]
            compiler_fence(Ordering::SeqCst);
            #[cfg(not(tsan))]
            if record.fenced.load(Ordering::Relaxed) && !seeded::bug("bag-fence") {
                self.fence();
            }
        };
        // SAFETY: a record has one owner: `join` gives it to one thread, until that leaves. The closures passed here
        // allocate and lock `shared`; no users' code runs in them.
        unsafe { record.bag.by_owner(fence, f) }
    }

    /// Whether there may be something to free.
    #[inline(always)]
    pub(crate) fn has_garbage(&self) -> bool {
        self.pending.is_set()
    }

    /// Whether there is shared garbage, now or a moment ago.
    pub(super) fn seems_to_share(&self) -> bool {
        self.rare.some_shared.load(Ordering::Relaxed)
    }

    /// Adds to the shared garbage, which any thread may free.
    pub(super) fn share(&self, retired: Vec<Retired>) {
        if !retired.is_empty() {
            let mut shared = lock(&self.rare.shared);
            shared.add(retired);
            self.rare.some_shared.store(true, Ordering::Relaxed);
            drop(shared);
            self.pending.set();
        }
    }

    /// Takes the expired objects out of the shared garbage.
    pub(super) fn take_shared(&self, now: u64) -> Vec<Retired> {
        let mut shared = lock(&self.rare.shared);
        let expired = shared.take(now);
        self.rare.some_shared.store(!shared.is_empty(), Ordering::Relaxed);
        expired
    }
}

impl Drop for Domain {
    fn drop(&mut self) {
        let mut next = self.records.load(Ordering::Relaxed);
        let mut left = std::mem::replace(&mut *lock(&self.rare.shared), Shared::new()).into_all();
        while !next.is_null() {
            // SAFETY: each record came from a box in `join`, and by `&mut self` no thread uses it.
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
