//! Futures that are dropped, and loaders that panic, with others waiting.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use cache_core::{Backend, HasLoads, LoadError, ObjCache, ObjCacheAsyncExt, ObjCacheExt};

use super::super::A_MOMENT;
use super::caught;
use crate::obj::{StrCache, str_cache};
use crate::threads::together;
use crate::{Signals, Tasks, quiet_panic, scale};

/// Tasks that all ask for one key, with loaders that wait for a signal.
struct Crowd<'a> {
    tasks: Tasks<'a>,
    /// The tasks whose loaders have run, in order.
    loads: &'a RefCell<Vec<usize>>,
}

impl<'a> Crowd<'a> {
    fn new<B: Backend>(
        number: usize,
        cache: &'a StrCache<B, usize>,
        signals: &'a Signals,
        loads: &'a RefCell<Vec<usize>>,
    ) -> Self {
        let mut tasks = Tasks::new();
        for task in 0..number {
            tasks.spawn(async move {
                let load = async || {
                    loads.borrow_mut().push(task);
                    signals.reached("go").await;
                    task
                };
                let got = cache.get_or_load_async("a", load).await;
                assert_eq!(Some(*got), loads.borrow().last().copied());
            });
        }
        tasks.run_until_idle();
        Self { tasks, loads }
    }

    /// Drops a task, lets the others run, and checks which one loads then. Returns the number of polls.
    fn cancel(&mut self, task: usize, then_loads: usize) -> usize {
        let before = self.tasks.polls();
        self.tasks.cancel(task);
        self.tasks.run_until_idle();
        assert_eq!(self.loads.borrow().last(), Some(&then_loads), "after task {task} was dropped");
        self.tasks.polls() - before
    }
}

/// A future that is dropped during its load hands over at once to the task that has waited longest, and wakes no other.
pub fn from_a_dropped_future<B: Backend>() {
    let cache = str_cache::<B, usize>();
    let (signals, loads) = (Signals::new(), RefCell::default());
    let mut crowd = Crowd::new::<B>(4, &cache, &signals, &loads);
    assert_eq!(*loads.borrow(), [0]);
    assert_eq!(crowd.cancel(0, 1), 1);
    assert_eq!(crowd.cancel(1, 2), 1);
    signals.raise("go");
    crowd.tasks.run();
    assert_eq!(*loads.borrow(), [0, 1, 2]);
    assert_eq!(cache.get("a").as_deref(), Some(&2));
}

/// A dropped waiter is skipped, even if it was called before it was dropped.
pub fn past_a_waiter_that_is_gone<B: Backend>() {
    let cache = str_cache::<B, usize>();
    let (signals, loads) = (Signals::new(), RefCell::default());
    let mut crowd = Crowd::new::<B>(6, &cache, &signals, &loads);
    assert_eq!(crowd.cancel(1, 0), 0, "it has only waited");
    // Task 2 is called and dropped before it is polled, and so is task 3.
    crowd.tasks.cancel(0);
    crowd.tasks.cancel(2);
    assert_eq!(crowd.cancel(3, 4), 1);
    signals.raise("go");
    crowd.tasks.run();
    assert_eq!(*loads.borrow(), [0, 4]);
}

/// When the last waiter is dropped, called or not, nothing is left behind.
pub fn to_nobody<B: Backend>() {
    let cache = str_cache::<B, usize>();
    for called in [false, true] {
        let (signals, loads) = (Signals::new(), RefCell::default());
        let mut crowd = Crowd::new::<B>(2, &cache, &signals, &loads);
        crowd.tasks.cancel(usize::from(!called));
        crowd.tasks.cancel(usize::from(called));
        assert_eq!(format!("{:?}", cache.loads()), format!("{:?}", str_cache::<B, usize>().loads()));
        assert_eq!(*cache.get_or_insert_with("a", || 7), 7);
        assert!(cache.del("a"));
    }
}

/// Loaders that panic, before or after their first `await`, hand over to one waiter each.
pub fn from_a_panic<B: Backend>() {
    let cache = str_cache::<B, usize>();
    let loads = Cell::new(0);
    let mut tasks = Tasks::new();
    for _ in 0..8 {
        tasks.spawn(async {
            let load = async || {
                loads.set(loads.get() + 1);
                match loads.get() {
                    6 => return 6,
                    odd if odd % 2 == 1 => crate::yield_now().await,
                    _ => {}
                }
                quiet_panic()
            };
            let loaded = caught(cache.get_or_load_async("a", load)).await;
            assert!(loaded.is_none_or(|object| *object == 6));
        });
    }
    tasks.run();
    assert_eq!(loads.get(), 6, "each of five panics has one more task load");
    // Two for each task, and one for each hand-over and each pause.
    assert!(tasks.polls() <= 2 * 8 + 2 * 5, "{} polls", tasks.polls());
    drop(tasks);
    // A loader that panics before it returns a future.
    let mut tasks = Tasks::new();
    tasks.spawn(async {
        let load = || -> std::future::Ready<usize> { quiet_panic() };
        assert!(caught(cache.get_or_load_async("b", load)).await.is_none());
        assert_eq!(*cache.get_or_load_async("b", async || 7).await, 7);
    });
    tasks.run();
}

/// A dropped future hands over to a waiting thread, and a panicking thread to a waiting task.
pub fn between_tasks_and_threads<B: Backend>() {
    let cache = str_cache::<B, usize>();
    let signals = Signals::new();
    let got = together(2, |thread| {
        if thread == 0 {
            let (signals, loads) = (&signals, RefCell::default());
            let mut crowd = Crowd::new::<B>(2, &cache, signals, &loads);
            signals.raise("loading");
            signals.wait("about to wait");
            thread::sleep(A_MOMENT);
            crowd.tasks.cancel(0);
            assert!(signals.wait_for("thread loads", crate::patience()) || loads.borrow().len() == 2);
            crowd.tasks.run();
            drop(crowd);
            loads.into_inner().len()
        } else {
            signals.wait("loading");
            signals.raise("about to wait");
            let load = || -> usize {
                signals.raise("thread loads");
                signals.raise("go");
                quiet_panic()
            };
            let panicked = catch_unwind(AssertUnwindSafe(|| cache.get_or_insert_with("a", load)));
            usize::from(panicked.is_err())
        }
    });
    assert_eq!(got, [2, 1], "the dropped task, the thread and the other task load in turn");
}

/// A blocked thread is called before a waiting task: that thread may be the one that polls the task.
pub fn to_a_thread_before_its_tasks<B: Backend>() {
    let cache = str_cache::<B, usize>();
    let signals = Signals::new();
    let got = together(2, |thread| {
        if thread == 0 {
            let load = || -> usize {
                signals.raise("loading");
                signals.wait("about to block");
                thread::sleep(A_MOMENT);
                quiet_panic()
            };
            let panicked = catch_unwind(AssertUnwindSafe(|| cache.get_or_insert_with("a", load)));
            assert!(panicked.is_err());
            2
        } else {
            signals.wait("loading");
            let mut tasks = Tasks::new();
            tasks.spawn(async {
                assert_eq!(*cache.get_or_load_async("a", async || 1).await, 2);
            });
            tasks.run_until_idle();
            signals.raise("about to block");
            let got = *cache.get_or_insert_with("a", || 2);
            tasks.run();
            got
        }
    });
    assert_eq!(got, [2, 2]);
}

/// With 10,000 waiting tasks on one thread, a dropped loader wakes one of them, and the object wakes each once.
pub fn very_many_on_one_thread<B: Backend>() {
    const DROPPED: usize = 10;
    let number = scale(10_000).max(2 * DROPPED);
    let cache = str_cache::<B, usize>();
    let (signals, loads) = (Signals::new(), RefCell::default());
    let mut crowd = Crowd::new::<B>(number, &cache, &signals, &loads);
    assert_eq!(crowd.tasks.polls(), number);
    for task in 0..DROPPED {
        assert_eq!(crowd.cancel(task, task + 1), 1, "one of {number} tasks is woken");
    }
    let before = crowd.tasks.polls();
    signals.raise("go");
    crowd.tasks.run();
    assert_eq!(crowd.tasks.polls() - before, number - DROPPED, "one poll for each that waits");
    assert_eq!(loads.borrow().len(), DROPPED + 1);
}

/// A dropped loader's future is gone before the next loader runs. A `Drop` inside it may ask for the key, and gets an
/// error.
pub fn the_future_is_dropped_first<B: Backend>() {
    struct AsksInDrop<'a, C: ObjCache<u8>>(&'a C, &'a AtomicUsize);
    impl<C: ObjCache<u8>> Drop for AsksInDrop<'_, C> {
        fn drop(&mut self) {
            let asked =
                self.0.get_or_try_insert_with("a", || -> Result<u8, ()> { unreachable!("its own key") });
            assert_eq!(asked, Err(LoadError::Recursive));
            self.1.fetch_add(1, Ordering::AcqRel);
        }
    }
    let cache = str_cache::<B, u8>();
    let (signals, drops) = (Signals::new(), AtomicUsize::new(0));
    let mut tasks = Tasks::new();
    let loading = tasks.spawn(async {
        let load = async || {
            let _asks = AsksInDrop(&cache, &drops);
            signals.reached("never").await;
            1
        };
        cache.get_or_load_async("a", load).await;
    });
    tasks.spawn(async {
        let load = async || {
            assert_eq!(drops.load(Ordering::Acquire), 1, "the other loader's future is still there");
            2
        };
        assert_eq!(*cache.get_or_load_async("a", load).await, 2);
    });
    tasks.run_until_idle();
    tasks.cancel(loading);
    tasks.run();
}
