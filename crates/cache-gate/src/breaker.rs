//! The breaker between the gate and what is behind it.

use std::time::Duration;

use crate::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use crate::time::nanos;
use crate::trace;

/// When a breaker opens, for how long, and what that means.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use cache_gate::BreakerPolicy;
///
/// // After five failures in a row, no new reservations for two seconds.
/// let policy = BreakerPolicy::new(5, Duration::from_secs(2));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerPolicy {
    failures: u32,
    open_for: u64,
    fails_open: bool,
}

impl BreakerPolicy {
    /// Opens after so many failures in a row, for so long. Fails closed: requests are refused while it is open.
    ///
    /// After that time one request in each such time is let through, until one of them goes well. One that gets no reservation, or does
    /// not hand it off, does not count.
    ///
    /// # Examples
    ///
    /// See [`BreakerPolicy`].
    ///
    /// # Panics
    ///
    /// If `failures` or `open_for` is 0.
    #[must_use]
    #[track_caller]
    pub fn new(failures: u32, open_for: Duration) -> Self {
        assert!(
            failures > 0 && !open_for.is_zero(),
            "a breaker needs at least 1 failure, and some time to be open"
        );
        Self { failures, open_for: nanos(open_for).max(1), fails_open: false }
    }

    /// Fails open: requests are let through while the breaker is open, and only [`Gate::breaker`](crate::Gate::breaker) and the
    /// events tell. For a hand-off that keeps orders until it works again.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// let policy = cache_gate::BreakerPolicy::new(5, Duration::from_secs(2)).fail_open();
    /// ```
    #[must_use]
    pub fn fail_open(mut self) -> Self {
        self.fails_open = true;
        self
    }
}

/// The state of a breaker.
///
/// # Examples
///
/// ```
/// use cache_gate::{Breaker, Gate};
/// # use cache_rwlock::RwLockBackend;
/// assert_eq!(Gate::<RwLockBackend>::builder().build().breaker(), Breaker::Closed);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Breaker {
    /// All is well.
    Closed,
    /// There were too many failures in a row.
    Open {
        /// When it is half-open.
        retry_after: Duration,
    },
    /// One request at a time may try whether all is well again.
    HalfOpen,
}

/// What a request got that may try whether all is well again: until when it closed the breaker for the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Probe(u64);

/// A breaker, open until a moment. One word decides.
#[derive(Debug)]
pub(crate) struct Switch {
    policy: BreakerPolicy,
    /// 0 while closed. The moment may have passed: it is half-open then.
    until: AtomicU64,
    failures: AtomicU32,
}

impl Switch {
    pub(crate) fn new(policy: BreakerPolicy) -> Self {
        Self { policy, until: AtomicU64::new(0), failures: AtomicU32::new(0) }
    }

    pub(crate) fn state(&self, now: u64) -> Breaker {
        match self.until.load(Ordering::Acquire) {
            0 => Breaker::Closed,
            until if now < until => Breaker::Open { retry_after: Duration::from_nanos(until - now) },
            _ => Breaker::HalfOpen,
        }
    }

    /// How long to wait, if nobody gets through now. Writes nothing.
    pub(crate) fn wait(&self, now: u64) -> Option<Duration> {
        match self.state(now) {
            Breaker::Open { retry_after } if !self.policy.fails_open => Some(retry_after),
            _ => None,
        }
    }

    /// Lets a request through, or says how long it has to wait. While half-open, the first one closes it for the others for a
    /// while, so that one that never reports cannot keep it half-open. It gets a probe, and [gives it up](Switch::give_up) if it comes to
    /// nothing.
    pub(crate) fn enter(&self, now: u64) -> Result<Option<Probe>, Duration> {
        if self.policy.fails_open {
            return Ok(None);
        }
        let until = self.until.load(Ordering::Acquire);
        if until == 0 {
            return Ok(None);
        }
        if now < until {
            return Err(Duration::from_nanos(until - now));
        }
        let next = now.saturating_add(self.policy.open_for);
        match self.until.compare_exchange(until, next, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => Ok(Some(Probe(next))),
            Err(0) => Ok(None),
            Err(_) => Err(Duration::from_nanos(self.policy.open_for)),
        }
    }

    /// Lets another request try, as this one told nothing of what is behind the gate. Does nothing if somebody has reported since.
    pub(crate) fn give_up(&self, probe: Probe) {
        let half_open = probe.0.saturating_sub(self.policy.open_for).max(1);
        _ = self.until.compare_exchange(probe.0, half_open, Ordering::AcqRel, Ordering::Acquire);
    }

    pub(crate) fn report(&self, went_well: bool, now: u64) {
        if went_well {
            // Looked at first: all is well nearly always, and then nobody writes.
            if self.failures.load(Ordering::Relaxed) != 0 {
                self.failures.store(0, Ordering::Relaxed);
            }
            if self.until.load(Ordering::Relaxed) != 0 && self.until.swap(0, Ordering::AcqRel) != 0 {
                trace::breaker_closed();
            }
            return;
        }
        let again = self.failures.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        let was = self.until.load(Ordering::Acquire);
        if was == 0 && again < self.policy.failures {
            return;
        }
        let next = now.saturating_add(self.policy.open_for).max(2);
        // A probe of the same tick must not take this failure for its own mark.
        let reopen = |until: u64| Some(if until == next { next - 1 } else { next });
        if self.until.fetch_update(Ordering::AcqRel, Ordering::Acquire, reopen) == Ok(0) {
            trace::breaker_opened(again);
        }
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn it_opens_after_failures_in_a_row_and_tries_one_at_a_time() {
        let switch = Switch::new(BreakerPolicy::new(2, Duration::from_secs(1)));
        switch.report(false, 0);
        switch.report(true, 0);
        switch.report(false, 0);
        assert_eq!(switch.state(0), Breaker::Closed, "they were not in a row");
        switch.report(false, 0);
        assert_eq!(switch.wait(0), Some(Duration::from_secs(1)));
        assert!(switch.enter(SECOND - 1).is_err());
        assert_eq!(switch.state(SECOND), Breaker::HalfOpen);
        assert!(switch.enter(SECOND).is_ok());
        assert!(switch.enter(SECOND).is_err(), "one at a time");
        // The first one never reports: another may try after a while.
        assert!(switch.enter(2 * SECOND).is_ok());
        switch.report(false, 2 * SECOND);
        assert!(switch.enter(2 * SECOND + 1).is_err());
        assert!(switch.enter(3 * SECOND).is_ok());
        switch.report(true, 3 * SECOND);
        assert_eq!(switch.state(3 * SECOND), Breaker::Closed);
        assert!(switch.enter(3 * SECOND).is_ok() && switch.enter(3 * SECOND).is_ok());
    }

    #[test]
    fn a_probe_that_came_to_nothing_lets_another_try() {
        let switch = Switch::new(BreakerPolicy::new(1, Duration::from_secs(1)));
        switch.report(false, 0);
        let probe = switch.enter(SECOND).expect("it is half-open").expect("it is the first");
        switch.give_up(probe);
        assert_eq!(switch.state(SECOND), Breaker::HalfOpen);
        let probe = switch.enter(SECOND).expect("it is half-open").expect("it is the first");
        // A failure in the same tick counts for more.
        switch.report(false, SECOND);
        switch.give_up(probe);
        assert!(switch.enter(SECOND).is_err());
        let probe = switch.enter(2 * SECOND).expect("it is half-open").expect("it is the first");
        switch.report(true, 2 * SECOND);
        switch.give_up(probe);
        assert_eq!(switch.state(2 * SECOND), Breaker::Closed);
    }

    #[test]
    fn one_that_fails_open_lets_all_through_and_tells() {
        let switch = Switch::new(BreakerPolicy::new(1, Duration::from_secs(1)).fail_open());
        switch.report(false, 0);
        assert_eq!((switch.wait(0), switch.enter(0)), (None, Ok(None)));
        assert!(matches!(switch.state(0), Breaker::Open { .. }));
    }
}
