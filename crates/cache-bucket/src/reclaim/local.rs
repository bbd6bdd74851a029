//! The one domain of a process, and each thread's record in it.

use std::cell::Cell;
use std::sync::OnceLock;

use cache_core::runs_loader;

use super::domain::{Domain, Guard, Pinned};
use super::record::{Record, UNPINNED};
use crate::arch;
use crate::primitive::Ordering;

static DOMAIN: Domain = Domain::new();
/// What a thread's record is before its first pin, and after its end.
static NOBODY: Record = Record::nobody();

thread_local! {
    /// This thread's record if its pins need no fence, else [`NOBODY`]. Without a destructor, so that reading it is
    /// one load.
    static RECORD: Cell<&'static Record> = const { Cell::new(&NOBODY) };
    /// Whether this thread is freeing things.
    static TIDYING: Cell<bool> = const { Cell::new(false) };
    /// This thread's record, which is given back at the end of the thread.
    static OWN: Own = const { Own(Cell::new(None)) };
}

struct Own(Cell<Option<&'static Record>>);

impl Drop for Own {
    fn drop(&mut self) {
        RECORD.set(&NOBODY);
        if let Some(record) = self.0.take() {
            DOMAIN.leave(record);
        }
    }
}

/// The domain of this process.
pub(crate) fn domain() -> &'static Domain {
    &DOMAIN
}

/// Pins the epoch for this thread.
pub(crate) fn pin() -> Guard<'static> {
    match OWN.try_with(|own| own.0.get().unwrap_or_else(|| join(own))) {
        Ok(record) => DOMAIN.pin(record),
        // The thread is ending and its record given back.
        Err(_) => DOMAIN.pin_lent(DOMAIN.join(fenced())),
    }
}

/// Pins the epoch for this thread if that is a matter of two stores: it pinned before, is not pinned now, and needs no
/// fence.
#[inline(always)]
pub(crate) fn quick_pin() -> Option<QuickGuard> {
    let record = RECORD.get();
    if record.pinned.load(Ordering::Relaxed) != UNPINNED {
        return None;
    }
    DOMAIN.pin_first(record);
    Some(QuickGuard { record })
}

/// Pins the epoch for this thread, in the quick way if that can be.
#[inline(always)]
pub(crate) fn pin_either() -> EitherGuard {
    match quick_pin() {
        Some(guard) => EitherGuard::Quick(guard),
        None => EitherGuard::Other(pin()),
    }
}

/// A pin of either kind.
#[derive(Debug)]
pub(crate) enum EitherGuard {
    Quick(QuickGuard),
    Other(Guard<'static>),
}

impl EitherGuard {
    /// Shows that the thread is pinned, as long as this guard is.
    #[inline(always)]
    pub(crate) fn pinned(&self) -> Pinned<'_> {
        match self {
            EitherGuard::Quick(guard) => guard.pinned(),
            EitherGuard::Other(guard) => guard.pinned(),
        }
    }
}

/// A pin that is known to be the thread's only one, so that there is nothing to remember and nothing to decide.
#[derive(Debug)]
pub(crate) struct QuickGuard {
    record: &'static Record,
}

impl QuickGuard {
    /// Shows that the thread is pinned, as long as this guard is.
    #[inline(always)]
    pub(crate) fn pinned(&self) -> Pinned<'_> {
        Pinned::by(self.record)
    }
}

impl Drop for QuickGuard {
    #[inline(always)]
    fn drop(&mut self) {
        self.record.unpin();
    }
}

/// Moves the epoch on if it can, and frees what this thread or everyone may free. Drops values: the caller is
/// not pinned and holds no lock.
///
/// Frees nothing within the drop of something it frees, however deep, nor within a loader: what is dropped now was
/// removed at another time, and whatever the caller is in the middle of is no business of its.
#[cold]
#[inline(never)]
pub(crate) fn tidy() {
    struct Tidying;

    impl Drop for Tidying {
        fn drop(&mut self) {
            TIDYING.set(false);
        }
    }

    if runs_loader() || TIDYING.replace(true) {
        DOMAIN.try_move();
        return;
    }
    let _tidying = Tidying;
    DOMAIN.tidy(OWN.try_with(|own| own.0.get()).unwrap_or(None));
}

fn join(own: &Own) -> &'static Record {
    let fenced = fenced();
    let record = DOMAIN.join(fenced);
    own.0.set(Some(record));
    if !fenced {
        RECORD.set(record);
    }
    record
}

/// Decides how pins are done in this process, if that was not decided yet.
///
/// Where a process has threads already, the system takes some milliseconds to answer. So it is asked when a cache is made,
/// and not by the first operation on one.
pub(crate) fn decide() {
    fenced();
}

/// Whether pins need a fence. Decided once, before the first pin, so that all pins are of one kind.
fn fenced() -> bool {
    static FENCED: OnceLock<bool> = OnceLock::new();
    *FENCED.get_or_init(|| !arch::register_heavy_barrier())
}
