//! Many keys in one load.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;

use cache_core::{Backend, ObjCache, ObjCacheExt};

use crate::Signals;
use crate::obj::str_cache;

fn lengths(keys: &[&str]) -> Result<Vec<usize>, ()> {
    Ok(keys.iter().map(|key| key.len()).collect())
}

fn plain(objects: &[Arc<usize>]) -> Vec<usize> {
    objects.iter().map(|object| **object).collect()
}

/// Present keys are not loaded, and one that is given twice is loaded once.
pub fn absent_keys_in_one_call<B: Backend>() {
    let cache = str_cache::<B, usize>();
    cache.insert("present", 70);
    let mut calls = 0;
    let objects = cache.get_or_load_many(&["a", "present", "bb", "a"], |keys| {
        calls += 1;
        assert_eq!(keys, ["a", "bb"]);
        lengths(keys)
    });
    assert_eq!(plain(&objects.unwrap_or_default()), [1, 70, 2, 1]);
    assert_eq!(calls, 1);
    assert_eq!((cache.len(), cache.get("bb").as_deref()), (3, Some(&2)));
    assert_eq!(cache.get_or_load_many(&[], lengths), Ok(Vec::new()));
}

/// The other keys do not wait for it.
pub fn a_key_in_flight_is_waited_for<B: Backend>() {
    let cache = str_cache::<B, usize>();
    let signals = Signals::new();
    thread::scope(|scope| {
        let other = scope.spawn(|| {
            cache.get_or_insert_with("b", || {
                signals.raise("loading");
                signals.wait("others are loaded");
                7
            })
        });
        signals.wait("loading");
        let objects = cache.get_or_load_many(&["a", "b", "cc"], |keys| {
            assert_eq!(keys, ["a", "cc"]);
            signals.raise("others are loaded");
            lengths(keys)
        });
        assert_eq!(plain(&objects.unwrap_or_default()), [1, 7, 2]);
        assert_eq!(other.join().ok().as_deref(), Some(&7));
    });
}

/// Of the keys, those that were written are not cached as loaded.
pub fn a_write_during_the_call_wins<B: Backend>() {
    let cache = str_cache::<B, usize>();
    let objects = cache.get_or_load_many(&["set", "deleted", "left alone"], |keys| {
        cache.insert("set", 9);
        cache.del("deleted");
        lengths(keys)
    });
    assert_eq!(plain(&objects.unwrap_or_default()), [9, 7, 10]);
    assert_eq!(cache.get("set").as_deref(), Some(&9));
    assert_eq!(cache.get("deleted"), None);
    assert_eq!(cache.get("left alone").as_deref(), Some(&10));
}

/// A loader that panics, or returns too little, leaves no key behind that nobody can load.
pub fn a_call_that_panics_hands_over<B: Backend>() {
    let cache = str_cache::<B, usize>();
    let signals = Signals::new();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            signals.wait("loading");
            cache.get_or_insert_with("b", || 7)
        });
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            cache.get_or_load_many(&["a", "b"], |_| {
                signals.raise("loading");
                thread::sleep(super::A_MOMENT);
                Ok::<_, ()>(vec![1])
            })
        }));
        let message = panicked.err().and_then(|panic| panic.downcast::<String>().ok());
        let expected = "the loader returned 1 values for 2 keys; it must return one for each";
        assert_eq!(message.as_deref().map(String::as_str), Some(expected));
        assert_eq!(waiter.join().ok().as_deref(), Some(&7));
    });
    assert_eq!(plain(&cache.get_or_load_many(&["a", "b"], lengths).unwrap_or_default()), [1, 7]);
}

/// Through a trait object, too.
pub fn through_dyn<B: Backend>() {
    let cache: Arc<dyn ObjCache<usize>> = Arc::new(str_cache::<B, usize>());
    assert_eq!(plain(&cache.get_or_load_many(&["a", "bb"], lengths).unwrap_or_default()), [1, 2]);
}
