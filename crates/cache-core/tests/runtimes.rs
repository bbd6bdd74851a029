//! Loads in the runtimes that callers use, and what can be said of their futures at compile time.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use cache_core::{LoadError, ObjCache, ObjCacheAsyncExt, ObjCacheExt};
use cache_rwlock::RwLockObjCache;
use cache_testkit::{Signals, watched};

type Cache = RwLockObjCache<usize>;

/// Tasks that ask for one key at once.
const TASKS: usize = if cfg!(any(tsan, miri)) { 500 } else { 10_000 };

/// What a runtime is asked to do: run a task, and say when it ended.
trait Runtime {
    type Task;
    fn spawn(&self, task: impl Future<Output = usize> + Send + 'static) -> Self::Task;
    fn join(&self, task: Self::Task) -> usize;
    /// Drops a task in the middle, and returns once it is gone.
    fn cancel(&self, task: Self::Task);
}

struct Tokio(tokio::runtime::Runtime);

impl Runtime for Tokio {
    type Task = tokio::task::JoinHandle<usize>;

    fn spawn(&self, task: impl Future<Output = usize> + Send + 'static) -> Self::Task {
        self.0.spawn(task)
    }

    fn join(&self, task: Self::Task) -> usize {
        self.0.block_on(task).expect("the task does not panic")
    }

    fn cancel(&self, task: Self::Task) {
        task.abort();
        assert!(self.0.block_on(task).is_err_and(|error| error.is_cancelled()));
    }
}

struct Smol(smol::Executor<'static>);

impl Runtime for Smol {
    type Task = smol::Task<usize>;

    fn spawn(&self, task: impl Future<Output = usize> + Send + 'static) -> Self::Task {
        self.0.spawn(task)
    }

    fn join(&self, task: Self::Task) -> usize {
        smol::block_on(self.0.run(task))
    }

    fn cancel(&self, task: Self::Task) {
        assert_eq!(smol::block_on(self.0.run(task.cancel())), None);
    }
}

fn one_worker() -> Tokio {
    Tokio(
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().expect("a thread is to be had"),
    )
}

fn several_workers() -> Tokio {
    Tokio(
        tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().expect("threads are to be had"),
    )
}

fn current_thread() -> Tokio {
    Tokio(tokio::runtime::Builder::new_current_thread().build().expect("nothing is asked for"))
}

/// Very many tasks wait for one load. The first leader is dropped, the second fails, and then one loads.
fn very_many_wait(runtime: impl Runtime) {
    let (cache, signals) = (Arc::new(Cache::default()), Arc::new(Signals::new()));
    let loads = Arc::new(AtomicUsize::new(0));
    let ask = |task: usize| {
        let (cache, signals, loads) = (cache.clone(), signals.clone(), loads.clone());
        async move {
            let load = async || {
                let before = loads.fetch_add(1, Ordering::AcqRel);
                signals.raise("loading");
                if before == 0 {
                    signals.reached("never").await;
                }
                signals.reached("all ask").await;
                if before == 1 {
                    return Err(task);
                }
                Ok(task)
            };
            match cache.get_or_try_load_async("a", load).await {
                Ok(object) => *object,
                // Shared by all who waited: they ask again, and one of them loads for all.
                Err(_) => *cache.get_or_load_async("a", async || task).await,
            }
        }
    };
    let leader = runtime.spawn(ask(TASKS));
    // The first to be polled leads; on one thread nobody polls it but a join.
    runtime.join(runtime.spawn({
        let signals = signals.clone();
        async move {
            signals.reached("loading").await;
            0
        }
    }));
    let tasks: Vec<_> = (0..TASKS).map(|task| runtime.spawn(ask(task))).collect();
    runtime.cancel(leader);
    signals.raise("all ask");
    let mut got: Vec<_> = tasks.into_iter().map(|task| runtime.join(task)).collect();
    got.dedup();
    assert_eq!(got.len(), 1, "all are given what one of them has loaded");
    assert!(loads.load(Ordering::Acquire) >= 2, "the leader that was dropped has handed over");
    assert_eq!(cache.get("a").as_deref(), got.first());
}

#[test]
fn tokio_with_one_worker() {
    watched("tokio with one worker", || very_many_wait(one_worker()));
}

#[test]
fn tokio_with_several_workers() {
    watched("tokio with several workers", || very_many_wait(several_workers()));
}

#[test]
fn tokio_on_the_current_thread() {
    watched("tokio on the current thread", || very_many_wait(current_thread()));
}

#[test]
fn smol_on_the_current_thread() {
    watched("smol", || very_many_wait(Smol(smol::Executor::new())));
}

/// Threads that run a future each wait for one another.
#[test]
fn block_on_of_futures() {
    watched("block_on of futures", || {
        let (cache, signals) = (Cache::default(), Signals::new());
        thread::scope(|scope| {
            scope.spawn(|| {
                let load = async || {
                    signals.raise("loading");
                    signals.reached("asking").await;
                    1
                };
                assert_eq!(*futures_executor::block_on(cache.get_or_load_async("a", load)), 1);
            });
            scope.spawn(|| {
                signals.wait("loading");
                signals.raise("asking");
                let load = async || unreachable!("the other thread loads it");
                assert_eq!(*futures_executor::block_on(cache.get_or_load_async("a", load)), 1);
            });
        });
    });
}

/// A blocking call beside the workers, and tasks, in one load: as `spawn_blocking` would.
#[test]
fn threads_beside_a_runtime() {
    watched("threads beside a runtime", || {
        let runtime = one_worker();
        let (cache, signals) = (Arc::new(Cache::default()), Arc::new(Signals::new()));
        let blocking = runtime.0.spawn_blocking({
            let (cache, signals) = (cache.clone(), signals.clone());
            move || {
                *cache.get_or_insert_with("a", || {
                    signals.raise("loading");
                    signals.wait("asking");
                    1
                })
            }
        });
        signals.wait("loading");
        let tasks: Vec<_> = (0..100)
            .map(|_| {
                let cache = cache.clone();
                runtime.spawn(async move { *cache.get_or_load_async("a", async || 1).await })
            })
            .collect();
        signals.raise("asking");
        assert!(tasks.into_iter().all(|task| runtime.join(task) == 1));
        assert_eq!(runtime.join(blocking), 1);
    });
}

/// Leaders that are dropped at any time, by a runtime with several workers: whoever is left ends.
#[test]
fn tasks_aborted_at_any_time() {
    watched("tasks aborted at any time", || {
        let runtime = several_workers();
        let cache = Arc::new(Cache::default());
        for round in 0..cache_testkit::scale(200) {
            let tasks: Vec<_> = (0..20)
                .map(|task| {
                    let cache = cache.clone();
                    runtime.spawn(async move {
                        let load = async || {
                            tokio::task::yield_now().await;
                            task
                        };
                        *cache.get_or_load_async("a", load).await
                    })
                })
                .collect();
            for (number, task) in tasks.into_iter().enumerate() {
                if (number + round) % 3 == 0 {
                    runtime.join(task);
                } else {
                    task.abort();
                }
            }
            cache.del("a");
        }
        assert_eq!(*cache.get_or_insert_with("a", || 7), 7);
    });
}

fn is_send<F: Future + Send>(future: F) -> F {
    future
}

/// The futures are `Send` where the loader's is, for any cache, `dyn` ones too.
#[test]
fn futures_are_send() {
    async fn generic<C: ObjCache<usize>>(cache: &C, key: &str) -> usize {
        *is_send(cache.get_or_load_async(key, async || 1)).await
    }
    async fn dynamic(cache: Arc<dyn ObjCache<usize>>, key: &str) -> Result<usize, LoadError<String>> {
        Ok(*is_send(cache.get_or_try_load_async(key, async || Ok(2))).await?)
    }
    futures_executor::block_on(async {
        assert_eq!(is_send(generic(&Cache::default(), "a")).await, 1);
        assert_eq!(is_send(dynamic(Arc::new(Cache::default()), "a")).await, Ok(2));
    });
}

/// A loader that must stay on its thread is none the worse.
#[test]
fn loaders_need_not_be_send() {
    let (cache, local) = (Cache::default(), Rc::new(3));
    let load = async || {
        let held = local.clone();
        cache_testkit::yield_now().await;
        *held
    };
    assert_eq!(*futures_executor::block_on(cache.get_or_load_async("a", load)), 3);
}

/// What a caller who only waits keeps for itself is small, however large the loader's future is.
#[test]
fn futures_are_small() {
    let cache = Cache::default();
    let load = async || {
        let large = [0_usize; 10_000];
        cache_testkit::yield_now().await;
        large.len()
    };
    let future = cache.get_or_load_async("a", load);
    assert!(size_of_val(&future) < 1000, "{} bytes", size_of_val(&future));
}
