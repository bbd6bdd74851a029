//! Loaders that fail or panic, with others waiting.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use cache_core::{Backend, LoadError, ObjCache, ObjCacheExt};

use super::A_MOMENT;
use crate::obj::str_cache;
use crate::threads::together;
use crate::{Signals, quiet_panic};

/// Lets one thread load in vain while another waits for it, and checks that the other then loads itself.
fn hands_over<B: Backend>(fail: fn() -> Result<u8, &'static str>) -> Option<LoadError<&'static str>> {
    let cache = str_cache::<B, u8>();
    let signals = Signals::new();
    let mut results = together(2, |thread| {
        if thread == 0 {
            let failed = catch_unwind(AssertUnwindSafe(|| {
                cache.get_or_try_insert_with("a", || {
                    signals.raise("loading");
                    signals.wait("about to wait");
                    thread::sleep(A_MOMENT);
                    fail()
                })
            }));
            failed.ok()
        } else {
            signals.wait("loading");
            signals.raise("about to wait");
            Some(cache.get_or_try_insert_with("a", || Ok(2)))
        }
    });
    let second = results.pop().flatten().expect("its loader does not panic");
    assert_eq!(second.as_deref(), Ok(&2));
    assert_eq!(cache.get("a").as_deref(), Some(&2));
    let first = results.pop().flatten();
    first.map(|result| result.expect_err("its loader fails"))
}

/// A loader that fails hands over to one who waits, and its failure stays its caller's.
pub fn from_a_loader_that_fails<B: Backend>() {
    let failure = hands_over::<B>(|| Err("no database"));
    assert_eq!(failure, Some(LoadError::Failed("no database")));
}

/// A loader that panics hands over to one who waits.
pub fn from_a_loader_that_panics<B: Backend>() {
    assert_eq!(hands_over::<B>(|| quiet_panic()), None);
}

/// All who wait try in turn, never two at a time, each with its own failure, until one succeeds.
pub fn from_one_to_the_next<B: Backend>() {
    const THREADS: usize = 5;
    let cache = str_cache::<B, usize>();
    let (tries, running) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let results = together(THREADS, |thread| {
        let result = catch_unwind(AssertUnwindSafe(|| {
            cache.get_or_try_insert_with("a", || {
                assert_eq!(running.fetch_add(1, Ordering::AcqRel), 0, "two loaders of one key at a time");
                thread::sleep(A_MOMENT / 4);
                let attempt = tries.fetch_add(1, Ordering::AcqRel);
                running.fetch_sub(1, Ordering::AcqRel);
                match attempt {
                    last if last == THREADS - 1 => Ok(thread),
                    odd if odd % 2 == 1 => quiet_panic(),
                    _ => Err(thread),
                }
            })
        }));
        (thread, result)
    });
    assert_eq!(tries.into_inner(), THREADS);
    let (mut loaded, mut failed, mut panicked) = (0, 0, 0);
    for (thread, result) in results {
        match result {
            Ok(Ok(by)) => {
                assert_eq!(*by, thread, "nobody else succeeded");
                loaded += 1;
            }
            Ok(Err(error)) => {
                assert_eq!(error, LoadError::Failed(thread), "a failure of one's own");
                failed += 1;
            }
            Err(_) => panicked += 1,
        }
    }
    assert_eq!((loaded, failed, panicked), (1, 2, 2));
    assert_eq!(cache.len(), 1);
}

/// A failure with nobody waiting leaves nothing behind.
pub fn to_nobody<B: Backend>() {
    let cache = str_cache::<B, u8>();
    for _ in 0..3 {
        assert!(cache.get_or_try_insert_with("a", || Err(())).is_err());
        let panicked = catch_unwind(AssertUnwindSafe(|| cache.get_or_insert_with("a", || quiet_panic())));
        assert!(panicked.is_err());
    }
    assert_eq!(*cache.get_or_insert_with("a", || 1), 1);
}
