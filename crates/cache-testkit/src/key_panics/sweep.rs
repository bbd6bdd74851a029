//! One operation after the other, with the deed at one call after the other.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use cache_core::{Backend, Options};

use super::fuse::{lit, lit_to_call};
use super::touchy::Books;
use super::{Deed, Hazard, Patience, Touchy, TouchyHasher};
use crate::threads::eventually;
use crate::{Kind, Violation, ends_within, scale};

/// Keys in the cache when the panic comes: for a small table a few, so that growth is near.
pub(super) const KEYS: u64 = 28;

/// The key that a deed sets and deletes again, and the first of those that it leaves.
pub(super) const PASSING: u64 = 5_000;
pub(super) const GROWTH: u64 = 10_000;

/// Keys that a deed leaves: enough to make any table grow more than once.
const GROWN: u64 = 2_000;

/// A deed that makes the cache grow takes long, so it is done at the first calls and then at fewer.
const GROW_AT: usize = 4;

/// The calls of one operation at which the deed is done: more than any but a growing table makes.
const MAX_CALLS: usize = 600;

/// One shard where there are any, so that few keys make it grow.
pub(super) fn options() -> Options<TouchyHasher> {
    Options::new().shards(1).hasher(TouchyHasher::default())
}

/// One operation on a cache that holds the keys below [`KEYS`], and which keys it may change.
pub(super) struct Operation<C> {
    pub(super) name: &'static str,
    pub(super) run: fn(&C, &Keys),
    pub(super) touches: fn(u64) -> bool,
}

impl<C> Clone for Operation<C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C> Copy for Operation<C> {}

/// The deed, and at which call of which code.
#[derive(Clone, Copy)]
pub(super) struct Plan {
    pub(super) hazard: Hazard,
    pub(super) deed: Deed,
    pub(super) calls: usize,
    pub(super) leak: Duration,
}

impl Plan {
    /// The keys that the deed leaves in the cache.
    pub(super) fn grown(&self) -> std::ops::Range<u64> {
        let grows = self.deed != Deed::Panics && (self.calls < GROW_AT || self.calls.is_power_of_two());
        GROWTH..if grows { GROWTH + GROWN } else { GROWTH }
    }

    /// Runs an operation with the deed in the middle; tells whether it came to that. `call` uses the cache.
    pub(super) fn run(
        &self,
        call: impl FnOnce() + 'static,
        operation: impl FnOnce(),
    ) -> Result<(bool, Option<Violation>), Violation> {
        match self.deed {
            Deed::Panics => Ok((lit(self.hazard, self.calls, operation)?, None)),
            Deed::Calls | Deed::CallsInPasses => {
                let (burnt, refusal) = lit_to_call(self.hazard, self.calls, call, operation);
                Ok((burnt, refusal.map(Violation::refusal)))
            }
        }
    }
}

/// Makes keys that are entered in the books of one step.
#[derive(Clone)]
pub(super) struct Keys {
    books: Arc<Books>,
}

impl Keys {
    pub(super) fn new() -> Self {
        Self { books: Arc::default() }
    }

    pub(super) fn key(&self, id: u64) -> Touchy {
        Touchy::new(id, &self.books)
    }

    pub(super) fn books(&self) -> &Arc<Books> {
        &self.books
    }

    /// Checks that all keys and objects in these books were dropped once, now that their cache is.
    pub(super) fn all_gone<B: Backend>(&self, limit: Duration) -> Result<(), Violation> {
        let gone = eventually(limit, || {
            B::reclaim();
            (self.books.alive() <= 0).then_some(())
        });
        let alive = self.books.alive();
        if alive < 0 {
            return Err(Violation::wrong(format!("{} keys and objects were dropped twice", -alive)));
        }
        gone.ok_or_else(|| {
            Violation::leak(format!("{alive} keys and objects were not dropped with the cache"))
        })
    }
}

/// Runs `step` for each operation with the deed at its first call, at its second, and so on until it has no more.
pub(super) fn over<C: 'static>(
    hazard: Hazard,
    deed: Deed,
    patience: Patience,
    operations: &[Operation<C>],
    step: fn(Operation<C>, Plan) -> Result<bool, Violation>,
) -> Result<(), Violation> {
    let mut worst: Result<(), Violation> = Ok(());
    for operation in operations.iter().filter(|operation| deed.is_done_in(operation.name)) {
        let operation = *operation;
        for calls in 0..scale(MAX_CALLS) {
            let place = format!("{hazard:?} number {calls} in `{}`", operation.name);
            // Where one operation leaks, others do; each would be waited for in vain.
            let leaks = matches!(&worst, Err(found) if found.kind() >= Kind::Leak);
            let leak = if leaks { Duration::ZERO } else { patience.leak };
            let plan = Plan { hazard, deed, calls, leak };
            let result = ends_within(patience.hang, "it", move || step(operation, plan));
            match result.and_then(|result| result) {
                Ok(true) => {}
                Ok(false) => break,
                Err(violation) if violation.kind() == Kind::Hang => {
                    return Err(violation.at(place));
                }
                Err(violation) => {
                    worst = worse(worst, Err(violation.at(place)));
                    break;
                }
            }
        }
    }
    worst
}

/// The worse of two results; the first of equals.
pub(super) fn worse(a: Result<(), Violation>, b: Result<(), Violation>) -> Result<(), Violation> {
    match (&a, &b) {
        (_, Ok(())) => a,
        (Ok(()), _) => b,
        (Err(one), Err(other)) => {
            if other.kind() > one.kind() {
                b
            } else {
                a
            }
        }
    }
}

/// Runs `check` on a thread that the panic did not unwind.
pub(super) fn from_another_thread(
    check: impl FnOnce() -> Result<(), Violation> + Send,
) -> Result<(), Violation> {
    thread::scope(|scope| scope.spawn(check).join()).unwrap_or_else(|payload| {
        Err(Violation::wrong(format!(
            "the cache panics later: {}",
            crate::violation::panic_message(&*payload)
        )))
    })
}
