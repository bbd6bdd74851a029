//! What is common to the checks of closures that call a cache.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::violation::{ensure, panic_message};
use crate::{Violation, ends_within, patience};

/// An operation that runs a closure, with its name.
pub(crate) type Run<C> = (&'static str, fn(&C, &mut dyn FnMut()));
/// An operation that a closure calls, with its name.
pub(crate) type Call<C> = (&'static str, fn(&C));

/// How the message of a refusal begins.
const REFUSED: &str = "a closure called the cache that runs it";

/// Checks each call from the closure of each operation, on a cache of one key that `new` makes.
///
/// Builds without debug assertions refuse nothing, and are not checked.
pub(crate) fn check<C: ?Sized + Send + Sync + 'static>(
    runs: &'static [Run<C>],
    calls: &'static [Call<C>],
    new: impl Fn() -> Arc<C>,
) -> Result<(), Violation> {
    if cfg!(not(debug_assertions)) {
        return Ok(());
    }
    for (run_name, run) in runs {
        for (call_name, call) in calls {
            let (cache, other) = (new(), new());
            let result = ends_within(patience(), "a call from a closure", move || {
                let called = || run(&cache, &mut || call(&cache));
                let refused = catch_unwind(AssertUnwindSafe(called)).map_err(|panic| panic_message(&*panic));
                let Err(message) = refused else {
                    return Err(Violation::wrong("the call was not refused".to_owned()));
                };
                ensure!(message.starts_with(REFUSED), "the call was refused with {message:?}");
                run(&cache, &mut || call(&other));
                call(&cache);
                Ok(())
            });
            let at = format_args!("`{call_name}` in the closure of `{run_name}`");
            result.and_then(|result| result).map_err(|found| found.at(at))?;
        }
    }
    Ok(())
}
