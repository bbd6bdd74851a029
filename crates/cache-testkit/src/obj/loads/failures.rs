//! Loaders that fail: which callers share the error.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use cache_core::{Backend, LoadError, ObjCache, ObjCacheExt};

use super::A_MOMENT;
use crate::Signals;
use crate::obj::str_cache;
use crate::threads::together;

/// The number of callers at a time.
const CALLERS: usize = 64;

/// An error that is not `Clone`, with a source.
#[derive(Debug)]
struct NoAnswer(fmt::Error);

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the database does not answer")
    }
}

impl Error for NoAnswer {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

/// All threads that wait for a load share its error, and run no loader of their own.
pub fn shared_by_all_waiters<B: Backend>() {
    let cache = str_cache::<B, u8>();
    let (asking, calls) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let failures = together(CALLERS, |_| {
        asking.fetch_add(1, Ordering::AcqRel);
        let got = cache.get_or_try_insert_with("a", || {
            calls.fetch_add(1, Ordering::AcqRel);
            while asking.load(Ordering::Acquire) < CALLERS {
                thread::yield_now();
            }
            // The last caller is about to wait.
            thread::sleep(A_MOMENT);
            Err(NoAnswer(fmt::Error))
        });
        match got {
            Err(LoadError::Failed(failure)) => failure,
            other => panic!("its load has failed, and it got {other:?}"),
        }
    });
    let calls = calls.into_inner();
    // On a busy machine a few callers come too late to wait. Most do wait.
    assert!(calls < CALLERS / 2, "{calls} calls of a loader for {CALLERS} callers");
    let shares = failures.iter().filter(|failure| Arc::ptr_eq(failure, &failures[0])).count();
    assert!(calls > 1 || shares == CALLERS, "{shares} of {CALLERS} share the failure of the one call");
    assert!(cache.is_empty());
}

/// An error is not cached: the next caller starts a new load.
pub fn not_cached<B: Backend>() {
    let cache = str_cache::<B, u8>();
    let signals = Signals::new();
    let (failed, waited) = wait_for_a_failure(&cache, &signals, || Ok::<u8, &str>(2));
    assert_eq!(failed.failure(), Some(&"no database"));
    // On a busy machine it may come too late to wait.
    assert!([Err(LoadError::failed("no database")), Ok(Arc::new(2))].contains(&waited), "{waited:?}");
    cache.del("a");
    assert_eq!(cache.get_or_try_insert_with("a", || Ok::<u8, &str>(3)).as_deref(), Ok(&3));
    assert_eq!(cache.get("a").as_deref(), Some(&3));
}

/// A waiter with another type of error cannot hold the error, and runs its own loader.
pub fn other_error_types_load_themselves<B: Backend>() {
    let cache = str_cache::<B, u8>();
    let signals = Signals::new();
    let (failed, waited) = wait_for_a_failure(&cache, &signals, || Err::<u8, u32>(7));
    assert_eq!(failed.failure(), Some(&"no database"));
    assert_eq!(waited, Err(LoadError::failed(7)));
    let (failed, waited) = wait_for_a_failure(&cache, &Signals::new(), || Ok::<u8, u32>(2));
    assert_eq!(failed.failure(), Some(&"no database"));
    assert_eq!(waited.as_deref(), Ok(&2));
    assert_eq!(cache.get("a").as_deref(), Some(&2));
}

/// If nobody waits for a load, its caller gets the error by value.
pub fn owned_if_nobody_waits<B: Backend>() {
    let cache = str_cache::<B, u8>();
    let failed = cache.get_or_try_insert_with("a", || Err(NoAnswer(fmt::Error)));
    let failure = failed.expect_err("its loader fails").into_failure();
    assert!(matches!(failure, Ok(NoAnswer(_))), "{failure:?}");
}

/// A chain of errors contains each text once.
pub fn no_text_twice<B: Backend>() {
    let cache = str_cache::<B, u8>();
    let failed = cache.get_or_try_insert_with("a", || Err(NoAnswer(fmt::Error)));
    let failed: Box<dyn Error + Send + Sync> = failed.expect_err("its loader fails").into();
    assert_eq!(chain(&*failed), [NoAnswer(fmt::Error).to_string(), fmt::Error.to_string()]);
    let failed = cache.get_or_try_insert_with("a", || Err::<u8, Box<dyn Error + Send + Sync>>("none".into()));
    assert_eq!(chain(&failed.expect_err("its loader fails").into_dyn()), ["none"]);
}

/// A waiter whose key was set during a load that fails gets the object that was set.
pub fn not_after_a_set<B: Backend>() {
    let cache = str_cache::<B, u8>();
    let signals = Signals::new();
    let mut got = together(3, |thread| match thread {
        0 => cache.get_or_try_insert_with("a", || {
            signals.raise("loading");
            signals.wait("written");
            Err("no database")
        }),
        1 => {
            signals.wait("loading");
            signals.raise("about to wait");
            // Its own loader runs if it comes too late to wait and too early to find the object.
            cache.get_or_try_insert_with("a", || Ok(2))
        }
        _ => {
            signals.wait("about to wait");
            thread::sleep(A_MOMENT);
            cache.insert("a", 2);
            signals.raise("written");
            Ok(Arc::new(2))
        }
    });
    assert_eq!(got.swap_remove(0), Err(LoadError::failed("no database")));
    assert!(got.iter().all(|got| got.as_deref() == Ok(&2)), "{got:?}");
}

/// Lets the first thread's load fail while the second, whose loader is `load`, waits for it. Returns both results.
fn wait_for_a_failure<E: fmt::Debug + Send + Sync + 'static>(
    cache: &impl ObjCache<u8>,
    signals: &Signals,
    load: fn() -> Result<u8, E>,
) -> (LoadError<&'static str>, Result<Arc<u8>, LoadError<E>>) {
    let mut got = together(2, |thread| {
        if thread == 0 {
            let failed = cache.get_or_try_insert_with("a", || {
                signals.raise("loading");
                signals.wait("about to wait");
                thread::sleep(A_MOMENT);
                Err("no database")
            });
            (failed.err(), None)
        } else {
            signals.wait("loading");
            signals.raise("about to wait");
            (None, Some(cache.get_or_try_insert_with("a", load)))
        }
    });
    let waited = got.pop().and_then(|(_, waited)| waited).expect("the second thread waits");
    let failed = got.pop().and_then(|(failed, _)| failed).expect("the first thread's load fails");
    (failed, waited)
}

/// The texts of an error and its sources.
fn chain(error: &(dyn Error + 'static)) -> Vec<String> {
    let errors = std::iter::successors(Some(error), |error: &&(dyn Error + 'static)| (*error).source());
    errors.map(ToString::to_string).collect()
}
