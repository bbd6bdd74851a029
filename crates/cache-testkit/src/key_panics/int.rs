//! The operations of an [`IntCache`], each with a caller's code that does its deed in the middle.

use std::collections::HashSet;
use std::sync::Arc;

use cache_core::{Backend, IntCache, IntCacheExt};

use super::fuse::burn;
use super::sweep::{KEYS, Keys, Operation, PASSING, Plan, from_another_thread, options, over};
use super::{Deed, Hazard, Patience, Touchy, TouchyHasher};
use crate::Violation;
use crate::int::panics::use_everything;
use crate::violation::ensure;

type Cache<B> = <B as Backend>::Int<Touchy, TouchyHasher>;

pub(super) fn sweep<B: Backend>(hazard: Hazard, deed: Deed, patience: Patience) -> Result<(), Violation> {
    over(hazard, deed, patience, &operations::<B>(), step::<B>)
}

fn operations<B: Backend>() -> Vec<Operation<Cache<B>>> {
    fn operation<C>(name: &'static str, touches: fn(u64) -> bool, run: fn(&C, &Keys)) -> Operation<C> {
        Operation { name, run, touches }
    }
    const NONE: fn(u64) -> bool = |_| false;
    const FIRST: fn(u64) -> bool = |id| id == 0;
    vec![
        operation("get", NONE, |cache: &Cache<B>, keys| {
            cache.get(&keys.key(0));
        }),
        operation("get of an absent key", NONE, |cache, keys| {
            cache.get(&keys.key(KEYS));
        }),
        operation("set", FIRST, |cache, keys| cache.set(&keys.key(0), 7)),
        operation("set of a new key", NONE, |cache, keys| {
            cache.set(&keys.key(KEYS), 7);
        }),
        operation("add", FIRST, |cache, keys| {
            cache.add(&keys.key(0), 7);
        }),
        operation("add to a new key", NONE, |cache, keys| {
            cache.add(&keys.key(KEYS), 7);
        }),
        operation("try_add", FIRST, |cache, keys| {
            let _ = cache.try_add(&keys.key(0), 7, 0..=100);
        }),
        operation("try_add_or_insert of a new key", NONE, |cache, keys| {
            let _ = cache.try_add_or_insert(&keys.key(KEYS), 7, 0..=100);
        }),
        operation("swap", FIRST, |cache, keys| {
            cache.swap(&keys.key(0), 7);
        }),
        operation("insert_new of a new key", NONE, |cache, keys| {
            let _ = cache.insert_new(&keys.key(KEYS), 7);
        }),
        operation("update", FIRST, |cache, keys| {
            let _ = cache.update(&keys.key(0), |value| {
                burn(Hazard::Closure);
                Some(value + 7)
            });
        }),
        operation("take", FIRST, |cache, keys| {
            cache.take(&keys.key(0));
        }),
        operation("del_if", FIRST, |cache, keys| {
            cache.del_if(&keys.key(0), |_| {
                burn(Hazard::Closure);
                true
            });
        }),
        operation("reserve", NONE, |cache, _| cache.reserve(4 * KEYS as usize)),
        operation("shrink_to_fit", NONE, |cache, _| cache.shrink_to_fit()),
        operation("del", FIRST, |cache, keys| {
            cache.del(&keys.key(0));
        }),
        operation("del of an absent key", NONE, |cache, keys| {
            cache.del(&keys.key(KEYS));
        }),
        operation("get_many", NONE, |cache, keys| {
            let keys = [keys.key(0), keys.key(KEYS), keys.key(1)];
            cache.get_many(&keys.each_ref(), &mut [None; 3]);
        }),
        operation("growth", NONE, |cache, keys| {
            for id in KEYS..4 * KEYS {
                cache.set(&keys.key(id), 7);
            }
        }),
        operation("churn", FIRST, |cache, keys| {
            // Fills a table with what removals leave behind, until it has to be tidied in place.
            for id in KEYS..4 * KEYS {
                cache.set(&keys.key(id), 7);
                cache.del(&keys.key(id));
            }
        }),
        operation("keys", NONE, |cache, _| drop(cache.keys())),
        operation("for_each", NONE, |cache, _| cache.for_each(&mut |_, _| burn(Hazard::Closure))),
        operation(
            "retain",
            |id| id % 2 == 0,
            |cache, _| {
                cache.retain(&mut |key, _| {
                    burn(Hazard::Closure);
                    key.id() % 2 == 1
                });
            },
        ),
        operation("clear", |_| true, |cache, _| cache.clear()),
    ]
}

/// Uses the cache from within, and changes nothing that is there but adds the keys of the plan.
fn call(cache: &impl IntCache<Touchy>, keys: &Keys, plan: Plan) {
    let passing = keys.key(PASSING);
    cache.get(&keys.key(0));
    cache.set(&passing, 1);
    cache.add(&passing, 1);
    // The keys that operations are about, as they are, and one anew.
    cache.set(&keys.key(1), 1);
    cache.add(&keys.key(0), 0);
    cache.set(&keys.key(KEYS), 7);
    cache.del(&keys.key(KEYS));
    for id in plan.grown() {
        cache.set(&keys.key(id), id as i64);
    }
    cache.del(&passing);
}

fn step<B: Backend>(operation: Operation<Cache<B>>, plan: Plan) -> Result<bool, Violation> {
    let keys = Keys::new();
    let cache = Arc::new(B::int::<Touchy, _>(options()));
    for id in 0..KEYS {
        cache.set(&keys.key(id), id as i64);
    }
    let (within, keys_within) = (Arc::clone(&cache), keys.clone());
    let (burnt, refused) = plan.run(
        move || call(&*within, &keys_within, plan),
        || {
            (operation.run)(&cache, &keys);
            B::reclaim();
        },
    )?;
    from_another_thread(|| {
        let grown = if burnt && refused.is_none() { plan.grown() } else { 0..0 };
        for id in (0..KEYS).chain(grown).filter(|id| !(operation.touches)(*id)) {
            let there = cache.get(&keys.key(id));
            ensure!(there == Some(id as i64), "key {id} has {there:?}, and the operation is not about it");
        }
        let mut seen = HashSet::new();
        let mut twice = None;
        cache.for_each(&mut |key, _| {
            if !seen.insert(key.id()) {
                twice = Some(key.id());
            }
        });
        ensure!(twice.is_none(), "key {twice:?} is there twice");
        cache.set(&keys.key(0), 0);
        use_everything(&*cache, &keys.key(0), &keys.key(1000))
    })?;
    drop(cache);
    keys.all_gone::<B>(plan.leak)?;
    refused.map_or(Ok(burnt), Err)
}
