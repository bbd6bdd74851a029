use std::collections::HashSet;
use std::future;
use std::mem;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::task::{Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

/// Points in time by name, so that a test can put steps of its threads in an order.
///
/// # Examples
///
/// ```
/// let signals = cache_testkit::Signals::new();
/// std::thread::scope(|scope| {
///     scope.spawn(|| signals.raise("loaded"));
///     signals.wait("loaded");
/// });
/// assert!(signals.is_raised("loaded"));
/// ```
#[derive(Debug, Default)]
pub struct Signals {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    raised: HashSet<&'static str>,
    tasks: Vec<Waker>,
}

impl Signals {
    /// No signal is raised yet.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(!cache_testkit::Signals::new().is_raised("loaded"));
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Raises a signal, for good.
    ///
    /// # Examples
    ///
    /// ```
    /// let signals = cache_testkit::Signals::new();
    /// signals.raise("loaded");
    /// signals.wait("loaded");
    /// ```
    pub fn raise(&self, signal: &'static str) {
        let mut state = self.lock();
        state.raised.insert(signal);
        let tasks = mem::take(&mut state.tasks);
        drop(state);
        self.changed.notify_all();
        tasks.into_iter().for_each(Waker::wake);
    }

    /// Whether a signal was raised.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(!cache_testkit::Signals::new().is_raised("loaded"));
    /// ```
    pub fn is_raised(&self, signal: &'static str) -> bool {
        self.lock().raised.contains(signal)
    }

    /// Waits until a signal is raised.
    ///
    /// # Panics
    ///
    /// If it is not raised within the suite's [`patience`](crate::patience()).
    ///
    /// # Examples
    ///
    /// ```
    /// let signals = cache_testkit::Signals::new();
    /// signals.raise("loaded");
    /// signals.wait("loaded");
    /// ```
    pub fn wait(&self, signal: &'static str) {
        let limit = crate::patience();
        assert!(self.wait_for(signal, limit), "nobody raised `{signal}` within {limit:?}");
    }

    /// Waits until a signal is raised, but no longer than `limit`; tells whether it was.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// assert!(!cache_testkit::Signals::new().wait_for("never", Duration::from_millis(1)));
    /// ```
    pub fn wait_for(&self, signal: &'static str, limit: Duration) -> bool {
        let end = Instant::now() + limit;
        let mut state = self.lock();
        while !state.raised.contains(signal) {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self.wait_a_while(state, left);
        }
        true
    }

    /// Releases the state for some time, at most `left`.
    fn wait_a_while<'a>(&'a self, state: MutexGuard<'a, State>, left: Duration) -> MutexGuard<'a, State> {
        if cfg!(tsan) {
            // ThreadSanitizer does not see that the standard library's condition variable takes the lock again.
            drop(state);
            thread::sleep(left.min(Duration::from_millis(1)));
            return self.lock();
        }
        self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
    }

    /// Waits until a signal is raised, without blocking the thread.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_testkit::{Signals, block_on};
    /// let signals = Signals::new();
    /// signals.raise("loaded");
    /// block_on(signals.reached("loaded"));
    /// ```
    pub async fn reached(&self, signal: &'static str) {
        future::poll_fn(|task| {
            let mut state = self.lock();
            if state.raised.contains(signal) {
                return Poll::Ready(());
            }
            state.tasks.push(task.waker().clone());
            Poll::Pending
        })
        .await;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

/// Takes a lock of the kit's own. Nothing that panics under one leaves its state in disorder.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // ThreadSanitizer does not see that the standard library takes a lock for which it waited: do not wait.
    if cfg!(tsan) {
        loop {
            match mutex.try_lock() {
                Ok(guard) => return guard,
                Err(TryLockError::Poisoned(error)) => return error.into_inner(),
                Err(TryLockError::WouldBlock) => thread::yield_now(),
            }
        }
    }
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
