//! The one domain of a process, and each thread's record in it.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::sync::atomic::{Ordering, compiler_fence, fence};

use cache_core::while_dropping;

use super::GRACE;
use super::domain::Domain;
use super::garbage::drop_payload;
use super::guard::{Guard, Pinned};
use super::moving::{Advance, Effort};
use super::record::Record;
use crate::arch;

static DOMAIN: Domain = Domain::new(false);
/// What a thread's record is before its first pin, and after its end.
static NOBODY: Record = Record::nobody();

thread_local! {
    /// This thread's record, or [`NOBODY`]. Without a destructor, so that reading it is one load.
    static RECORD: Cell<&'static Record> = const { Cell::new(&NOBODY) };
    /// Whether this thread is freeing things.
    static FREEING: Cell<bool> = const { Cell::new(false) };
    /// This thread's record, which is given back at the end of the thread.
    static OWN: Own = const { Own(Cell::new(None)) };
}

struct Own(Cell<Option<&'static Record>>);

impl Drop for Own {
    fn drop(&mut self) {
        RECORD.set(&NOBODY);
        if let Some(record) = self.0.take() {
            // What it kept from being freed is its business, too.
            let asked = record.is_asked();
            record.answer();
            DOMAIN.leave(record);
            // What it shared itself it sees.
            if asked || DOMAIN.seems_to_share() {
                let free_shared = || {
                    DOMAIN.free_shared(None);
                };
                // A panic that leaves this would end the process.
                quietly(|| {
                    free(free_shared);
                });
            }
        }
    }
}

/// Pins the epoch for this thread.
pub(crate) fn pin() -> Guard<'static> {
    match OWN.try_with(|own| own.0.get().unwrap_or_else(|| join(own))) {
        Ok(record) => DOMAIN.pin(record),
        // The thread is ending and its record given back.
        Err(_) => {
            decide();
            DOMAIN.pin_lent(DOMAIN.join())
        }
    }
}

/// Pins the epoch for this thread if that is a matter of two stores: it pinned before, is not pinned now, and needs no
/// fence.
#[inline(always)]
pub(crate) fn quick_pin() -> Option<QuickGuard> {
    let record = RECORD.get();
    if record.is_pinned() {
        return None;
    }
    if !DOMAIN.enter(record) {
        record.unpin();
        return None;
    }
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

/// Sees to garbage, where a write was counted that made this due. Drops values: the caller is not pinned and holds no
/// lock.
///
/// Frees nothing within the drop of something it frees, however deep: that is freed once the outermost drop is done.
#[cold]
#[inline(never)]
pub(crate) fn tidy() {
    let own = own();
    let Some(own) = own else {
        // This thread is ending, and may not come back.
        free(|| {
            DOMAIN.free_shared(None);
        });
        return;
    };
    own.reset_count(arch::nanoseconds(), DOMAIN.threads());
    if !free(|| DOMAIN.tidy(Some(own))) {
        DOMAIN.try_move(Some(own), Effort::Usual);
    }
    own.set_attempted(arch::nanoseconds());
}

/// Frees what this thread or everyone may free, as far as others let it at once: after much was removed. Drops values, as
/// [`tidy`] does.
pub(crate) fn tidy_now() {
    let own = own();
    let _ = (0..GRACE).all(|_| matches!(DOMAIN.try_move(own, Effort::Full), Advance::Moved));
    tidy();
}

/// Frees all that can be freed now, whoever retired it. Drops values, as [`tidy`] does.
pub(crate) fn drive() {
    free(|| DOMAIN.drive(own()));
}

/// Frees what a cache that was dropped has left behind, in whoever's bag. Drops values, as [`tidy`] does.
pub(crate) fn sweep() {
    if DOMAIN.has_garbage() {
        drive();
    }
}

/// Frees what could not be freed because this thread was pinned for long, if someone asked for that. Drops values, as
/// [`tidy`] does.
#[inline(always)]
pub(crate) fn after_long_pin() {
    let record = RECORD.get();
    // Whoever asks looks once more whether we are pinned. Either he sees that we are not, or we see that we are asked: by the
    // barrier that he executes, or by this fence.
    compiler_fence(Ordering::SeqCst);
    if record.fenced.load(Ordering::Relaxed) {
        fence(Ordering::SeqCst);
    }
    if record.is_asked() {
        answer();
    }
}

#[cold]
#[inline(never)]
fn answer() {
    let record = RECORD.get();
    // Else at the end of the outermost pin, or of what is being freed.
    if !record.is_pinned() && free(|| DOMAIN.drive(own())) {
        record.answer();
    }
}

/// Moves the epoch on by as much as makes the room of removed entries usable again, if others let it at once.
#[cold]
pub(crate) fn make_room() {
    let own = own();
    // Each attempt looks at every record.
    if DOMAIN.threads() > MANY && own.is_some_and(|own| !own.count_write()) {
        return;
    }
    let _ = (0..GRACE).all(|_| matches!(DOMAIN.try_move(own, Effort::Light), Advance::Moved));
}

/// With more records than this, room is not made at once.
const MANY: usize = 64;

/// Tries to move the epoch on by one.
pub(crate) fn try_move() -> bool {
    matches!(DOMAIN.try_move(own(), Effort::Usual), Advance::Moved)
}

/// Calls `work`, which frees things; says whether it did, as it does not within itself.
fn free(work: impl FnOnce()) -> bool {
    struct Freeing;

    impl Drop for Freeing {
        fn drop(&mut self) {
            FREEING.set(false);
        }
    }

    if FREEING.replace(true) {
        return false;
    }
    let _freeing = Freeing;
    while_dropping(work);
    true
}

/// Calls `work`, and catches its panic, whose message has been printed.
pub(crate) fn quietly(work: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(work)) {
        drop_payload(panic);
    }
}

fn own() -> Option<&'static Record> {
    OWN.try_with(|own| own.0.get()).unwrap_or(None)
}

fn join(own: &Own) -> &'static Record {
    decide();
    let record = DOMAIN.join();
    own.0.set(Some(record));
    RECORD.set(record);
    record
}

/// Asks the system whether it executes fences on other threads, if that was not done yet.
///
/// Where a process has threads already, the system takes some milliseconds to answer. So it is asked when a cache is made,
/// and not by the first operation on one.
pub(crate) fn decide() {
    static DECIDED: OnceLock<()> = OnceLock::new();
    DECIDED.get_or_init(|| {
        if !arch::register_heavy_barrier() {
            DOMAIN.refuse_barriers();
        }
    });
}
