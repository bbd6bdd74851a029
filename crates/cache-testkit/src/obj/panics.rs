//! Panics in closures and loaders: the cache stays usable, and keeps what it had.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use cache_core::{Backend, DefaultHashBuilder, Key, ObjCache, ObjCacheExt, Options, Value};

use crate::violation::{OrPanic, ensure};
use crate::{Violation, ends_within, patience, quiet_panic};

/// Keys of the caches here; enough for every shard of a sharded one.
const KEYS: u64 = 300;

/// Checks that every operation on a cache works, from a thread that has nothing to do with what happened before.
///
/// `present` is to be in the cache and `absent` not; both are left absent. `make` makes objects.
///
/// # Errors
///
/// A [`Violation`] if an operation hangs, panics or is wrong.
pub fn check_usable<V: Value, K: Key>(
    cache: &Arc<impl ObjCache<V, K> + 'static>,
    present: K,
    absent: K,
    make: impl Fn() -> V + Send + 'static,
) -> Result<(), Violation> {
    let cache = Arc::clone(cache);
    ends_within(patience(), "using the cache after a panic", move || {
        use_everything(&*cache, &present, &absent, make)
    })?
}

/// Every operation, with what it must return where nobody else uses the cache.
pub(crate) fn use_everything<V: Value, K: Key>(
    cache: &impl ObjCache<V, K>,
    present: &K,
    absent: &K,
    make: impl Fn() -> V,
) -> Result<(), Violation> {
    let len = cache.len();
    let mut visited = 0;
    cache.for_each(&mut |_, _| visited += 1);
    ensure!(visited == len, "{len} keys, and {visited} to iterate over");
    ensure!(cache.get(present).is_some(), "a present key is lost");
    let object = Arc::new(make());
    cache.set(present, Arc::clone(&object));
    ensure!(cache.get(present).is_some_and(|there| Arc::ptr_eq(&there, &object)), "a set is lost");
    ensure!(cache.with(present, |_| ()).is_some(), "a present key is not shown");
    let other = Arc::new(make());
    ensure!(cache.replace_if_same(present, &object, Arc::clone(&other)).is_ok(), "a replacement is refused");
    let before = cache.swap(present, object);
    ensure!(before.is_some_and(|before| Arc::ptr_eq(&before, &other)), "a swap loses the object");
    ensure!(cache.get(absent).is_none(), "an absent key is there");
    let loaded = cache.get_or_insert_with(absent, &make);
    ensure!(cache.get(absent).is_some_and(|there| Arc::ptr_eq(&there, &loaded)), "a load is lost");
    ensure!(cache.len() == len + 1, "an insertion does not count towards the length");
    ensure!(cache.del(absent) && cache.del(present), "a present key cannot be removed");
    ensure!(cache.get(absent).is_none() && cache.get(present).is_none(), "a removed key is there");
    let mut shown = 0;
    cache.retain(&mut |_, _| {
        shown += 1;
        true
    });
    ensure!(shown + 1 == len && cache.len() == shown, "{shown} of {len} keys less one are left");
    Ok(())
}

type Cache<B> = Arc<<B as Backend>::Obj<u64, u64, DefaultHashBuilder>>;

fn filled<B: Backend>() -> Cache<B> {
    let cache = B::obj::<u64, u64, _>(Options::new());
    for key in 0..KEYS {
        cache.insert(&key, key);
    }
    Arc::new(cache)
}

fn still_whole<B: Backend>(cache: &Cache<B>) {
    for key in 0..KEYS {
        assert_eq!(cache.with(&key, |object| *object), Some(key));
    }
    assert_eq!(cache.len() as u64, KEYS);
    check_usable(cache, 0, KEYS, || 7).or_panic();
}

/// A panic in the closure of `with`.
pub fn in_with<B: Backend>() {
    let cache = filled::<B>();
    for key in 0..KEYS {
        let panicked = catch_unwind(AssertUnwindSafe(|| cache.with(&key, |_| -> () { quiet_panic() })));
        assert!(panicked.is_err(), "the caller is to see its panic");
    }
    still_whole::<B>(&cache);
}

/// A panic in the closure of `for_each`, at its first key, in the middle and at its last.
pub fn in_for_each<B: Backend>() {
    for at in [1, KEYS / 2, KEYS] {
        let cache = filled::<B>();
        let mut calls = 0;
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            cache.for_each(&mut |_, _| {
                calls += 1;
                if calls == at {
                    quiet_panic();
                }
            });
        }));
        assert!(panicked.is_err(), "the caller is to see its panic");
        still_whole::<B>(&cache);
    }
}

/// A panic in the closure of `retain`: what it removed is gone, the rest is there.
pub fn in_retain<B: Backend>() {
    for at in [1, KEYS / 2, KEYS] {
        let cache = filled::<B>();
        let (mut calls, mut removed) = (0, Vec::new());
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            cache.retain(&mut |key, _| {
                calls += 1;
                if calls == at {
                    quiet_panic();
                }
                let keep = key % 2 == 0;
                if !keep {
                    removed.push(*key);
                }
                keep
            });
        }));
        assert!(panicked.is_err(), "the caller is to see its panic");
        for key in (0..KEYS).filter(|key| !removed.contains(key)) {
            assert_eq!(cache.get(&key).as_deref(), Some(&key));
        }
        // Whether the last removals had taken effect yet is not promised; that they can is.
        for key in &removed {
            cache.del(key);
        }
        assert_eq!(cache.len(), KEYS as usize - removed.len());
        check_usable(&cache, 0, KEYS, || 7).or_panic();
    }
}

/// A panic in the closure of `del_if`, and in that of an update: the key keeps its object.
pub fn in_del_if_and_update<B: Backend>() {
    let cache = filled::<B>();
    for key in 0..KEYS {
        let panicked = catch_unwind(AssertUnwindSafe(|| cache.del_if(&key, |_| -> bool { quiet_panic() })));
        assert!(panicked.is_err(), "the caller is to see its panic");
        let panicked =
            catch_unwind(AssertUnwindSafe(|| cache.update(&key, |_| -> Option<Arc<u64>> { quiet_panic() })));
        assert!(panicked.is_err(), "the caller is to see its panic");
    }
    still_whole::<B>(&cache);
}

/// A panic in a loader reaches its caller, inserts nothing, and the next load works.
pub fn in_loaders<B: Backend>() {
    let cache = filled::<B>();
    for _ in 0..3 {
        let panicked = catch_unwind(AssertUnwindSafe(|| cache.get_or_insert_with(&KEYS, || quiet_panic())));
        assert!(panicked.is_err(), "the caller is to see its panic");
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            cache.get_or_try_insert_with(&KEYS, || -> Result<u64, ()> { quiet_panic() })
        }));
        assert!(panicked.is_err(), "the caller is to see its panic");
        assert!(cache.get(&KEYS).is_none());
    }
    assert_eq!(*cache.get_or_insert_with(&KEYS, || 1), 1);
    assert!(cache.del(&KEYS));
    still_whole::<B>(&cache);
}
