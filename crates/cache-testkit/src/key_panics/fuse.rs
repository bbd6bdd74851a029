//! What counts the calls of a hazard down to the one that matters.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};

use cache_core::reentry_allowed;

use super::Hazard;
use crate::quiet::is_quiet;
use crate::violation::panic_message;
use crate::{Violation, quiet_panic};

type Call = Box<dyn FnOnce()>;

thread_local! {
    /// Which hazard is to do its deed on this thread, and how many calls of it are to pass before.
    static FUSE: Cell<Option<(Hazard, usize)>> = const { Cell::new(None) };
    /// What it is to call; it panics if there is nothing.
    static CALL: RefCell<Option<Call>> = const { RefCell::new(None) };
}

/// Runs `body`, in which the call of `hazard` after the first `calls` panics; tells whether it came to that.
pub(super) fn lit(hazard: Hazard, calls: usize, body: impl FnOnce()) -> Result<bool, Violation> {
    FUSE.set(Some((hazard, calls)));
    let result = catch_unwind(AssertUnwindSafe(body));
    let burnt = FUSE.take().is_none();
    match result {
        Err(payload) if !is_quiet(&*payload) => {
            Err(Violation::wrong(format!("the cache itself panicked: {}", panic_message(&*payload))))
        }
        // A cache may also keep the panic to itself, as one that comes from a `Drop` put off until later.
        _ => Ok(burnt),
    }
}

/// As [`lit`], but the call of `hazard` runs `call`. Tells also with what message the cache refused that, if it did.
///
/// Calls from closures are let through as in a build without debug assertions.
pub(super) fn lit_to_call(
    hazard: Hazard,
    calls: usize,
    call: impl FnOnce() + 'static,
    body: impl FnOnce(),
) -> (bool, Option<String>) {
    CALL.set(Some(Box::new(call)));
    FUSE.set(Some((hazard, calls)));
    let result = catch_unwind(AssertUnwindSafe(|| reentry_allowed(body)));
    let burnt = FUSE.take().is_none();
    // What it owns includes the cache, whose drop is part of the test.
    drop(CALL.take());
    (burnt, result.err().map(|payload| panic_message(&*payload)))
}

/// To be called by the code of a hazard: does the deed if it is the call that is to.
pub(super) fn burn(hazard: Hazard) {
    // A second panic while one unwinds would end the process whatever the cache does.
    if std::thread::panicking() {
        return;
    }
    match FUSE.get() {
        Some((lit, 0)) if lit == hazard => {
            FUSE.set(None);
            match CALL.take() {
                Some(call) => call(),
                None => quiet_panic(),
            }
        }
        Some((lit, calls)) if lit == hazard => FUSE.set(Some((lit, calls - 1))),
        _ => {}
    }
}
