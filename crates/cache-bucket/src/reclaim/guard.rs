use super::bag::Bag;
use super::domain::Domain;
use super::garbage::Retired;
use super::record::Record;
use crate::primitive::Ordering;
use crate::seeded;

/// What kind of pin a guard is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Outermost,
    /// Within another.
    Nested,
    /// Of a record that goes back to the domain.
    Lent,
}

pub(super) const LENT: Kind = Kind::Lent;

/// A pin: what its thread finds in a table while it has one is not reused.
#[derive(Debug)]
pub(crate) struct Guard<'d> {
    pub(super) record: &'d Record,
    pub(super) kind: Kind,
}

impl<'d> Guard<'d> {
    pub(super) fn new(record: &'d Record, nested: bool) -> Self {
        Self { record, kind: if nested { Kind::Nested } else { Kind::Outermost } }
    }
}

impl Guard<'_> {
    /// Shows that the thread is pinned, as long as this guard is.
    #[inline(always)]
    pub(crate) fn pinned(&self) -> Pinned<'_> {
        Pinned::by(self.record)
    }
}

impl Drop for Guard<'_> {
    #[inline]
    fn drop(&mut self) {
        match self.kind {
            Kind::Outermost => self.record.unpin(),
            Kind::Nested => {
                self.record.nested.store(self.record.nested.load(Ordering::Relaxed) - 1, Ordering::Relaxed);
            }
            Kind::Lent => {
                self.record.unpin();
                self.pinned().domain().leave(self.record);
            }
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
    /// before this call. It is `false` if someone takes his time, or the caller's thread is pinned further up its stack.
    pub(crate) fn others_settled(self) -> bool {
        self.domain().settled(self.record)
    }

    /// The domain that is pinned.
    #[inline]
    pub(crate) fn domain(self) -> &'g Domain {
        // SAFETY: a record's domain outlives it.
        unsafe { &*self.record.domain }
    }

    /// The epoch that the thread has pinned. It may be older than the epoch.
    pub(crate) fn epoch_when_pinned(self) -> u64 {
        self.record.pinned_epoch()
    }

    /// Counts a replacement; says whether it is time to see to garbage.
    #[inline(always)]
    pub(crate) fn count_write(self) -> bool {
        self.record.count_write()
    }

    /// Remembers that an entry was removed: its room waits for later epochs.
    #[inline(always)]
    pub(crate) fn set_removed(self) {
        self.record.set_removed();
    }

    /// Counts an insert. Says whether it is time to see to garbage, of which an insert makes none.
    #[inline(always)]
    pub(crate) fn count_insert(self) -> bool {
        let due = self.record.count_write();
        if due && !self.domain().has_garbage() && !self.record.has_removed() {
            self.record.restart_count();
            return false;
        }
        due
    }

    /// Counts a removal that may have left nothing but room. Says whether it is time to see to garbage: at every second
    /// end of the count, if there is only room to be had.
    #[inline(always)]
    pub(crate) fn count_removal(self) -> bool {
        let due = self.record.count_write();
        if due && !self.domain().has_garbage() && self.record.visits().is_multiple_of(2) {
            self.record.restart_count();
            return false;
        }
        due
    }

    /// How often the count of writes has ended.
    pub(crate) fn visits(self) -> u32 {
        self.record.visits()
    }

    /// Keeps what was unlinked under this pin until it can be dropped.
    #[inline]
    pub(crate) fn retire(self, mut retired: Retired) {
        let domain = self.domain();
        retired.stamp(domain.epoch());
        let mut retired = Some(retired);
        let put = |bag: &mut Bag| {
            if let Some(retired) = retired.take()
                && bag.put(retired) == 1
            {
                self.record.has_retired.store(true, Ordering::Relaxed);
            }
        };
        domain.with_own(self.record, put);
        if let Some(retired) = retired {
            // Whoever is at the bag is about to be done, but may be preempted.
            domain.share(vec![retired]);
        }
        domain.pending.set();
        // With the bug, at once, so that the race is not a matter of luck.
        if seeded::bug("no-grace") {
            domain.tidy(Some(self.record));
        }
    }

    /// [`retire`](Self::retire) for what is large: any thread may drop it.
    pub(crate) fn retire_shared(self, mut retired: Retired) {
        retired.stamp(self.domain().epoch());
        self.domain().share(vec![retired]);
    }
}
