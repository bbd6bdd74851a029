use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use crate::patience;

/// A single-threaded executor with a fixed order of polls, which it counts.
///
/// # Examples
///
/// ```
/// use cache_testkit::{Signals, Tasks};
///
/// let signals = Signals::new();
/// let mut tasks = Tasks::new();
/// tasks.spawn(signals.reached("go"));
/// tasks.run_until_idle();
/// assert_eq!((tasks.len(), tasks.polls()), (1, 1));
/// signals.raise("go");
/// tasks.run();
/// assert_eq!((tasks.len(), tasks.polls()), (0, 2));
/// ```
#[derive(Default)]
pub struct Tasks<'a> {
    tasks: BTreeMap<usize, Task<'a>>,
    spawned: usize,
    polls: usize,
    ready: Arc<Ready>,
}

struct Task<'a> {
    future: Pin<Box<dyn Future<Output = ()> + 'a>>,
    waker: Arc<TaskWaker>,
}

struct TaskWaker {
    task: usize,
    /// Whether the task is in the queue.
    queued: AtomicBool,
    ready: Arc<Ready>,
}

/// The tasks that were woken and not polled since, in order.
#[derive(Default)]
struct Ready {
    queue: Mutex<VecDeque<usize>>,
    woken: Condvar,
}

impl<'a> Tasks<'a> {
    /// No tasks.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(cache_testkit::Tasks::new().is_empty());
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a task behind all ready ones and returns its number.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut tasks = cache_testkit::Tasks::new();
    /// assert_eq!(tasks.spawn(async {}), 0);
    /// ```
    pub fn spawn(&mut self, future: impl Future<Output = ()> + 'a) -> usize {
        let task = self.spawned;
        self.spawned += 1;
        let waker = Arc::new(TaskWaker { task, queued: AtomicBool::new(false), ready: self.ready.clone() });
        waker.wake_by_ref();
        self.tasks.insert(task, Task { future: Box::pin(future), waker });
        task
    }

    /// Drops a task.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut tasks = cache_testkit::Tasks::new();
    /// let task = tasks.spawn(std::future::pending());
    /// tasks.cancel(task);
    /// tasks.run();
    /// ```
    pub fn cancel(&mut self, task: usize) {
        drop(self.tasks.remove(&task));
    }

    /// Polls tasks until none is ready.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut tasks = cache_testkit::Tasks::new();
    /// tasks.spawn(std::future::pending());
    /// tasks.run_until_idle();
    /// assert_eq!(tasks.len(), 1);
    /// ```
    pub fn run_until_idle(&mut self) {
        loop {
            let next = self.ready.lock().pop_front();
            let Some(task) = next else { return };
            self.poll(task);
        }
    }

    /// Polls tasks until all have ended.
    ///
    /// # Panics
    ///
    /// If nobody wakes a task within the suite's [`patience`](crate::patience()).
    ///
    /// # Examples
    ///
    /// ```
    /// let mut tasks = cache_testkit::Tasks::new();
    /// tasks.spawn(cache_testkit::yield_now());
    /// tasks.run();
    /// ```
    pub fn run(&mut self) {
        loop {
            self.run_until_idle();
            if self.tasks.is_empty() {
                return;
            }
            let queue = self.ready.lock();
            let limit = patience();
            let (queue, _) = self
                .ready
                .woken
                .wait_timeout_while(queue, limit, |queue| queue.is_empty())
                .unwrap_or_else(PoisonError::into_inner);
            assert!(
                !queue.is_empty(),
                "{} tasks wait, and none was woken within {limit:?}",
                self.tasks.len()
            );
        }
    }

    /// The number of tasks that have not ended.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(cache_testkit::Tasks::new().len(), 0);
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Whether all tasks have ended.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(cache_testkit::Tasks::new().is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// The number of polls so far, of all tasks together.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(cache_testkit::Tasks::new().polls(), 0);
    /// ```
    #[must_use]
    pub fn polls(&self) -> usize {
        self.polls
    }

    fn poll(&mut self, number: usize) {
        // Taken out of the map, so that a panic drops it.
        let Some(mut task) = self.tasks.remove(&number) else { return };
        self.polls += 1;
        // Cleared before the poll: a wake-up during it asks for another poll.
        task.waker.queued.store(false, Ordering::Release);
        let waker = Waker::from(task.waker.clone());
        if task.future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
            self.tasks.insert(number, task);
        }
    }
}

impl fmt::Debug for Tasks<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tasks").field("len", &self.len()).field("polls", &self.polls).finish_non_exhaustive()
    }
}

impl Ready {
    fn lock(&self) -> MutexGuard<'_, VecDeque<usize>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.queued.swap(true, Ordering::AcqRel) {
            self.ready.lock().push_back(self.task);
            self.ready.woken.notify_one();
        }
    }
}

/// Runs one future to its end. Sleeps while it is pending.
///
/// # Panics
///
/// As [`Tasks::run`] does.
///
/// # Examples
///
/// ```
/// assert_eq!(cache_testkit::block_on(async { 2 + 2 }), 4);
/// ```
pub fn block_on<R>(future: impl Future<Output = R>) -> R {
    let future = pin!(future);
    let mut result = None;
    let mut tasks = Tasks::new();
    tasks.spawn(async { result = Some(future.await) });
    tasks.run();
    drop(tasks);
    result.expect("all tasks have ended")
}

/// Gives other tasks a turn.
///
/// # Examples
///
/// ```
/// cache_testkit::block_on(cache_testkit::yield_now());
/// ```
pub async fn yield_now() {
    let mut yielded = false;
    future::poll_fn(|task| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        task.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Awaits a future, and drops it if it is still pending after `polls` polls.
pub(crate) async fn within_polls<R>(polls: usize, future: impl Future<Output = R>) -> Option<R> {
    let mut future = pin!(future);
    let mut left = polls;
    future::poll_fn(|task| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(task) {
            Poll::Ready(result) => Poll::Ready(Some(result)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}
