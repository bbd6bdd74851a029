use super::bag::Bag;
use super::domain::Domain;
use super::garbage::Retired;
use super::record::Record;
use crate::primitive::Ordering;
use crate::seeded;

/// The kind of a guard's pin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Outermost,
    /// A pin within another; `rested` says whether its owner was at rest.
    Nested {
        rested: bool,
    },
    /// A pin of a record that goes back to the domain.
    Lent,
}

pub(super) const LENT: Kind = Kind::Lent;

/// A pin: nothing that its thread finds in a table meanwhile is reused.
#[derive(Debug)]
pub(crate) struct Guard<'d> {
    pub(super) record: &'d Record,
    pub(super) kind: Kind,
}

impl<'d> Guard<'d> {
    pub(super) fn new(record: &'d Record, nested: bool, rested: bool) -> Self {
        Self { record, kind: if nested { Kind::Nested { rested } } else { Kind::Outermost } }
    }
}

impl Guard<'_> {
    /// Returns a proof that the thread is pinned, valid while this guard lives.
    #[inline(always)]
    pub(crate) fn pinned(&self) -> Pinned<'_> {
        Pinned::by(self.record)
    }

    /// Whether another operation of this thread is in progress, perhaps in the middle of a write: the code of a key
    /// called us.
    pub(crate) fn is_within_an_operation(&self) -> bool {
        self.kind == Kind::Nested { rested: false }
    }

    /// Marks the thread as resting while the returned value lives: it runs a user's closure, and writes to no value
    /// without a lock. Returns `None` within another operation.
    pub(crate) fn rest(&self) -> Option<Rest<'_>> {
        (!self.is_within_an_operation()).then(|| Rest::of(self.record))
    }
}

impl Drop for Guard<'_> {
    #[inline]
    fn drop(&mut self) {
        match self.kind {
            Kind::Outermost => self.record.unpin(),
            Kind::Nested { rested } => {
                self.record.rest(rested);
                self.record.nested.store(self.record.nested.load(Ordering::Relaxed) - 1, Ordering::Relaxed);
            }
            Kind::Lent => {
                self.record.unpin();
                self.pinned().domain().leave(self.record);
            }
        }
    }
}

/// A proof that a thread is pinned, in one word that can be copied.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pinned<'g> {
    record: &'g Record,
}

impl<'g> Pinned<'g> {
    /// Creates the proof for the owner of this record, which stays pinned while the borrow lasts.
    #[inline(always)]
    pub(super) fn by(record: &'g Record) -> Self {
        Pinned { record }
    }

    /// The number of the thread, which spreads counters over threads.
    #[inline]
    pub(crate) fn thread(self) -> usize {
        self.record.id
    }

    /// Whether each other thread that is pinned now has been seen unpinned since: later pins see what was published
    /// before this call. It is `false` if a thread takes long, or the caller's thread is pinned further up its stack.
    pub(crate) fn others_settled(self) -> bool {
        self.domain().settled(self.record)
    }

    /// Waits until no other thread is in the middle of a write that it began before this call; `false` if that cannot be
    /// told yet. See [`Domain::wait_for_rest`].
    pub(crate) fn others_at_rest(self) -> bool {
        self.domain().wait_for_rest(self.record)
    }

    /// The domain that is pinned.
    #[inline]
    pub(crate) fn domain(self) -> &'g Domain {
        // SAFETY: a record's domain outlives it.
        unsafe { &*self.record.domain }
    }

    /// The epoch that the thread has pinned, which may be older than the current one.
    pub(crate) fn epoch_when_pinned(self) -> u64 {
        self.record.pinned_epoch()
    }

    /// Counts a replacement; says whether garbage is due to be collected.
    #[inline(always)]
    pub(crate) fn count_write(self) -> bool {
        self.record.count_write()
    }

    /// Records that an entry was removed: its room waits for later epochs.
    #[inline(always)]
    pub(crate) fn set_removed(self) {
        self.record.set_removed();
    }

    /// Counts an insert; says whether garbage is due to be collected. An insert itself makes none.
    #[inline(always)]
    pub(crate) fn count_insert(self) -> bool {
        let due = self.record.count_write();
        if due && !self.domain().has_garbage() && !self.record.has_removed() {
            self.record.restart_count();
            return false;
        }
        due
    }

    /// Counts a removal; says whether garbage is due to be collected. If only room was left, it is due at every
    /// second end of the count.
    #[inline(always)]
    pub(crate) fn count_removal(self) -> bool {
        let due = self.record.count_write();
        if due && !self.domain().has_garbage() && self.record.visits() % 2 == 0 {
            self.record.restart_count();
            return false;
        }
        due
    }

    /// The number of times that the count of writes has ended.
    pub(crate) fn visits(self) -> u32 {
        self.record.visits()
    }

    /// Retires an object that was unlinked under this pin: it is dropped when no thread can see it.
    #[inline]
    pub(crate) fn retire(self, mut retired: Retired) {
        let domain = self.domain();
        retired.stamp(domain.epoch());
        let mut retired = Some(retired);
        let put = |bag: &mut Bag| {
            if let Some(retired) = retired.take() {
                if bag.put(retired) == 1 {
                    self.record.has_retired.store(true, Ordering::Relaxed);
                }
            }
        };
        domain.with_own(self.record, put);
        if let Some(retired) = retired {
            // The thread that has claimed the bag is about to be done, but may be preempted.
            domain.share(vec![retired]);
        }
        domain.pending.set();
        // With the bug, free at once, so that the race does not depend on luck.
        if seeded::bug("no-grace") {
            domain.collect(Some(self.record));
        }
    }

    /// Retires a large object: any thread may drop it.
    pub(crate) fn retire_shared(self, mut retired: Retired) {
        retired.stamp(self.domain().epoch());
        self.domain().share(vec![retired]);
    }
}

/// Marks a pinned thread as resting until it is dropped.
#[derive(Debug)]
pub(crate) struct Rest<'g> {
    record: &'g Record,
    before: bool,
}

impl<'g> Rest<'g> {
    /// Marks the owner of this record, which is not in the middle of a write.
    #[inline(always)]
    pub(super) fn of(record: &'g Record) -> Self {
        Self { record, before: record.rest(true) }
    }
}

impl Drop for Rest<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        self.record.rest(self.before);
    }
}
