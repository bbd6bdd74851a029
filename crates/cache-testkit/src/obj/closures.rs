//! Closures that call a cache: their own refuses, in builds with debug assertions, and others work.

use std::ops::ControlFlow;
use std::sync::Arc;

use cache_core::{Backend, ObjCache, ObjCacheExt, Options};

use crate::reentry::{Call, Run, check};
use crate::violation::OrPanic;

type Cache = dyn ObjCache<i64, u64>;

/// The operations that run a closure.
const RUNS: &[Run<Cache>] = &[
    ("with", |cache, f| _ = cache.with(&1, |_| f())),
    ("for_each", |cache, f| cache.for_each(&mut |_, _| f())),
    ("try_for_each", |cache, f| {
        let _ = cache.try_for_each(|_, _| {
            f();
            ControlFlow::<()>::Continue(())
        });
    }),
    ("retain", |cache, f| {
        cache.retain(&mut |_, _| {
            f();
            true
        });
    }),
    ("del_if", |cache, f| {
        cache.del_if(&1, |_| {
            f();
            false
        });
    }),
];

/// The operations that a closure calls.
const CALLS: &[Call<Cache>] = &[
    ("get", |cache| _ = cache.get(&1)),
    ("with", |cache| _ = cache.with(&1, |_| ())),
    ("contains", |cache| _ = cache.contains(&1)),
    ("set", |cache| cache.set(&1, Arc::new(2))),
    ("set of another key", |cache| cache.set(&2, Arc::new(2))),
    ("swap", |cache| _ = cache.swap(&1, Arc::new(2))),
    ("replace_if_same", |cache| _ = cache.replace_if_same(&1, &Arc::new(1), Arc::new(2))),
    ("update", |cache| _ = cache.update(&1, |object| Some(Arc::clone(object)))),
    ("get_or_insert", |cache| _ = cache.get_or_insert(&1, Arc::new(2))),
    ("get_or_insert_with", |cache| _ = cache.get_or_insert_with(&2, || 2)),
    ("del", |cache| _ = cache.del(&1)),
    ("take", |cache| _ = cache.take(&1)),
    ("del_if", |cache| _ = cache.del_if(&1, |_| false)),
    ("get_many", |cache| cache.get_many(&[&1], &mut [None])),
    ("for_each", |cache| cache.for_each(&mut |_, _| {})),
    ("retain", |cache| cache.retain(&mut |_, _| true)),
    ("keys", |cache| _ = cache.keys()),
    ("len", |cache| _ = cache.len()),
    ("clear", |cache| cache.clear()),
];

/// A closure that calls the cache that runs it panics; one that calls another does not.
pub fn their_own_cache_refuses<B: Backend>() {
    check(RUNS, CALLS, || {
        let cache: Arc<Cache> = Arc::new(B::obj::<i64, u64, _>(Options::new().shards(1)));
        cache.set(&1, Arc::new(1));
        cache
    })
    .or_panic();
}
