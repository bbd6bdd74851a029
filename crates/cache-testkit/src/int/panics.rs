//! Panics in closures: the cache stays usable, and keeps what it had.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use cache_core::{Backend, IntCache, IntCacheExt, Key, Options};

use crate::violation::{OrPanic, ensure};
use crate::{Violation, ends_within, patience, quiet_panic};

/// Keys of the caches here; enough for every shard of a sharded one.
const KEYS: u64 = 300;

/// Checks that every operation on a cache works, from a thread that has nothing to do with what happened before.
///
/// `present` is to be in the cache and `absent` not; both are left absent.
///
/// # Errors
///
/// A [`Violation`] if an operation hangs, panics or is wrong.
pub fn check_usable<K: Key>(
    cache: &Arc<impl IntCache<K> + 'static>,
    present: K,
    absent: K,
) -> Result<(), Violation> {
    let cache = Arc::clone(cache);
    ends_within(patience(), "using the cache after a panic", move || {
        use_everything(&*cache, &present, &absent)
    })?
}

/// Every operation, with what it must return where nobody else uses the cache.
pub(crate) fn use_everything<K: Key>(
    cache: &impl IntCache<K>,
    present: &K,
    absent: &K,
) -> Result<(), Violation> {
    let len = cache.len();
    let mut visited = 0;
    cache.for_each(&mut |_, _| visited += 1);
    ensure!(visited == len, "{len} keys, and {visited} to iterate over");
    ensure!(cache.get(present).is_some(), "a present key is lost");
    cache.set(present, 1);
    ensure!(cache.add(present, 1) == 2, "a set or an add is lost");
    ensure!(cache.try_add(present, 1, 0..=3) == Ok(3), "a bounded add is refused");
    ensure!(cache.get(absent).is_none(), "an absent key is there");
    ensure!(cache.swap(present, 4) == Some(3), "a swap does not return the value");
    ensure!(cache.update(present, |value| Some(value - 1)) == Ok(3), "an update is refused");
    ensure!(cache.insert_new(absent, 5).is_ok() && cache.take(absent) == Some(5), "a take loses the value");
    ensure!(cache.add(absent, 5) == 5, "a new key does not count from 0");
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

fn filled<B: Backend>() -> Arc<B::Int<u64, cache_core::DefaultHashBuilder>> {
    let cache = B::int::<u64, _>(Options::new());
    for key in 0..KEYS {
        cache.set(&key, key as i64);
    }
    Arc::new(cache)
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
        assert_eq!(cache.len() as u64, KEYS);
        check_usable(&cache, 0, KEYS).or_panic();
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
            assert_eq!(cache.get(&key), Some(key as i64), "key {key} was kept");
        }
        // Whether the last removals had taken effect yet is not promised; that they can is.
        for key in &removed {
            cache.del(key);
        }
        assert_eq!(cache.len(), KEYS as usize - removed.len());
        check_usable(&cache, 0, KEYS).or_panic();
    }
}

/// A panic in the closure of `del_if`, and in that of an update: the key keeps its value.
pub fn in_del_if_and_update<B: Backend>() {
    let cache = filled::<B>();
    for key in 0..KEYS {
        let panicked = catch_unwind(AssertUnwindSafe(|| cache.del_if(&key, |_| -> bool { quiet_panic() })));
        assert!(panicked.is_err(), "the caller is to see its panic");
        let panicked =
            catch_unwind(AssertUnwindSafe(|| cache.update(&key, |_| -> Option<i64> { quiet_panic() })));
        assert!(panicked.is_err(), "the caller is to see its panic");
        assert_eq!(cache.get(&key), Some(key as i64));
        assert_eq!(cache.add(&key, 0), key as i64);
    }
    assert_eq!(cache.len() as u64, KEYS);
    assert_eq!(cache.take(&1), Some(1));
    assert!(cache.del_if(&2, |value| value == 2));
    check_usable(&cache, 0, KEYS).or_panic();
}

/// A panic does not reach other threads that iterate at the same time.
pub fn beside_other_iterations<B: Backend>() {
    let cache = filled::<B>();
    crate::threads::together(4, |thread| {
        for _ in 0..crate::scale(50) {
            let mut calls = 0;
            let result = catch_unwind(AssertUnwindSafe(|| {
                cache.for_each(&mut |_, _| {
                    calls += 1;
                    if thread % 2 == 0 && calls == KEYS / 2 {
                        quiet_panic();
                    }
                });
            }));
            assert_eq!(result.is_err(), thread % 2 == 0);
            assert_eq!(calls, if thread % 2 == 0 { KEYS / 2 } else { KEYS });
        }
    });
    check_usable(&cache, 0, KEYS).or_panic();
}
