//! The operations of an [`ObjCache`], each with a caller's code that does its deed in the middle.

use std::collections::HashSet;
use std::sync::Arc;

use cache_core::{Backend, ObjCache, ObjCacheAsyncExt, ObjCacheExt};

use super::fuse::burn;
use super::sweep::{KEYS, Keys, Operation, PASSING, Plan, from_another_thread, options, over};
use super::{Deed, Hazard, Patience, Touchy, TouchyHasher, TouchyObject};
use crate::obj::panics::use_everything;
use crate::violation::ensure;
use crate::{Violation, block_on, yield_now};

type Cache<B> = <B as Backend>::Obj<TouchyObject, Touchy, TouchyHasher>;

pub(super) fn sweep<B: Backend>(hazard: Hazard, deed: Deed, patience: Patience) -> Result<(), Violation> {
    over(hazard, deed, patience, &operations::<B>(), step::<B>)
}

/// An object that says which key it is of.
fn object(keys: &Keys, id: u64) -> TouchyObject {
    TouchyObject::new(id, keys.books())
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
        operation("with", NONE, |cache, keys| {
            cache.with(&keys.key(0), |_| burn(Hazard::Closure));
        }),
        operation("set", FIRST, |cache, keys| {
            cache.insert(&keys.key(0), object(keys, 0));
        }),
        operation("set of a new key", NONE, |cache, keys| {
            cache.insert(&keys.key(KEYS), object(keys, KEYS));
        }),
        operation("get_or_insert", NONE, |cache, keys| {
            cache.get_or_insert(&keys.key(0), Arc::new(object(keys, 0)));
        }),
        operation("get_or_insert of a new key", NONE, |cache, keys| {
            cache.get_or_insert(&keys.key(KEYS), Arc::new(object(keys, KEYS)));
        }),
        operation("get_or_insert_with of a new key", NONE, |cache, keys| {
            cache.get_or_insert_with(&keys.key(KEYS), || {
                burn(Hazard::Loader);
                object(keys, KEYS)
            });
        }),
        operation("get_or_insert_with, overtaken", NONE, |cache, keys| {
            cache.get_or_insert_with(&keys.key(KEYS), || {
                cache.insert(&keys.key(KEYS), object(keys, KEYS));
                object(keys, KEYS)
            });
        }),
        operation("get_or_load_async of a new key", NONE, |cache, keys| {
            let key = keys.key(KEYS);
            let load = async || {
                yield_now().await;
                burn(Hazard::Loader);
                object(keys, KEYS)
            };
            block_on(cache.get_or_load_async(&key, load));
        }),
        operation("get_or_load_async, overtaken", NONE, |cache, keys| {
            let key = keys.key(KEYS);
            let load = async || {
                cache.insert(&keys.key(KEYS), object(keys, KEYS));
                yield_now().await;
                object(keys, KEYS)
            };
            block_on(cache.get_or_load_async(&key, load));
        }),
        operation("get_or_try_insert_with that fails", NONE, |cache, keys| {
            let _ = cache.get_or_try_insert_with(&keys.key(KEYS), || {
                burn(Hazard::Loader);
                Err(())
            });
        }),
        operation("swap", FIRST, |cache, keys| {
            drop(cache.swap(&keys.key(0), Arc::new(object(keys, 0))));
        }),
        operation("update", FIRST, |cache, keys| {
            let _ = cache.update(&keys.key(0), |_| {
                burn(Hazard::Closure);
                Some(Arc::new(object(keys, 0)))
            });
        }),
        operation("take", FIRST, |cache, keys| {
            drop(cache.take(&keys.key(0)));
        }),
        operation("del_if", FIRST, |cache, keys| {
            cache.del_if(&keys.key(0), |_| {
                burn(Hazard::Closure);
                true
            });
        }),
        operation("del", FIRST, |cache, keys| {
            cache.del(&keys.key(0));
        }),
        operation("growth", NONE, |cache, keys| {
            for id in KEYS..4 * KEYS {
                cache.insert(&keys.key(id), object(keys, id));
            }
        }),
        operation("churn", NONE, |cache, keys| {
            for id in KEYS..4 * KEYS {
                cache.insert(&keys.key(id), object(keys, id));
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
fn call(cache: &impl ObjCache<TouchyObject, Touchy>, keys: &Keys, plan: Plan) {
    let passing = keys.key(PASSING);
    cache.get(&keys.key(0));
    cache.insert(&passing, object(keys, PASSING));
    cache.with(&passing, |_| ());
    // The keys that operations are about, as they are, and one anew.
    cache.insert(&keys.key(1), object(keys, 1));
    cache.get_or_insert(&keys.key(0), Arc::new(object(keys, 0)));
    cache.insert(&keys.key(KEYS), object(keys, KEYS));
    cache.del(&keys.key(KEYS));
    for id in plan.grown() {
        cache.insert(&keys.key(id), object(keys, id));
    }
    cache.get_or_insert_with(&keys.key(PASSING + 1), || object(keys, PASSING + 1));
    cache.del(&keys.key(PASSING + 1));
    cache.del(&passing);
}

fn step<B: Backend>(operation: Operation<Cache<B>>, plan: Plan) -> Result<bool, Violation> {
    let keys = Keys::new();
    let cache = Arc::new(B::obj::<TouchyObject, Touchy, _>(options()));
    for id in 0..KEYS {
        cache.insert(&keys.key(id), object(&keys, id));
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
            let there = cache.get(&keys.key(id)).map(|object| object.id());
            ensure!(there == Some(id), "key {id} has {there:?}, and the operation is not about it");
        }
        let mut seen = HashSet::new();
        let mut twice = None;
        let mut mixed_up = None;
        cache.for_each(&mut |key, object| {
            if !seen.insert(key.id()) {
                twice = Some(key.id());
            }
            if key.id() != object.id() {
                mixed_up = Some(key.id());
            }
        });
        ensure!(twice.is_none(), "key {twice:?} is there twice");
        ensure!(mixed_up.is_none(), "key {mixed_up:?} has another key's object");
        // A load of the key that the panic was about, and then an object for the key that may be gone.
        cache.get_or_insert_with(&keys.key(KEYS), || object(&keys, KEYS));
        cache.insert(&keys.key(0), object(&keys, 0));
        use_everything(&*cache, &keys.key(0), &keys.key(1000), || object(&keys, 1000))
    })?;
    drop(cache);
    keys.all_gone::<B>(plan.leak)?;
    refused.map_or(Ok(burnt), Err)
}
