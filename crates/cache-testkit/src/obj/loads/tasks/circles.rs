//! Async loaders that ask for a key whose load waits for them get an error instead of waiting forever.

use std::cell::Cell;
use std::future;
use std::pin::pin;
use std::task::Poll;
use std::thread;

use cache_core::{Backend, LoadError, ObjCache, ObjCacheAsyncExt, ObjCacheExt};

use super::super::A_MOMENT;
use super::caught;
use crate::obj::str_cache;
use crate::threads::together;
use crate::{Signals, Tasks, block_on, yield_now};

/// Awaits two futures at once.
async fn both<A, B>(one: impl Future<Output = A>, other: impl Future<Output = B>) -> (A, B) {
    let (mut one, mut other) = (pin!(one), pin!(other));
    let (mut first, mut second) = (None, None);
    future::poll_fn(|task| {
        if first.is_none()
            && let Poll::Ready(result) = one.as_mut().poll(task)
        {
            first = Some(result);
        }
        if second.is_none()
            && let Poll::Ready(result) = other.as_mut().poll(task)
        {
            second = Some(result);
        }
        match (first.take(), second.take()) {
            (Some(one), Some(other)) => Poll::Ready((one, other)),
            (one, other) => {
                (first, second) = (one, other);
                Poll::Pending
            }
        }
    })
    .await
}

/// Asks for a key in a loader. Returns whether it was refused as recursive.
async fn is_refused(cache: &impl ObjCache<u8>, key: &str) -> bool {
    let got = cache.get_or_try_load_async(key, async || Ok::<u8, ()>(9)).await;
    match got {
        Ok(_) => false,
        Err(error) => {
            assert_eq!(error, LoadError::Recursive);
            true
        }
    }
}

/// A loader that asks for its own key gets an error, before and after an `await`, from the sync form too.
pub fn a_loader_that_asks_for_its_own_key<B: Backend>() {
    let cache = str_cache::<B, u8>();
    let got = block_on(cache.get_or_load_async("a", async || {
        assert!(is_refused(&cache, "a").await);
        yield_now().await;
        assert!(is_refused(&cache, "a").await);
        assert_eq!(cache.get_or_try_insert_with("a", || Ok::<u8, ()>(9)), Err(LoadError::Recursive));
        2
    }));
    assert_eq!(*got, 2);
    let panicked = block_on(caught(
        cache.get_or_load_async("b", async || *cache.get_or_load_async("b", async || 1).await),
    ));
    assert!(panicked.is_none());
    let got = cache.get_or_insert_with("c", || {
        assert!(block_on(is_refused(&cache, "c")), "a thread's loader asks in a task");
        3
    });
    assert_eq!(*got, 3);
}

/// A circle of several keys in one task, in both forms.
pub fn one_task_through_several_keys<B: Backend>() {
    let cache = str_cache::<B, u8>();
    let got = block_on(cache.get_or_load_async("a", async || {
        let b = cache.get_or_load_async("b", async || {
            yield_now().await;
            *cache.get_or_insert_with("c", || u8::from(block_on(is_refused(&cache, "a"))))
        });
        *b.await
    }));
    assert_eq!(*got, 1);
    assert!(["a", "b", "c"].iter().all(|key| cache.get(key).is_some()));
}

/// Two tasks load two keys and ask for each other's. One is refused, and both end.
pub fn two_tasks_and_two_keys<B: Backend>() {
    let cache = str_cache::<B, u8>();
    let refused = Cell::new(0);
    let mut tasks = Tasks::new();
    for (mine, others) in [("a", "b"), ("b", "a")] {
        let (cache, refused) = (&cache, &refused);
        tasks.spawn(async move {
            let load = async || {
                // Both have started to load before either asks.
                yield_now().await;
                if is_refused(cache, others).await {
                    refused.set(refused.get() + 1);
                }
                1
            };
            cache.get_or_load_async(mine, load).await;
        });
    }
    tasks.run();
    assert_eq!(refused.get(), 1, "one refusal opens a circle");
}

/// A task and a thread load two keys and ask for each other's.
pub fn a_task_and_a_thread<B: Backend>() {
    for _ in 0..crate::scale(20) {
        let cache = str_cache::<B, u8>();
        let signals = Signals::new();
        let refused = together(2, |thread| {
            let mut refused = false;
            if thread == 0 {
                let load = async || {
                    signals.raise("task loads");
                    signals.reached("thread loads").await;
                    refused = is_refused(&cache, "thread").await;
                    1
                };
                block_on(cache.get_or_load_async("task", load));
            } else {
                cache.get_or_insert_with("thread", || {
                    signals.raise("thread loads");
                    signals.wait("task loads");
                    refused = cache.get_or_try_insert_with("task", || Ok::<u8, ()>(9)).is_err();
                    1
                });
            }
            refused
        });
        assert_ne!(refused[0], refused[1], "one refusal opens a circle");
    }
}

/// A loader that awaits several keys waits for all of them: a circle through any of them is refused.
pub fn a_loader_that_awaits_several_keys<B: Backend>() {
    let cache = str_cache::<B, u8>();
    let (signals, refused) = (Signals::new(), Cell::new(None));
    let mut tasks = Tasks::new();
    for key in ["x", "y"] {
        let (cache, signals) = (&cache, &signals);
        tasks.spawn(async move {
            let load = async || {
                signals.reached(key).await;
                1
            };
            cache.get_or_load_async(key, load).await;
        });
    }
    tasks.spawn(async {
        let load = async || {
            signals.reached("ask").await;
            refused.set(Some(is_refused(&cache, "a").await));
            2
        };
        cache.get_or_load_async("b", load).await;
    });
    tasks.spawn(async {
        let load = async || {
            let x_and_y =
                both(cache.get_or_load_async("x", async || 9), cache.get_or_load_async("y", async || 9));
            let ((x, y), b) = both(x_and_y, cache.get_or_load_async("b", async || 9)).await;
            *x + *y + *b
        };
        assert_eq!(*cache.get_or_load_async("a", load).await, 4);
    });
    tasks.run_until_idle();
    signals.raise("x");
    tasks.run_until_idle();
    signals.raise("ask");
    tasks.run_until_idle();
    assert_eq!(refused.get(), Some(true), "\"a\" waits for \"b\", and for \"y\" too");
    signals.raise("y");
    tasks.run();
}

/// A wait inside a nested load holds up both loads.
pub fn a_load_within_a_load_holds_up_both<B: Backend>() {
    let cache = str_cache::<B, u8>();
    let (signals, refused) = (Signals::new(), Cell::new(None));
    let mut tasks = Tasks::new();
    tasks.spawn(async {
        let load = async || {
            signals.reached("ask").await;
            refused.set(Some(is_refused(&cache, "a").await));
            1
        };
        cache.get_or_load_async("c", load).await;
    });
    tasks.spawn(async {
        let load_b = async || 1 + *cache.get_or_load_async("c", async || 9).await;
        let load_a = async || 1 + *cache.get_or_load_async("b", load_b).await;
        assert_eq!(*cache.get_or_load_async("a", load_a).await, 3);
    });
    tasks.run_until_idle();
    signals.raise("ask");
    tasks.run();
    assert_eq!(refused.get(), Some(true), "\"a\" waits for \"c\" through \"b\"");
}

/// A loader that waits for another load is no circle. Nor is a loader that awaits two loads, one of which waits for the
/// other.
pub fn a_chain_is_no_circle<B: Backend>() {
    let cache = str_cache::<B, u8>();
    let signals = Signals::new();
    let mut tasks = Tasks::new();
    tasks.spawn(async {
        let load = async || {
            signals.reached("go").await;
            1
        };
        cache.get_or_load_async("c", load).await;
    });
    tasks.spawn(async {
        let load = async || 1 + *cache.get_or_load_async("c", async || 9).await;
        cache.get_or_load_async("b", load).await;
    });
    tasks.spawn(async {
        let load = async || {
            let waits =
                both(cache.get_or_load_async("b", async || 9), cache.get_or_load_async("c", async || 9));
            let (b, c) = waits.await;
            *b + *c
        };
        assert_eq!(*cache.get_or_load_async("a", load).await, 3);
    });
    tasks.run_until_idle();
    assert_eq!(tasks.len(), 3);
    signals.raise("go");
    tasks.run();
}

/// One thread polls two loads in turn. One may wait for the other.
pub fn tasks_of_one_thread_are_told_apart<B: Backend>() {
    let cache = str_cache::<B, u8>();
    let signals = Signals::new();
    let mut tasks = Tasks::new();
    tasks.spawn(async {
        let load = async || {
            signals.reached("go").await;
            1
        };
        cache.get_or_load_async("a", load).await;
    });
    tasks.spawn(async {
        let load = async || {
            assert!(!is_refused(&cache, "a").await, "it waits for another task");
            2
        };
        cache.get_or_load_async("b", load).await;
        // This task is in no load any more.
        assert_eq!(*cache.get_or_load_async("a", async || 9).await, 1);
    });
    tasks.run_until_idle();
    signals.raise("go");
    tasks.run();
}

/// A loader's future that moves to another thread is recognised there.
pub fn a_future_that_moves_between_threads<B: Backend>() {
    let cache = str_cache::<B, u8>();
    let signals = Signals::new();
    let mut future = Box::pin(cache.get_or_load_async("a", async || {
        signals.reached("go").await;
        assert!(is_refused(&cache, "a").await);
        1
    }));
    poll_once(future.as_mut());
    thread::scope(|scope| {
        scope.spawn(|| {
            // This thread is not in the load, so it waits.
            assert_eq!(*cache.get_or_insert_with("a", || unreachable!("a task loads it")), 1);
        });
        thread::sleep(A_MOMENT);
        scope.spawn(|| {
            signals.raise("go");
            assert_eq!(*block_on(future), 1);
        });
    });
}

/// The loader of "a" starts to wait for "b", and drops that wait or leaves it to another task. Then the loader of "b" may
/// wait for "a".
fn a_wait_that_ends_early<B: Backend>(leaves_in_a_task: bool) {
    let cache = str_cache::<B, u8>();
    let (signals, left) = (Signals::new(), Cell::new(None));
    let mut tasks = Tasks::new();
    tasks.spawn(async {
        let load = async || {
            signals.reached("ask").await;
            assert!(!is_refused(&cache, "a").await, "\"a\" does not wait for \"b\" any more");
            2
        };
        cache.get_or_load_async("b", load).await;
    });
    tasks.spawn(async {
        let load = async || {
            let mut wait = Box::pin(cache.get_or_load_async("b", async || 9));
            poll_once(wait.as_mut());
            left.set(leaves_in_a_task.then_some(wait));
            signals.reached("go").await;
            1
        };
        cache.get_or_load_async("a", load).await;
    });
    tasks.run_until_idle();
    if let Some(wait) = left.take() {
        tasks.spawn(async move { assert_eq!(*wait.await, 2) });
        tasks.run_until_idle();
    }
    signals.raise("ask");
    tasks.run_until_idle();
    signals.raise("go");
    tasks.run();
}

/// A loader that has dropped the future of a wait does not wait any more.
pub fn a_wait_that_is_dropped<B: Backend>() {
    a_wait_that_ends_early::<B>(false);
}

/// A wait that starts in a loader and moves to another task is not the loader's any more.
pub fn a_wait_that_leaves_its_loader<B: Backend>() {
    a_wait_that_ends_early::<B>(true);
}

/// A load that starts in a loader and moves out of it is not nested any more: it may wait for that loader.
pub fn a_load_that_leaves_its_loader<B: Backend>() {
    let cache = str_cache::<B, u8>();
    let (signals, left) = (Signals::new(), Cell::new(None));
    let mut tasks = Tasks::new();
    tasks.spawn(async {
        let load = async || {
            let mut inner = Box::pin(cache.get_or_load_async("b", async || {
                signals.reached("moved").await;
                assert!(!is_refused(&cache, "a").await, "\"a\" does not wait for it");
                2
            }));
            poll_once(inner.as_mut());
            left.set(Some(inner));
            signals.reached("go").await;
            1
        };
        assert_eq!(*cache.get_or_load_async("a", load).await, 1);
    });
    tasks.run_until_idle();
    let inner = left.take().expect("the loader has put it here");
    tasks.spawn(async move { assert_eq!(*inner.await, 2) });
    signals.raise("moved");
    tasks.run_until_idle();
    assert_eq!(tasks.len(), 2);
    signals.raise("go");
    tasks.run();
}

fn poll_once<R>(future: std::pin::Pin<&mut impl Future<Output = R>>) {
    let mut task = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(future.poll(&mut task).is_pending());
}
