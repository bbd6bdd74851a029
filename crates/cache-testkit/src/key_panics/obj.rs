//! The operations of an [`ObjCache`], each with a panic in the middle.

use std::collections::HashSet;
use std::sync::Arc;

use cache_core::{Backend, DefaultHashBuilder, ObjCache, ObjCacheExt};

use super::fuse::lit;
use super::sweep::{KEYS, Keys, Operation, from_another_thread, options, over};
use super::{Hazard, Patience, Touchy, TouchyObject};
use crate::Violation;
use crate::obj::panics::use_everything;
use crate::violation::ensure;

type Cache<B> = <B as Backend>::Obj<TouchyObject, Touchy, DefaultHashBuilder>;

pub(super) fn sweep<B: Backend>(hazard: Hazard, patience: Patience) -> Result<(), Violation> {
    over(hazard, patience, &operations::<B>(), step::<B>)
}

fn object(keys: &Keys) -> TouchyObject {
    TouchyObject::new(keys.mark())
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
            cache.with(&keys.key(0), |_| ());
        }),
        operation("set", FIRST, |cache, keys| {
            cache.insert(&keys.key(0), object(keys));
        }),
        operation("set of a new key", NONE, |cache, keys| {
            cache.insert(&keys.key(KEYS), object(keys));
        }),
        operation("get_or_insert", NONE, |cache, keys| {
            cache.get_or_insert(&keys.key(0), Arc::new(object(keys)));
        }),
        operation("get_or_insert of a new key", NONE, |cache, keys| {
            cache.get_or_insert(&keys.key(KEYS), Arc::new(object(keys)));
        }),
        operation("get_or_insert_with of a new key", NONE, |cache, keys| {
            cache.get_or_insert_with(&keys.key(KEYS), || object(keys));
        }),
        operation("get_or_insert_with, overtaken", NONE, |cache, keys| {
            cache.get_or_insert_with(&keys.key(KEYS), || {
                cache.insert(&keys.key(KEYS), object(keys));
                object(keys)
            });
        }),
        operation("get_or_try_insert_with that fails", NONE, |cache, keys| {
            let _ = cache.get_or_try_insert_with(&keys.key(KEYS), || Err(()));
        }),
        operation("del", FIRST, |cache, keys| {
            cache.del(&keys.key(0));
        }),
        operation("growth", NONE, |cache, keys| {
            for id in KEYS..4 * KEYS {
                cache.insert(&keys.key(id), object(keys));
            }
        }),
        operation("churn", NONE, |cache, keys| {
            for id in KEYS..4 * KEYS {
                cache.insert(&keys.key(id), object(keys));
                cache.del(&keys.key(id));
            }
        }),
        operation("keys", NONE, |cache, _| drop(cache.keys())),
        operation(
            "retain",
            |id| id % 2 == 0,
            |cache, _| {
                cache.retain(&mut |key, _| key.id() % 2 == 1);
            },
        ),
        operation("clear", |_| true, |cache, _| cache.clear()),
    ]
}

fn step<B: Backend>(
    operation: Operation<Cache<B>>,
    hazard: Hazard,
    calls: usize,
    patience: Patience,
) -> Result<bool, Violation> {
    let keys = Keys::new();
    let cache = B::obj::<TouchyObject, Touchy, _>(options());
    for id in 0..KEYS {
        cache.insert(&keys.key(id), object(&keys));
    }
    let burnt = lit(hazard, calls, || {
        (operation.run)(&cache, &keys);
        B::reclaim();
    })?;
    from_another_thread(|| {
        for id in (0..KEYS).filter(|id| !(operation.touches)(*id)) {
            ensure!(
                cache.get(&keys.key(id)).is_some(),
                "key {id} is lost, and the operation is not about it"
            );
        }
        let mut seen = HashSet::new();
        let mut twice = None;
        cache.for_each(&mut |key, _| {
            if !seen.insert(key.id()) {
                twice = Some(key.id());
            }
        });
        ensure!(twice.is_none(), "key {twice:?} is there twice");
        // A load of the key that the panic was about, and then an object for the key that may be gone.
        cache.get_or_insert_with(&keys.key(KEYS), || object(&keys));
        cache.insert(&keys.key(0), object(&keys));
        use_everything(&cache, &keys.key(0), &keys.key(1000), || object(&keys))
    })?;
    drop(cache);
    keys.all_gone::<B>(patience.leak)?;
    Ok(burnt)
}
