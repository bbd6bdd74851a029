//! Loaders that ask for a key whose load waits for them: refused, where waiting would never end.

use std::panic::{AssertUnwindSafe, catch_unwind};

use cache_core::{Backend, LoadError, ObjCache, ObjCacheExt};

use crate::Signals;
use crate::obj::str_cache;
use crate::threads::together;
use crate::violation::panic_message;

/// A loader that asks for its own key gets an error, and may still load.
pub fn a_loader_that_asks_for_its_own_key<B: Backend>() {
    let cache = str_cache::<B, u8>();
    let got = cache.get_or_try_insert_with("a", || {
        let inner = cache.get_or_try_insert_with("a", || Ok::<u8, ()>(1));
        assert_eq!(inner, Err(LoadError::Recursive));
        Ok::<u8, ()>(2)
    });
    assert_eq!(got.as_deref(), Ok(&2));
    assert_eq!(cache.get("a").as_deref(), Some(&2));
}

/// Where no error can be returned it is a panic that says what is wrong, and the key can be loaded afterwards.
pub fn the_panic_says_so<B: Backend>() {
    let cache = str_cache::<B, u8>();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        cache.get_or_insert_with("a", || *cache.get_or_insert_with("a", || 1))
    }));
    let message = panic_message(&*panicked.expect_err("its own key cannot be waited for"));
    assert!(
        message.contains("loader") && message.contains("get_or_try_insert_with"),
        "the message is to name the cause and the way out: {message}"
    );
    assert!(cache.get("a").is_none());
    assert_eq!(*cache.get_or_insert_with("a", || 3), 3);
}

/// A circle of several keys on one thread.
pub fn one_thread_through_several_keys<B: Backend>() {
    let cache = str_cache::<B, u8>();
    let got = cache.get_or_insert_with("a", || {
        *cache.get_or_insert_with("b", || {
            *cache.get_or_insert_with("c", || {
                let inner = cache.get_or_try_insert_with("a", || Ok::<u8, ()>(1));
                assert_eq!(inner, Err(LoadError::Recursive));
                5
            })
        })
    });
    assert_eq!(*got, 5);
    assert!(["a", "b", "c"].iter().all(|key| cache.get(key).is_some()));
}

/// A circle of as many threads as keys: one of them is refused, and with that all of them end.
fn circle<B: Backend>(keys: &[&'static str]) {
    let cache = str_cache::<B, usize>();
    let signals = Signals::new();
    let refused = together(keys.len(), |thread| {
        let mut refused = false;
        let next = keys[(thread + 1) % keys.len()];
        cache.get_or_insert_with(keys[thread], || {
            // All loads are under way before any asks for the next.
            signals.raise(keys[thread]);
            keys.iter().for_each(|key| signals.wait(key));
            match cache.get_or_try_insert_with(next, || -> Result<usize, ()> {
                unreachable!("{next} is being loaded")
            }) {
                Ok(object) => *object,
                Err(error) => {
                    assert_eq!(error, LoadError::Recursive);
                    refused = true;
                    thread
                }
            }
        });
        refused
    });
    assert_eq!(
        refused.iter().filter(|refused| **refused).count(),
        1,
        "one refusal opens a circle: {refused:?}"
    );
    // All objects are the one that the refused loader made instead.
    let by = refused.iter().position(|refused| *refused);
    assert!(keys.iter().all(|key| cache.get(key).as_deref().copied() == by));
}

/// Two threads that load two keys, each asking for the other's.
pub fn two_threads_and_two_keys<B: Backend>() {
    for _ in 0..crate::scale(20) {
        circle::<B>(&["a", "b"]);
    }
}

/// Four threads that load four keys, each asking for the next one's.
pub fn four_threads_and_four_keys<B: Backend>() {
    for _ in 0..crate::scale(20) {
        circle::<B>(&["a", "b", "c", "d"]);
    }
}

/// Waiting for another's load from within one's own is no circle.
pub fn a_chain_is_no_circle<B: Backend>() {
    let cache = str_cache::<B, usize>();
    let keys = ["a", "b", "c", "d"];
    for _ in 0..crate::scale(50) {
        let got = together(4, |thread| load_chain(&cache, &keys[thread..]));
        assert_eq!(got, [4, 3, 2, 1]);
        cache.clear();
    }
}

/// The number of keys, each loaded by asking for the next.
fn load_chain(cache: &impl ObjCache<usize>, keys: &[&str]) -> usize {
    match keys {
        [] => 0,
        [first, rest @ ..] => *cache.get_or_insert_with(first, || 1 + load_chain(cache, rest)),
    }
}

/// One key in two caches is two keys.
pub fn another_cache_is_no_circle<B: Backend>() {
    let (one, other) = (str_cache::<B, u8>(), str_cache::<B, u8>());
    let got = one.get_or_insert_with("a", || 1 + *other.get_or_insert_with("a", || 1));
    assert_eq!(*got, 2);
    assert_eq!(other.get("a").as_deref(), Some(&1));
}
