//! One load for all callers, tasks and threads.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::thread;

use cache_core::{Backend, LoadError, ObjCache, ObjCacheAsyncExt, ObjCacheExt};

use super::super::A_MOMENT;
use crate::obj::str_cache;
use crate::threads::together;
use crate::{Signals, Tasks, block_on, yield_now};

/// The number of tasks at a time.
const TASKS: usize = 64;

/// Tasks that miss at the same time run one loader and get one object.
pub fn one_loader_for_all_tasks<B: Backend>() {
    let cache = str_cache::<B, usize>();
    let (signals, loads) = (Signals::new(), Cell::new(0));
    let got = RefCell::new(Vec::new());
    let mut tasks = Tasks::new();
    for task in 0..TASKS {
        let (cache, signals, loads, got) = (&cache, &signals, &loads, &got);
        tasks.spawn(async move {
            let load = async || {
                loads.set(loads.get() + 1);
                signals.reached("go").await;
                task
            };
            let object = cache.get_or_load_async("a", load).await;
            got.borrow_mut().push(object);
        });
    }
    tasks.run_until_idle();
    assert_eq!(tasks.len(), TASKS, "all wait for the one loader");
    signals.raise("go");
    tasks.run();
    drop(tasks);
    assert_eq!(loads.get(), 1);
    let got = got.into_inner();
    assert_eq!(got.len(), TASKS);
    assert!(got.iter().all(|object| Arc::ptr_eq(object, &got[0])));
    assert!(cache.get("a").is_some_and(|there| Arc::ptr_eq(&there, &got[0])));
}

/// A hit runs no loader and does not wait. A future that is never polled does nothing.
pub fn none_on_a_hit<B: Backend>() {
    let cache = str_cache::<B, u8>();
    drop(cache.get_or_load_async("a", async || unreachable!("it is not polled")));
    assert_eq!(*cache.get_or_insert_with("a", || 1), 1);
    let mut tasks = Tasks::new();
    tasks.spawn(async {
        assert_eq!(*cache.get_or_load_async("a", async || unreachable!("it is there")).await, 1);
        let got =
            cache.get_or_try_load_async("a", async || -> Result<u8, ()> { unreachable!("it is there") });
        assert_eq!(got.await.as_deref(), Ok(&1));
    });
    tasks.run();
    assert_eq!(tasks.polls(), 1);
}

/// Tasks wait for a thread's load and get its object.
pub fn tasks_wait_for_a_thread<B: Backend>() {
    let cache = str_cache::<B, u8>();
    let signals = Signals::new();
    together(2, |thread| {
        if thread == 0 {
            cache.get_or_insert_with("a", || {
                signals.raise("loading");
                signals.wait("tasks wait");
                1
            });
        } else {
            signals.wait("loading");
            let mut tasks = Tasks::new();
            for _ in 0..TASKS {
                tasks.spawn(async {
                    let got = cache.get_or_load_async("a", async || unreachable!("a thread loads it")).await;
                    assert_eq!(*got, 1);
                });
            }
            tasks.run_until_idle();
            assert_eq!(tasks.len(), TASKS, "all wait for the thread");
            signals.raise("tasks wait");
            tasks.run();
        }
    });
}

/// Threads wait for a task's load and get its object.
pub fn threads_wait_for_a_task<B: Backend>() {
    let cache = str_cache::<B, u8>();
    let signals = Signals::new();
    let got = together(4, |thread| {
        if thread == 0 {
            *block_on(cache.get_or_load_async("a", async || {
                signals.raise("loading");
                signals.reached("about to wait").await;
                thread::sleep(A_MOMENT);
                yield_now().await;
                1
            }))
        } else {
            signals.wait("loading");
            signals.raise("about to wait");
            *cache.get_or_insert_with("a", || unreachable!("a task loads it"))
        }
    });
    assert_eq!(got, [1; 4]);
}

/// All tasks that wait for a load share its error, which is not cached. Those with another error type run one loader of
/// their own.
pub fn a_failure_is_shared<B: Backend>() {
    let cache = str_cache::<B, u8>();
    let (signals, loads) = (Signals::new(), Cell::new(0));
    let failures = RefCell::new(Vec::new());
    let mut tasks = Tasks::new();
    for _ in 0..TASKS {
        tasks.spawn(async {
            let load = async || {
                loads.set(loads.get() + 1);
                signals.reached("go").await;
                Err("no database")
            };
            match cache.get_or_try_load_async("a", load).await {
                Err(LoadError::Failed(failure)) => failures.borrow_mut().push(failure),
                other => panic!("its load has failed, and it got {other:?}"),
            }
        });
    }
    for _ in 0..TASKS {
        tasks.spawn(async {
            let load = async || {
                loads.set(loads.get() + 1);
                yield_now().await;
                Ok::<u8, u32>(2)
            };
            assert_eq!(cache.get_or_try_load_async("a", load).await.as_deref(), Ok(&2));
        });
    }
    tasks.run_until_idle();
    signals.raise("go");
    tasks.run();
    drop(tasks);
    assert_eq!(loads.get(), 2, "one for each type of error");
    let failures = failures.into_inner();
    assert_eq!(failures.len(), TASKS);
    assert!(failures.iter().all(|failure| Arc::ptr_eq(failure, &failures[0])));
    cache.del("a");
    let after = block_on(cache.get_or_try_load_async("a", async || Ok::<u8, &str>(3)));
    assert_eq!(after.as_deref(), Ok(&3));
}

/// If nobody waits for a load, its caller gets the error by value.
pub fn a_failure_alone_is_owned<B: Backend>() {
    let cache = str_cache::<B, u8>();
    let failed = block_on(cache.get_or_try_load_async("a", async || Err("no database".to_owned())));
    let failure = failed.expect_err("its loader fails").into_failure();
    assert_eq!(failure, Ok("no database".to_owned()));
}

/// Loads of different keys run at the same time.
pub fn different_keys_at_once<B: Backend>() {
    let cache = str_cache::<B, u8>();
    let signals = Signals::new();
    let mut tasks = Tasks::new();
    for (key, mine, others) in [("a", "loading a", "loading b"), ("b", "loading b", "loading a")] {
        let (cache, signals) = (&cache, &signals);
        tasks.spawn(async move {
            let load = async || {
                signals.raise(mine);
                signals.reached(others).await;
                1
            };
            cache.get_or_load_async(key, load).await;
        });
    }
    tasks.run_until_idle();
    assert!(tasks.is_empty(), "each load must see the other one under way");
}
