//! What a `Drop` is told that loads while a map frees what was removed earlier, in the middle of a load.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use cache_core::{LoadError, ObjCache, ObjCacheExt, while_dropping};
use cache_testkit::{Signals, quiet_panic, together};

use crate::gated::{Gated, Probe};

const KEY: Probe = Probe(1);
const OTHER: Probe = Probe(2);

/// Asks for a key; what is loaded is `value`.
fn ask(cache: &Gated, key: &Probe, value: u32) -> Result<u32, LoadError<()>> {
    cache.get_or_try_insert_with(key, || Ok(value)).map(|object| *object)
}

#[test]
fn the_key_being_loaded_is_loaded_alone() {
    let cache = Gated::new(|_| {});
    let loaded = cache.get_or_insert_with(&KEY, || {
        assert_eq!(while_dropping(|| ask(&cache, &KEY, 7)), Ok(7));
        assert!(cache.get(&KEY).is_none(), "what a `Drop` loads by itself is not cached");
        assert_eq!(ask(&cache, &KEY, 7), Err(LoadError::Recursive), "here the loader asks");
        1
    });
    assert_eq!(*loaded, 1);
}

#[test]
fn a_loader_of_its_own_may_ask_for_the_key_being_loaded() {
    let cache = Gated::new(|_| {});
    cache.get_or_insert_with(&KEY, || {
        while_dropping(|| {
            let other = cache.get_or_insert_with(&OTHER, || {
                assert_eq!(ask(&cache, &KEY, 7), Ok(7), "the loader of the first key has not asked");
                assert_eq!(ask(&cache, &OTHER, 7), Err(LoadError::Recursive), "this one has");
                2
            });
            assert_eq!(*other, 2);
        });
        1
    });
    assert_eq!(cache.get(&OTHER).as_deref(), Some(&2));
}

#[test]
fn a_loader_that_runs_alone_may_not_ask_for_its_own_key() {
    let cache = Gated::new(|_| {});
    cache.get_or_insert_with(&KEY, || {
        let alone = || {
            let again = cache.get_or_try_insert_with(&KEY, || {
                assert_eq!(ask(&cache, &KEY, 7), Err(LoadError::Recursive));
                Ok::<_, ()>(3)
            });
            assert_eq!(again.as_deref(), Ok(&3));
        };
        // Twice: the first leaves no trace.
        while_dropping(alone);
        while_dropping(alone);
        1
    });
}

#[test]
fn a_circle_through_another_thread_is_none() {
    let cache = Arc::new(Gated::new(|_| {}));
    let signals = Signals::new();
    together(2, |thread| {
        if thread == 0 {
            cache.get_or_insert_with(&KEY, || {
                signals.raise("key loads");
                signals.wait("other loads");
                // Alone if the other thread waits already, and shared if this one is first.
                let got = while_dropping(|| ask(&cache, &OTHER, 7));
                assert!([Ok(7), Ok(2)].contains(&got), "{got:?}");
                1
            });
        } else {
            cache.get_or_insert_with(&OTHER, || {
                signals.raise("other loads");
                // Or nobody loads that key yet.
                signals.wait("key loads");
                // It asks as a loader: where the first thread waits for it, it is told so.
                let got = ask(&cache, &KEY, 8);
                assert!([Ok(1), Err(LoadError::Recursive)].contains(&got), "{got:?}");
                2
            });
        }
    });
}

#[test]
fn a_panic_in_it_ends_it() {
    let cache = Gated::new(|_| {});
    cache.get_or_insert_with(&KEY, || {
        assert!(catch_unwind(AssertUnwindSafe(|| while_dropping(|| quiet_panic()))).is_err());
        assert_eq!(ask(&cache, &KEY, 7), Err(LoadError::Recursive));
        1
    });
}
