//! How many loaders run, and what runs beside them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use cache_core::{Backend, LoadError, ObjCache, ObjCacheExt};

use super::A_MOMENT;
use crate::obj::str_cache;
use crate::threads::together;
use crate::{Signals, patience};

/// Threads that miss at once run one loader between them and get one object.
pub fn one_loader_for_all_who_miss<B: Backend>() {
    let cache = str_cache::<B, usize>();
    for round in 0..crate::scale(10) {
        let key = format!("key {round}");
        let loads = AtomicUsize::new(0);
        let got = together(4, |thread| {
            cache.get_or_insert_with(&key, || {
                loads.fetch_add(1, Ordering::Relaxed);
                thread::sleep(A_MOMENT);
                thread
            })
        });
        assert_eq!(loads.into_inner(), 1);
        assert!(got.iter().all(|object| Arc::ptr_eq(object, &got[0])));
        assert!(cache.get(&key).is_some_and(|there| Arc::ptr_eq(&there, &got[0])));
    }
}

/// A hit runs no loader.
pub fn none_on_a_hit<B: Backend>() {
    let cache = str_cache::<B, u8>();
    cache.insert("a", 1);
    assert_eq!(*cache.get_or_insert_with("a", || unreachable!("it is there")), 1);
    let got = cache.get_or_try_insert_with("a", || -> Result<u8, ()> { unreachable!("it is there") });
    assert_eq!(got.as_deref(), Ok(&1));
}

/// A loader runs again once its object is deleted, and not before.
pub fn again_after_a_removal<B: Backend>() {
    let cache = str_cache::<B, usize>();
    let mut loads = 0;
    for round in 1..=3 {
        for _ in 0..2 {
            let got = cache.get_or_insert_with("a", || {
                loads += 1;
                loads
            });
            assert_eq!(*got, round);
        }
        assert!(cache.del("a"));
    }
    assert_eq!(loads, 3);
}

/// A failed load inserts nothing, hands out what the loader failed with, and may be tried again.
pub fn a_failure_is_the_callers<B: Backend>() {
    let cache = str_cache::<B, u32>();
    for _ in 0..2 {
        let failed = cache.get_or_try_insert_with("n", || "x".parse::<u32>());
        assert!(matches!(failed, Err(LoadError::Failed(_))));
        assert!(cache.get("n").is_none());
        assert_eq!(cache.len(), 0);
    }
    let good = cache.get_or_try_insert_with("n", || "7".parse::<u32>());
    assert_eq!(good.as_deref(), Ok(&7));
    assert_eq!(cache.get("n").as_deref(), Some(&7));
}

/// Loads of different keys run at the same time.
pub fn different_keys_in_parallel<B: Backend>() {
    let cache = str_cache::<B, bool>();
    let signals = Signals::new();
    let met = together(2, |thread| {
        let (key, mine, others) = [("a", "loading a", "loading b"), ("b", "loading b", "loading a")][thread];
        *cache.get_or_insert_with(key, || {
            signals.raise(mine);
            signals.wait_for(others, patience())
        })
    });
    assert_eq!(met, [true, true], "each load must see the other one under way");
}

/// While a loader runs, every other operation goes on: on its key, on others, and from within the loader.
pub fn loaders_run_under_no_lock<B: Backend>() {
    let cache = str_cache::<B, u8>();
    for key in 0..100 {
        cache.insert(&format!("other {key}"), 0);
    }
    let use_everything = |round: &str| {
        assert!(cache.get("a").is_none(), "{round}: it is not loaded yet");
        assert_eq!(cache.with("a", |object| *object), None, "{round}");
        assert_eq!(cache.len(), 100, "{round}");
        let mut visited = 0;
        cache.for_each(&mut |_, _| visited += 1);
        assert_eq!(visited, 100, "{round}");
        for key in 0..100 {
            cache.insert(&format!("other {key}"), 1);
        }
        assert!(cache.del("other 0"), "{round}");
        cache.insert("other 0", 2);
        assert_eq!(*cache.get_or_insert_with(round, || 3), 3);
        assert!(cache.del(round));
        assert_eq!(cache.keys().len(), 100, "{round}");
    };
    let signals = Signals::new();
    let loaded = together(2, |thread| {
        if thread == 0 {
            *cache.get_or_insert_with("a", || {
                use_everything("from within");
                signals.raise("loading");
                assert!(signals.wait_for("used", patience()), "others wait for the loader");
                7
            })
        } else {
            signals.wait("loading");
            use_everything("from beside");
            signals.raise("used");
            7
        }
    });
    assert_eq!(loaded, [7, 7]);
    assert_eq!(cache.get("a").as_deref(), Some(&7));
}
