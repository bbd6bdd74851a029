//! Ten thousand tasks that wait for one load, whose leader is dropped again and again.

use std::cell::Cell;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cache_core::Backend;
use cache_policy::Cache;
use cache_testkit::{Random, Signals, Tasks, fresh_seed};

const TASKS: usize = 10_000;
const DROPS: usize = 1_000;

/// One loader at a time, and each in a known order of polls.
pub(crate) fn leaders_are_dropped<B: Backend>() {
    let cache: Cache<usize, str, B> = Cache::builder().max_entries(10).build();
    let seed = fresh_seed();
    let mut random = Random::new(seed);
    let signals = Signals::new();
    let (leader, running, started, answered) = (Cell::new(None), Cell::new(0), Cell::new(0), Cell::new(0));
    let mut tasks = Tasks::new();
    for task in 0..TASKS {
        let (cache, signals) = (&cache, &signals);
        let (leader, running, started, answered) = (&leader, &running, &started, &answered);
        tasks.spawn(async move {
            let load = || async move {
                let _running = Running::new(running);
                started.set(started.get() + 1);
                leader.set(Some(task));
                signals.reached("loaded").await;
                Ok::<_, Infallible>(task)
            };
            let value = cache.get_or_load_async("a", load).await.unwrap();
            assert_eq!(Some(*value), leader.get());
            answered.set(answered.get() + 1);
        });
    }
    let mut waiting: Vec<_> = (0..TASKS).collect();
    for dropped in 0..DROPS {
        tasks.run_until_idle();
        assert_eq!((running.get(), started.get()), (1, dropped + 1), "HOTCACHE_TEST_SEED={seed}");
        let leads = leader.take().unwrap();
        // A waiter goes too, now and then before its leader: it may be the one that is to follow.
        let waiter = waiting.swap_remove(random.below(waiting.len()));
        let first = random.below(2) == 0;
        if first && waiter != leads {
            tasks.cancel(waiter);
        }
        tasks.cancel(leads);
        if !first && waiter != leads {
            tasks.cancel(waiter);
        }
        waiting.retain(|task| *task != leads);
    }
    signals.raise("loaded");
    tasks.run();
    assert_eq!((started.get(), answered.get()), (DROPS + 1, waiting.len()), "HOTCACHE_TEST_SEED={seed}");
    assert_eq!(cache.len(), 1);
}

/// The same on two threads that steal tasks from each other.
pub(crate) fn leaders_are_aborted_on_threads<B: Backend>() {
    struct Shared<B: Backend> {
        cache: Cache<usize, str, B>,
        running: AtomicUsize,
        leader: AtomicUsize,
        signals: Signals,
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let shared = Arc::new(Shared::<B> {
        cache: Cache::builder().max_entries(10).build(),
        running: AtomicUsize::new(0),
        leader: AtomicUsize::new(usize::MAX),
        signals: Signals::new(),
    });
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let shared = shared.clone();
            runtime.spawn(async move {
                let load = || async {
                    struct Down<'a>(&'a AtomicUsize);
                    impl Drop for Down<'_> {
                        fn drop(&mut self) {
                            self.0.fetch_sub(1, Ordering::SeqCst);
                        }
                    }
                    assert_eq!(shared.running.fetch_add(1, Ordering::SeqCst), 0, "two loaders at a time");
                    let _down = Down(&shared.running);
                    shared.leader.store(task, Ordering::SeqCst);
                    shared.signals.reached("loaded").await;
                    Ok::<_, Infallible>(task)
                };
                *shared.cache.get_or_load_async("a", load).await.unwrap()
            })
        })
        .collect();
    let mut aborted = 0;
    while aborted < DROPS {
        let leads = shared.leader.swap(usize::MAX, Ordering::SeqCst);
        if let Some(task) = tasks.get(leads) {
            task.abort();
            aborted += 1;
        } else {
            std::thread::yield_now();
        }
    }
    shared.signals.raise("loaded");
    let answers: Vec<_> = runtime.block_on(async {
        let mut answers = Vec::new();
        for task in tasks {
            match task.await {
                Ok(value) => answers.push(value),
                Err(error) => assert!(error.is_cancelled(), "{error}"),
            }
        }
        answers
    });
    assert!(answers.len() >= TASKS - DROPS, "{} tasks were answered", answers.len());
    assert!(answers.iter().all(|value| *value == answers[0]));
    assert_eq!(shared.running.load(Ordering::SeqCst), 0);
}

/// Counts as running until it is dropped.
struct Running<'a>(&'a Cell<usize>);

impl<'a> Running<'a> {
    fn new(running: &'a Cell<usize>) -> Self {
        running.set(running.get() + 1);
        assert_eq!(running.get(), 1, "two loaders at a time");
        Self(running)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}
