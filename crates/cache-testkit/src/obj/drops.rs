//! Objects are dropped exactly once: all of them in the end, and none that someone can still see.

use std::sync::Arc;

use cache_core::{Backend, ObjCache, ObjCacheExt, Options};

use super::{StrCache, str_cache};
use crate::threads::together;
use crate::violation::OrPanic;
use crate::{Counted, Ledger, Random, fresh_seed, scale};

/// Keys of the small tests; enough for every shard of a sharded cache.
const KEYS: usize = 200;

/// Fills a new cache, lets `work` at it, drops it, and waits until every object made is dropped, once.
fn all_dropped_after<B: Backend>(extra: usize, work: impl FnOnce(&StrCache<B, Counted>, &[String], &Ledger)) {
    let ledger = Ledger::new(KEYS + extra);
    let keys: Vec<String> = (0..KEYS).map(|key| format!("key {key}")).collect();
    let cache = str_cache::<B, Counted>();
    for key in &keys {
        cache.insert(key, ledger.object());
    }
    assert_eq!(ledger.dropped(), 0);
    work(&cache, &keys, &ledger);
    cache.for_each(&mut |key, object| assert!(object.is_alive(), "{key}"));
    drop(cache);
    ledger.settle::<B>().or_panic();
}

/// Objects that are still in the cache are dropped with it.
pub fn by_dropping_the_cache<B: Backend>() {
    all_dropped_after::<B>(0, |_, _, ledger| assert_eq!(ledger.dropped(), 0));
}

/// Objects that are replaced.
pub fn by_set<B: Backend>() {
    all_dropped_after::<B>(2 * KEYS, |cache, keys, ledger| {
        for key in keys.iter().chain(keys) {
            cache.insert(key, ledger.object());
        }
    });
}

/// Objects that are removed, and ones that are inserted in their place.
pub fn by_del<B: Backend>() {
    all_dropped_after::<B>(KEYS / 2, |cache, keys, ledger| {
        for key in keys {
            assert!(cache.del(key));
        }
        for key in keys.iter().step_by(2) {
            cache.insert(key, ledger.object());
        }
    });
}

/// Objects that are taken, swapped, replaced and updated, and ones that are refused.
pub fn by_take<B: Backend>() {
    all_dropped_after::<B>(KEYS, |cache, keys, ledger| {
        for (index, key) in keys.iter().enumerate() {
            let new = Arc::new(ledger.object());
            let there = cache.get(key).expect("every key has an object");
            match index % 5 {
                0 => assert!(cache.take(key).is_some_and(|taken| taken.is_alive())),
                1 => assert!(cache.swap(key, new).is_some_and(|before| Arc::ptr_eq(&before, &there))),
                2 => assert!(cache.replace_if_same(key, &there, new).is_ok()),
                3 => assert!(cache.replace_if_same(key, &new, Arc::clone(&new)).is_err()),
                _ => assert!(cache.update(key, |_| Some(Arc::clone(&new))).is_ok()),
            }
            assert!(there.is_alive(), "an object that is held is dropped");
            drop(there);
            if index % 2 == 0 {
                cache.del_if(key, |object| object.is_alive());
            }
        }
    });
}

/// Objects that are cleared away.
pub fn by_clear<B: Backend>() {
    all_dropped_after::<B>(KEYS, |cache, keys, ledger| {
        cache.clear();
        for key in keys {
            cache.insert(key, ledger.object());
        }
        cache.clear();
    });
}

/// Objects that are not retained.
pub fn by_retain<B: Backend>() {
    all_dropped_after::<B>(0, |cache, keys, _| {
        cache.retain(&mut |_, object| object.number() % 3 == 0);
        assert!(cache.get(&keys[0]).is_some_and(|kept| kept.is_alive()));
        assert!(cache.get(&keys[1]).is_none());
    });
}

/// Objects that `get_or_insert` refuses, and ones whose load is overtaken by a set.
pub fn by_refusal<B: Backend>() {
    all_dropped_after::<B>(2 * KEYS + 2, |cache, keys, ledger| {
        for key in keys {
            let offered = Arc::new(ledger.object());
            assert!(!Arc::ptr_eq(&cache.get_or_insert(key, Arc::clone(&offered)), &offered));
            assert!(offered.is_alive());
            cache.get_or_insert_with(key, || ledger.object());
        }
        cache.get_or_insert_with("overtaken", || {
            cache.insert("overtaken", ledger.object());
            ledger.object()
        });
    });
}

/// Growth moves objects; it neither copies nor forgets them.
pub fn by_growth<B: Backend>() {
    let objects = scale(20_000);
    let ledger = Ledger::new(objects);
    let cache = B::obj::<Counted, u64, _>(Options::new());
    for key in 0..objects as u64 {
        cache.insert(&key, ledger.object());
    }
    assert_eq!(ledger.dropped(), 0);
    for key in 0..objects as u64 {
        assert_eq!(
            cache.with(&key, |object| (object.number(), object.is_alive())),
            Some((key as usize, true))
        );
    }
    drop(cache);
    ledger.settle::<B>().or_panic();
}

/// What was removed or replaced is dropped when reclamation is driven, while the cache goes on.
pub fn before_the_cache_is_dropped<B: Backend>() {
    let ledger = Ledger::new(3 * KEYS);
    let cache = str_cache::<B, Counted>();
    for round in 0..2 {
        for key in 0..KEYS {
            cache.insert(&format!("key {key}"), ledger.object());
        }
        ledger.settle_at::<B>(round * KEYS).or_panic();
    }
    for key in 0..KEYS / 2 {
        assert!(cache.del(&format!("key {key}")));
    }
    ledger.settle_at::<B>(KEYS + KEYS / 2).or_panic();
    cache.clear();
    ledger.settle_at::<B>(2 * KEYS).or_panic();
    drop(cache);
    ledger.settle::<B>().or_panic();
}

/// An object that someone holds is not dropped, whatever happens to its key and to the cache.
pub fn never_while_held<B: Backend>() {
    let removals: [fn(&StrCache<B, Counted>); 4] =
        [|cache| assert!(cache.del("a")), ObjCache::clear, |cache| cache.retain(&mut |_, _| false), |_| {}];
    for remove in removals {
        let ledger = Ledger::new(2);
        let cache = str_cache::<B, Counted>();
        cache.insert("a", ledger.object());
        let first = cache.get("a").expect("it was just set");
        cache.insert("a", ledger.object());
        let second = cache.get("a").expect("it was just set");
        B::reclaim();
        assert!(first.is_alive() && second.is_alive());
        remove(&cache);
        B::reclaim();
        assert!(first.is_alive() && second.is_alive());
        drop(cache);
        B::reclaim();
        assert!(first.is_alive() && second.is_alive());
        assert_eq!(ledger.dropped(), 0);
        drop(first);
        ledger.settle_at::<B>(1).or_panic();
        assert!(second.is_alive());
        drop(second);
        ledger.settle::<B>().or_panic();
    }
}

/// Everything at once on few keys: no reader ever sees a dropped object, and all are dropped in the end.
pub fn under_contention<B: Backend>() {
    const THREADS: usize = 4;
    let rounds = scale(4000);
    let seed = fresh_seed();
    let ledger = Ledger::new(THREADS * rounds);
    let cache = str_cache::<B, Counted>();
    together(THREADS, |thread| {
        let mut random = Random::new(seed ^ thread as u64);
        let mut held = Vec::new();
        for _ in 0..rounds {
            churn::<B>(&cache, &ledger, &mut random, &mut held);
            if held.len() > 8 {
                held.swap_remove(random.below(8));
            }
        }
        assert!(held.iter().all(|object| object.is_alive()), "seed {seed}");
    });
    assert!(ledger.made() > 0);
    cache.for_each(&mut |_, object| assert!(object.is_alive(), "seed {seed}"));
    drop(cache);
    ledger.settle::<B>().or_panic();
}

fn churn<B: Backend>(
    cache: &StrCache<B, Counted>,
    ledger: &Ledger,
    random: &mut Random,
    held: &mut Vec<Arc<Counted>>,
) {
    let key = &format!("key {}", random.below(8));
    match random.below(100) {
        0..30 => held.extend(cache.get(key)),
        30..50 => {
            let alive = cache.with(key, Counted::is_alive);
            assert_ne!(alive, Some(false), "`with` showed a dropped object");
        }
        50..70 => cache.insert(key, ledger.object()),
        70..80 => {
            cache.del(key);
        }
        80..88 => held.push(cache.get_or_insert(key, Arc::new(ledger.object()))),
        88..95 => held.push(cache.get_or_insert_with(key, || ledger.object())),
        95..97 => cache.for_each(&mut |_, object| assert!(object.is_alive())),
        97..99 => cache.retain(&mut |_, object| {
            assert!(object.is_alive());
            object.number() % 2 == 0
        }),
        _ => cache.clear(),
    }
    if let Some(object) = held.last() {
        assert!(object.is_alive(), "a held object was dropped");
    }
}
