//! Writes during an async load win, and later callers do not wait for it.

use cache_core::{Backend, ObjCache, ObjCacheAsyncExt, ObjCacheExt};

use crate::obj::{StrCache, str_cache};
use crate::{Signals, Tasks, block_on};

/// The object of the running load, and the one written meanwhile.
const STALE: u8 = 1;
const FRESH: u8 = 2;

/// Runs `write` while one task loads "a" and another waits for it. `after` must be in the cache then. A later caller must
/// get `FRESH` at once.
fn write_during_load<B: Backend>(write: impl Fn(&StrCache<B, u8>), after: Option<u8>) {
    let cache = str_cache::<B, u8>();
    let signals = Signals::new();
    let mut tasks = Tasks::new();
    for _ in 0..2 {
        tasks.spawn(async {
            let load = async || {
                signals.reached("go").await;
                STALE
            };
            let got = cache.get_or_load_async("a", load).await;
            assert!([STALE, FRESH].contains(&got), "{got}");
        });
    }
    tasks.run_until_idle();
    write(&cache);
    assert_eq!(cache.get("a").as_deref().copied(), after);
    tasks.spawn(async {
        assert_eq!(*cache.get_or_load_async("a", async || FRESH).await, FRESH);
    });
    tasks.run_until_idle();
    assert_eq!(tasks.len(), 2, "a caller after the write waits for the stale load");
    assert_eq!(*cache.get_or_insert_with("a", || STALE), FRESH, "its object must be cached");
    signals.raise("go");
    tasks.run();
    assert_eq!(cache.get("a").as_deref(), Some(&FRESH));
}

/// A `del` during a load.
pub fn a_del_wins<B: Backend>() {
    write_during_load::<B>(|cache| assert!(!cache.del("a")), None);
}

/// A `set` during a load.
pub fn a_set_wins<B: Backend>() {
    write_during_load::<B>(|cache| cache.insert("a", FRESH), Some(FRESH));
}

/// A `clear` during a load.
pub fn a_clear_wins<B: Backend>() {
    write_during_load::<B>(ObjCache::clear, None);
}

/// A `retain` during a load.
pub fn a_retain_wins<B: Backend>() {
    write_during_load::<B>(|cache| cache.retain(&mut |_, _| false), None);
}

/// The waiters of a stale load whose future is dropped join the newer load.
pub fn an_overtaken_load_that_is_dropped<B: Backend>() {
    let cache = str_cache::<B, u8>();
    let signals = Signals::new();
    let mut tasks = Tasks::new();
    let dropped = tasks.spawn(async {
        let load = async || {
            signals.reached("never").await;
            STALE
        };
        cache.get_or_load_async("a", load).await;
    });
    tasks.spawn(async {
        let load = async || unreachable!("it waits for one load, and then for another");
        assert_eq!(*cache.get_or_load_async("a", load).await, FRESH);
    });
    tasks.run_until_idle();
    cache.del("a");
    tasks.spawn(async {
        let load = async || {
            signals.reached("go").await;
            FRESH
        };
        assert_eq!(*cache.get_or_load_async("a", load).await, FRESH);
    });
    tasks.run_until_idle();
    tasks.cancel(dropped);
    tasks.run_until_idle();
    assert_eq!(tasks.len(), 2);
    signals.raise("go");
    tasks.run();
    assert_eq!(cache.get("a").as_deref(), Some(&FRESH));
}

/// A loader may write its own key; what it sets stays, and what it deletes is not cached.
pub fn by_the_loader_itself<B: Backend>() {
    let cache = str_cache::<B, u8>();
    let got = block_on(cache.get_or_load_async("a", async || {
        cache.insert("a", FRESH);
        STALE
    }));
    assert_eq!(*got, FRESH);
    let got = block_on(cache.get_or_load_async("b", async || {
        cache.del("b");
        STALE
    }));
    assert_eq!(*got, STALE);
    assert!(cache.get("b").is_none());
}
