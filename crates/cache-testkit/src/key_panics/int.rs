//! The operations of an [`IntCache`], each with a panic in the middle.

use std::collections::HashSet;

use cache_core::{Backend, DefaultHashBuilder, IntCache};

use super::fuse::lit;
use super::sweep::{KEYS, Keys, Operation, from_another_thread, options, over};
use super::{Hazard, Patience, Touchy};
use crate::Violation;
use crate::int::panics::use_everything;
use crate::violation::ensure;

type Cache<B> = <B as Backend>::Int<Touchy, DefaultHashBuilder>;

pub(super) fn sweep<B: Backend>(hazard: Hazard, patience: Patience) -> Result<(), Violation> {
    over(hazard, patience, &operations::<B>(), step::<B>)
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
    let cache = B::int::<Touchy, _>(options());
    for id in 0..KEYS {
        cache.set(&keys.key(id), id as i64);
    }
    let burnt = lit(hazard, calls, || {
        (operation.run)(&cache, &keys);
        B::reclaim();
    })?;
    from_another_thread(|| {
        for id in (0..KEYS).filter(|id| !(operation.touches)(*id)) {
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
        use_everything(&cache, &keys.key(0), &keys.key(1000))
    })?;
    drop(cache);
    keys.all_gone::<B>(patience.leak)?;
    Ok(burnt)
}
