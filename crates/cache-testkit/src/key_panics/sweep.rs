//! One operation after the other, with a panic at one call after the other.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use cache_core::{Backend, DefaultHashBuilder, Options};

use super::{Hazard, Patience, Touchy};
use crate::threads::eventually;
use crate::{Kind, Violation, ends_within, scale};

/// Keys in the cache when the panic comes: for a small table a few, so that growth is near.
pub(super) const KEYS: u64 = 28;

/// One shard where there are any, so that few keys make it grow.
pub(super) fn options() -> Options<DefaultHashBuilder> {
    Options::new().shards(1)
}

/// The calls of one operation at which it is made to panic: more than any but a growing table makes.
const MAX_CALLS: usize = 600;

/// One operation on a cache that holds the keys below [`KEYS`], and which of them it may change.
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

/// Makes keys that carry the mark of one step.
pub(super) struct Keys {
    mark: Arc<()>,
}

impl Keys {
    pub(super) fn new() -> Self {
        Self { mark: Arc::new(()) }
    }

    pub(super) fn key(&self, id: u64) -> Touchy {
        Touchy::new(id, &self.mark)
    }

    pub(super) fn mark(&self) -> &Arc<()> {
        &self.mark
    }

    /// Checks that all keys and objects with this mark are gone, now that their cache is.
    pub(super) fn all_gone<B: Backend>(&self, limit: Duration) -> Result<(), Violation> {
        let gone = eventually(limit, || {
            B::reclaim();
            (Arc::strong_count(&self.mark) == 1).then_some(())
        });
        gone.ok_or_else(|| {
            Violation::leak(format!(
                "{} keys and objects were not dropped with the cache",
                Arc::strong_count(&self.mark) - 1
            ))
        })
    }
}

/// Runs `step` for each operation with the panic at its first call, at its second, and so on until it has no more.
pub(super) fn over<C: 'static>(
    hazard: Hazard,
    patience: Patience,
    operations: &[Operation<C>],
    step: fn(Operation<C>, Hazard, usize, Patience) -> Result<bool, Violation>,
) -> Result<(), Violation> {
    let mut worst = Ok(());
    for operation in operations {
        let operation = *operation;
        for calls in 0..scale(MAX_CALLS) {
            let place = format!("{hazard:?} number {calls} in `{}`", operation.name);
            let result = ends_within(patience.hang, "it", move || step(operation, hazard, calls, patience));
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
