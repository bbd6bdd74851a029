//! Loaders that panic, with others waiting.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use cache_core::{Backend, ObjCache, ObjCacheExt};

use super::A_MOMENT;
use crate::obj::str_cache;
use crate::threads::together;
use crate::{Signals, quiet_panic};

/// A loader that panics hands over to a waiter, which runs its own.
pub fn from_a_loader_that_panics<B: Backend>() {
    let cache = str_cache::<B, u8>();
    let signals = Signals::new();
    let got = together(2, |thread| {
        if thread == 0 {
            let load = || {
                signals.raise("loading");
                signals.wait("about to wait");
                thread::sleep(A_MOMENT);
                quiet_panic()
            };
            catch_unwind(AssertUnwindSafe(|| *cache.get_or_insert_with("a", load))).ok()
        } else {
            signals.wait("loading");
            signals.raise("about to wait");
            Some(*cache.get_or_insert_with("a", || 2))
        }
    });
    assert_eq!(got, [None, Some(2)]);
    assert_eq!(cache.get("a").as_deref(), Some(&2));
}

/// The waiters run their loaders in turn, never two at a time, until one succeeds.
pub fn from_one_to_the_next<B: Backend>() {
    const THREADS: usize = 5;
    let cache = str_cache::<B, usize>();
    let (tries, running) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let results = together(THREADS, |thread| {
        let result = catch_unwind(AssertUnwindSafe(|| {
            *cache.get_or_insert_with("a", || {
                assert_eq!(running.fetch_add(1, Ordering::AcqRel), 0, "two loaders of one key at a time");
                thread::sleep(A_MOMENT / 4);
                let attempt = tries.fetch_add(1, Ordering::AcqRel);
                running.fetch_sub(1, Ordering::AcqRel);
                if attempt == THREADS - 1 { thread } else { quiet_panic() }
            })
        }));
        (thread, result)
    });
    assert_eq!(tries.into_inner(), THREADS);
    let loaded: Vec<_> = results.into_iter().filter_map(|(thread, by)| Some((thread, by.ok()?))).collect();
    assert_eq!(loaded.len(), 1, "nobody else succeeded: {loaded:?}");
    assert_eq!(loaded[0].0, loaded[0].1);
    assert_eq!(cache.len(), 1);
}

/// An error or a panic with nobody waiting leaves nothing behind.
pub fn to_nobody<B: Backend>() {
    let cache = str_cache::<B, u8>();
    for _ in 0..3 {
        assert!(cache.get_or_try_insert_with("a", || Err(())).is_err());
        let panicked = catch_unwind(AssertUnwindSafe(|| cache.get_or_insert_with("a", || quiet_panic())));
        assert!(panicked.is_err());
    }
    assert_eq!(*cache.get_or_insert_with("a", || 1), 1);
}
