//! Writes during a load: they win.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;

use cache_core::{Backend, LoadError, ObjCache, ObjCacheExt};

use super::A_MOMENT;
use crate::obj::{StrCache, str_cache};
use crate::threads::together;
use crate::{Signals, patience, quiet_panic};

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

/// What a conditional removal does not find yet is not cached either: it may be meant for what is being loaded.
pub fn a_del_if_wins<B: Backend>() {
    let (cache, loaded) = write_during_load::<B>(|cache| assert!(!cache.del_if("a", |_| true)));
    assert_eq!(loaded, STALE);
    assert!(cache.get("a").is_none());
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
    // The caller of the stale load may get the newer object.
    assert!([STALE, FRESH].contains(&got[0]) && got[1..] == [FRESH, FRESH], "{got:?}");
    assert_eq!(cache.get("a").as_deref(), Some(&FRESH));
}

/// A caller after a write does not wait for the load that the write overtook. That load ends only after the caller has
/// its object.
fn callers_after_a_write_do_not_wait<B: Backend>(write: impl Fn(&StrCache<B, u8>) + Sync) {
    let cache = str_cache::<B, u8>();
    let signals = Signals::new();
    let got = together(2, |thread| {
        if thread == 0 {
            *cache.get_or_insert_with("a", || {
                signals.raise("loading");
                assert!(
                    signals.wait_for("asked again", patience()),
                    "a caller after the write waits for the stale load"
                );
                STALE
            })
        } else {
            signals.wait("loading");
            write(&cache);
            let got = [*cache.get_or_insert_with("a", || FRESH), *cache.get_or_insert_with("a", || STALE)];
            signals.raise("asked again");
            assert_eq!(got, [FRESH, FRESH], "the object must be cached while the stale load still runs");
            FRESH
        }
    });
    // The caller of the stale load may get the newer object.
    assert_eq!(got, [FRESH, FRESH]);
    assert_eq!(cache.get("a").as_deref(), Some(&FRESH));
}

/// A caller after a `del` starts its own load.
pub fn callers_after_a_del_do_not_wait<B: Backend>() {
    callers_after_a_write_do_not_wait::<B>(|cache| assert!(!cache.del("a")));
}

/// A caller after a `clear` starts its own load.
pub fn callers_after_a_clear_do_not_wait<B: Backend>() {
    callers_after_a_write_do_not_wait::<B>(ObjCache::clear);
}

/// A caller after a `retain` starts its own load.
pub fn callers_after_a_retain_do_not_wait<B: Backend>() {
    callers_after_a_write_do_not_wait::<B>(|cache| cache.retain(&mut |_, _| false));
}

/// A caller after a `set` gets the object that was set.
pub fn callers_after_a_set_do_not_wait<B: Backend>() {
    callers_after_a_write_do_not_wait::<B>(|cache| cache.insert("a", FRESH));
}

/// A caller after several writes starts its own load.
pub fn callers_after_several_writes_do_not_wait<B: Backend>() {
    callers_after_a_write_do_not_wait::<B>(|cache| {
        cache.insert("a", STALE);
        cache.del("a");
        cache.clear();
    });
}

/// The waiters of a stale load that panics join the newer load.
pub fn an_overtaken_load_that_panics<B: Backend>() {
    let cache = str_cache::<B, u8>();
    let signals = Signals::new();
    let got = together(3, |thread| match thread {
        0 => {
            let load = || {
                signals.raise("loading");
                signals.wait("asked again");
                quiet_panic()
            };
            catch_unwind(AssertUnwindSafe(|| *cache.get_or_insert_with("a", load))).unwrap_or(FRESH)
        }
        1 => {
            signals.wait("loading");
            signals.raise("about to wait");
            *cache.get_or_insert_with("a", || FRESH)
        }
        _ => {
            signals.wait("about to wait");
            thread::sleep(A_MOMENT);
            cache.del("a");
            let got = *cache.get_or_insert_with("a", || {
                signals.raise("asked again");
                thread::sleep(A_MOMENT);
                FRESH
            });
            // If the second thread came late, it has loaded, and this loader has not run.
            signals.raise("asked again");
            got
        }
    });
    assert_eq!(got, [FRESH; 3]);
    assert_eq!(cache.get("a").as_deref(), Some(&FRESH));
}

/// A loader that deletes its own key and then asks for it gets an error, not a load inside its own.
pub fn a_loader_that_writes_and_asks_again<B: Backend>() {
    let cache = str_cache::<B, u8>();
    let got = cache.get_or_try_insert_with("a", || {
        cache.del("a");
        let again = cache.get_or_try_insert_with("a", || -> Result<u8, ()> { unreachable!("its own key") });
        assert_eq!(again, Err(LoadError::Recursive));
        Ok::<u8, ()>(STALE)
    });
    assert_eq!(got.as_deref(), Ok(&STALE));
    assert!(cache.get("a").is_none());
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
            // Its own loader runs if it comes too late to wait and too early to find the object.
            *cache.get_or_insert_with("a", || FRESH)
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
