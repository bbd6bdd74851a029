//! The one domain of a process, and each thread's record in it.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::sync::atomic::{Ordering, compiler_fence, fence};

use cache_core::while_dropping;

use super::GRACE;
use super::domain::Domain;
use super::garbage::drop_payload;
use super::guard::{Guard, Pinned, Rest};
use super::moving::{Advance, Effort};
use super::record::Record;
use crate::arch;

static DOMAIN: Domain = Domain::new(false);
/// The record of a thread before its first pin and after its end.
static NOBODY: Record = Record::nobody();

thread_local! {
    /// This thread's record, or [`NOBODY`]. It has no destructor, so that reading it is one load. It is a raw pointer
    /// because Rust 1.85 allows no reference to a static with atomics in a constant.
    static RECORD: Cell<*const Record> = const { Cell::new(&raw const NOBODY) };
    /// Whether this thread is freeing objects.
    static FREEING: Cell<bool> = const { Cell::new(false) };
    /// This thread's record, which is given back at the end of the thread.
    static OWN: Own = const { Own(Cell::new(None)) };
}

struct Own(Cell<Option<&'static Record>>);

impl Drop for Own {
    fn drop(&mut self) {
        RECORD.set(&NOBODY);
        if let Some(record) = self.0.take() {
            // It also frees what its pins kept from being freed, if asked to.
            let asked = record.is_asked();
            record.answer();
            DOMAIN.leave(record);
            // It sees the garbage that it shared itself.
            if asked || DOMAIN.seems_to_share() {
                let free_shared = || {
                    DOMAIN.free_shared(None);
                };
                // A panic that leaves this destructor would end the process.
                quietly(|| {
                    free(free_shared);
                });
            }
        }
    }
}

/// This thread's record, or [`NOBODY`].
#[inline(always)]
fn record() -> &'static Record {
    // SAFETY: `RECORD` is only ever set to the address of `NOBODY` or of a record of `DOMAIN`. Both are statics or live
    // as long as one.
    unsafe { &*RECORD.get() }
}

/// Pins the epoch for this thread.
pub(crate) fn pin() -> Guard<'static> {
    match OWN.try_with(|own| own.0.get().unwrap_or_else(|| join(own))) {
        Ok(record) => DOMAIN.pin(record),
        // The thread is ending and has given its record back.
        Err(_) => {
            choose_barrier();
            DOMAIN.pin_lent(DOMAIN.join())
        }
    }
}

/// Pins the epoch for this thread on the fast path: it pinned before, is not pinned now, and needs no fence. The pin
/// is two stores.
#[inline(always)]
pub(crate) fn fast_pin() -> Option<FastGuard> {
    let record = record();
    if record.is_pinned() {
        return None;
    }
    if !DOMAIN.enter(record) {
        record.unpin();
        return None;
    }
    Some(FastGuard { record })
}

/// Pins the epoch for this thread, on the fast path if possible.
#[inline(always)]
pub(crate) fn pin_either() -> EitherGuard {
    match fast_pin() {
        Some(guard) => EitherGuard::Fast(guard),
        None => EitherGuard::Other(pin()),
    }
}

/// A pin of either kind.
#[derive(Debug)]
pub(crate) enum EitherGuard {
    Fast(FastGuard),
    Other(Guard<'static>),
}

impl EitherGuard {
    /// Shows that the thread is pinned, as long as this guard is.
    #[inline(always)]
    pub(crate) fn pinned(&self) -> Pinned<'_> {
        match self {
            EitherGuard::Fast(guard) => guard.pinned(),
            EitherGuard::Other(guard) => guard.pinned(),
        }
    }

    /// See [`Guard::rest`].
    #[inline(always)]
    pub(crate) fn rest(&self) -> Option<Rest<'_>> {
        match self {
            // It is the only pin of its thread, so no other operation is in progress.
            EitherGuard::Fast(guard) => Some(Rest::of(guard.record)),
            EitherGuard::Other(guard) => guard.rest(),
        }
    }
}

/// A pin that is known to be the only one of its thread, so that dropping it needs no decision.
#[derive(Debug)]
pub(crate) struct FastGuard {
    record: &'static Record,
}

impl FastGuard {
    /// Shows that the thread is pinned, as long as this guard is.
    #[inline(always)]
    pub(crate) fn pinned(&self) -> Pinned<'_> {
        Pinned::by(self.record)
    }
}

impl Drop for FastGuard {
    #[inline(always)]
    fn drop(&mut self) {
        self.record.unpin();
    }
}

/// Collects garbage, when a counted write made this due. Drops values: the caller is not pinned and holds no lock.
///
/// Frees nothing within the drop of an object that is being freed, however deep: that garbage is freed when the
/// outermost drop is done.
#[cold]
#[inline(never)]
pub(crate) fn collect() {
    let own = own();
    let Some(own) = own else {
        // This thread is ending, and may not get another chance.
        free(|| {
            DOMAIN.free_shared(None);
        });
        return;
    };
    own.reset_count(arch::nanoseconds(), DOMAIN.threads());
    if !free(|| DOMAIN.collect(Some(own))) {
        DOMAIN.try_move(Some(own), Effort::Usual);
    }
    own.set_attempted(arch::nanoseconds());
}

/// Moves the epoch on as far as other threads allow, and collects garbage: after much was removed. Drops values, as
/// [`collect`] does.
pub(crate) fn collect_now() {
    let own = own();
    let _ = (0..GRACE).all(|_| matches!(DOMAIN.try_move(own, Effort::Full), Advance::Moved));
    collect();
}

/// Frees all garbage that can be freed now, whichever thread retired it. Drops values, as [`collect`] does.
pub(crate) fn collect_all() {
    free(|| DOMAIN.collect_all(own()));
}

/// Frees what a dropped cache has left in any thread's bag. Drops values, as [`collect`] does.
pub(crate) fn collect_dropped() {
    if DOMAIN.has_garbage() {
        collect_all();
    }
}

/// Frees what this thread's long pin kept from being freed, if another thread asked for that. Drops values, as
/// [`collect`] does.
#[inline(always)]
pub(crate) fn after_long_pin() {
    let record = record();
    // A thread that asks checks once more whether we are pinned. Either it sees that we are not, or we see that we
    // are asked: by the barrier that it executes, or by this fence.
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
    let record = record();
    // If it cannot be done here, it is done at the end of the outermost pin, or of the current freeing.
    if !record.is_pinned() && free(|| DOMAIN.collect_all(own())) {
        record.answer();
    }
}

/// Moves the epoch on until the room of removed entries can be reused, if other threads allow it at once.
#[cold]
pub(crate) fn make_room() {
    let own = own();
    // Not with many threads: each attempt looks at every record.
    if DOMAIN.threads() > MANY && own.is_some_and(|own| !own.count_write()) {
        return;
    }
    let _ = (0..GRACE).all(|_| matches!(DOMAIN.try_move(own, Effort::Light), Advance::Moved));
}

/// With more records than this, room is made only when the count of writes ends.
const MANY: usize = 64;

/// Tries to move the epoch on by one.
pub(crate) fn try_move() -> bool {
    matches!(DOMAIN.try_move(own(), Effort::Usual), Advance::Moved)
}

/// Calls `work`, which frees objects, unless this thread is freeing already; says whether it did.
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

/// Calls `work` and catches its panic. The message has been printed.
pub(crate) fn quietly(work: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(work)) {
        drop_payload(panic);
    }
}

fn own() -> Option<&'static Record> {
    OWN.try_with(|own| own.0.get()).unwrap_or(None)
}

fn join(own: &Own) -> &'static Record {
    choose_barrier();
    let record = DOMAIN.join();
    own.0.set(Some(record));
    RECORD.set(record);
    record
}

/// Asks the system once whether it executes fences on other threads, and chooses the barrier accordingly.
///
/// If a process has threads already, the system takes some milliseconds to answer. So a new cache asks, and not the
/// first operation on it.
pub(crate) fn choose_barrier() {
    static CHOSEN: OnceLock<()> = OnceLock::new();
    CHOSEN.get_or_init(|| {
        if !arch::register_heavy_barrier() {
            DOMAIN.refuse_barriers();
        }
    });
}
