//! Writes during a load: they win.

use std::sync::Arc;
use std::thread;

use cache_core::{Backend, ObjCache, ObjCacheExt};

use super::A_MOMENT;
use crate::obj::{StrCache, str_cache};
use crate::threads::together;
use crate::{Signals, patience};

/// What the running load will give, and what is written meanwhile.
const STALE: u8 = 1;
const FRESH: u8 = 2;

/// Runs `write` while a load of "a" is under way; returns the cache and what the load returned.
fn write_during_load<B: Backend>(write: impl Fn(&StrCache<B, u8>) + Sync) -> (StrCache<B, u8>, u8) {
    let cache = str_cache::<B, u8>();
    let signals = Signals::new();
    let mut returned = together(2, |thread| {
        if thread == 0 {
            let loaded = cache.get_or_insert_with("a", || {
                signals.raise("loading");
                assert!(signals.wait_for("written", patience()), "a write waits for a loader");
                STALE
            });
            Some(*loaded)
        } else {
            signals.wait("loading");
            write(&cache);
            signals.raise("written");
            None
        }
    });
    let loaded = returned.swap_remove(0).expect("the first thread loads");
    (cache, loaded)
}

/// A set during a load stays.
pub fn a_set_wins<B: Backend>() {
    let (cache, loaded) = write_during_load::<B>(|cache| cache.insert("a", FRESH));
    assert!([STALE, FRESH].contains(&loaded));
    assert_eq!(cache.get("a").as_deref(), Some(&FRESH));
}

/// What is deleted during a load stays deleted, though the key was not there yet.
pub fn a_del_wins<B: Backend>() {
    let (cache, loaded) = write_during_load::<B>(|cache| assert!(!cache.del("a")));
    assert_eq!(loaded, STALE);
    assert!(cache.get("a").is_none());
    assert_eq!(*cache.get_or_insert_with("a", || FRESH), FRESH);
    assert_eq!(cache.get("a").as_deref(), Some(&FRESH));
}

/// A cache that is cleared during a load stays clear.
pub fn a_clear_wins<B: Backend>() {
    let (cache, loaded) = write_during_load::<B>(ObjCache::clear);
    assert_eq!(loaded, STALE);
    assert!(cache.get("a").is_none());
    assert!(cache.is_empty());
}

/// A `retain` that removes everything during a load leaves nothing behind.
pub fn a_retain_wins<B: Backend>() {
    let (cache, loaded) = write_during_load::<B>(|cache| cache.retain(&mut |_, _| false));
    assert_eq!(loaded, STALE);
    assert!(cache.get("a").is_none());
    assert!(cache.is_empty());
}

/// A write of another key does not keep a load out of the cache.
pub fn of_another_key_changes_nothing<B: Backend>() {
    let (cache, loaded) = write_during_load::<B>(|cache| {
        cache.insert("b", FRESH);
        cache.del("c");
    });
    assert_eq!(loaded, STALE);
    assert_eq!(cache.get("a").as_deref(), Some(&STALE));
}

/// A set and a removal during a load: the removal was last.
pub fn the_last_of_them_wins<B: Backend>() {
    let (cache, _) = write_during_load::<B>(|cache| {
        cache.insert("a", FRESH);
        assert!(cache.del("a"));
    });
    assert!(cache.get("a").is_none());
    let (cache, _) = write_during_load::<B>(|cache| {
        cache.del("a");
        cache.insert("a", FRESH);
    });
    assert_eq!(cache.get("a").as_deref(), Some(&FRESH));
}

/// A loader may write its own key; what it sets stays, and what it deletes is not cached.
pub fn by_the_loader_itself<B: Backend>() {
    let cache = str_cache::<B, u8>();
    let got = cache.get_or_insert_with("a", || {
        cache.insert("a", FRESH);
        STALE
    });
    assert_eq!(*got, FRESH);
    assert_eq!(cache.get("a").as_deref(), Some(&FRESH));
    let got = cache.get_or_insert_with("b", || {
        cache.del("b");
        STALE
    });
    assert_eq!(*got, STALE);
    assert!(cache.get("b").is_none());
    let got = cache.get_or_insert_with("c", || {
        cache.clear();
        STALE
    });
    assert_eq!(*got, STALE);
    assert!(cache.is_empty());
}

/// Who asks after a write has ended is not given what was loaded before it, though that load still runs.
pub fn who_comes_after_gets_nothing_stale<B: Backend>() {
    let cache = str_cache::<B, u8>();
    let signals = Signals::new();
    let got = together(3, |thread| match thread {
        // The load that a write overtakes.
        0 => *cache.get_or_insert_with("a", || {
            signals.raise("loading");
            signals.wait("asking again");
            thread::sleep(A_MOMENT);
            STALE
        }),
        1 => {
            signals.wait("loading");
            assert!(!cache.del("a"));
            signals.raise("written");
            FRESH
        }
        _ => {
            signals.wait("written");
            signals.raise("asking again");
            *cache.get_or_insert_with("a", || FRESH)
        }
    });
    assert_eq!(got, [STALE, FRESH, FRESH]);
    assert_eq!(cache.get("a").as_deref(), Some(&FRESH));
}

/// Who waited for a load before a set of its key gets one of the two objects, and the cache keeps the set one.
pub fn who_waits_gets_an_object<B: Backend>() {
    let cache = str_cache::<B, u8>();
    let signals = Signals::new();
    let fresh = Arc::new(FRESH);
    let got = together(3, |thread| match thread {
        0 => *cache.get_or_insert_with("a", || {
            signals.raise("loading");
            signals.wait("written");
            STALE
        }),
        1 => {
            signals.wait("loading");
            signals.raise("asking");
            *cache.get_or_insert_with("a", || unreachable!("it is loading, and then set"))
        }
        _ => {
            signals.wait("asking");
            thread::sleep(A_MOMENT);
            cache.set("a", Arc::clone(&fresh));
            signals.raise("written");
            FRESH
        }
    });
    assert!(got.iter().all(|object| [STALE, FRESH].contains(object)));
    assert!(cache.get("a").is_some_and(|there| Arc::ptr_eq(&there, &fresh)));
}
