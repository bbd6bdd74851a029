use std::collections::HashSet;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
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
    raised: Mutex<HashSet<&'static str>>,
    changed: Condvar,
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
        self.lock().insert(signal);
        self.changed.notify_all();
    }

    /// Whether a signal was raised.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(!cache_testkit::Signals::new().is_raised("loaded"));
    /// ```
    pub fn is_raised(&self, signal: &'static str) -> bool {
        self.lock().contains(signal)
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
        let mut raised = self.lock();
        while !raised.contains(signal) {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            raised = self.changed.wait_timeout(raised, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<&'static str>> {
        self.raised.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
