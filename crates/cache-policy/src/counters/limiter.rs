use std::fmt;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cache_core::{Backend, DefaultHashBuilder, HashBuilder, Key};

use super::{CountError, CountersBuilder, Table, Tried};
use crate::clock::nanos;
use crate::store::Terms;

/// A rate: the number of times that something is allowed in a period, and the size of a burst.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use cache_policy::Rate;
///
/// // Ten a second; three at once, and then one every 100 ms.
/// let rate = Rate::new(10, Duration::from_secs(1)).burst(3);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Nanoseconds from one to the next.
    interval: i64,
    burst: i64,
}

impl Rate {
    /// `times` in each `period`, all of them at once if need be.
    ///
    /// # Panics
    ///
    /// If `times` is 0.
    #[must_use]
    #[track_caller]
    pub fn new(times: u32, period: Duration) -> Self {
        assert!(times > 0, "a rate of 0 allows nothing: at least 1 is needed");
        let interval = (nanos(period) / u64::from(times)).max(1);
        Self { interval: i64::try_from(interval).unwrap_or(i64::MAX), burst: i64::from(times) }
    }

    /// Sets the size of a burst: the number of times that are allowed at once.
    ///
    /// # Panics
    ///
    /// If `burst` is 0.
    #[must_use]
    #[track_caller]
    pub fn burst(mut self, burst: u32) -> Self {
        assert!(burst > 0, "a burst of 0 allows nothing: at least 1 is needed");
        self.burst = i64::from(burst);
        self
    }

    /// Judges one more at `now`, where `arrival` is when the next would arrive at an even pace.
    ///
    /// This is the generic cell rate algorithm (ITU-T I.371): one number for each key. Returns the number to be stored, or
    /// how long to wait.
    fn judge(self, arrival: i64, now: i64) -> Result<i64, i64> {
        let arrival = arrival.max(now);
        let early = i128::from(arrival - now) - i128::from(self.interval) * i128::from(self.burst - 1);
        if early > 0 {
            return Err(i64::try_from(early).unwrap_or(i64::MAX));
        }
        // Beyond what a clock can say, a burst ends early.
        arrival.checked_add(self.interval).ok_or(self.interval)
    }
}

/// Whether something is allowed now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is, and was counted.
    Allowed,
    /// It is not, and was not counted.
    Denied {
        /// When it would be, if nothing else is asked for.
        retry_after: Duration,
    },
}

impl Verdict {
    /// Whether it is allowed.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(cache_policy::Verdict::Allowed.is_allowed());
    /// ```
    #[must_use]
    pub fn is_allowed(self) -> bool {
        self == Verdict::Allowed
    }
}

/// A limit for each key: of requests by each client, say.
///
/// One integer for each key, which is changed in one atomic step: the time at which its next request would arrive, were they
/// evenly spaced. A request is allowed unless that lies too far in the future. So a limit is exact, however many threads
/// ask, and there are no windows at whose borders twice as many pass.
///
/// A key is forgotten once that time has passed: it is as good as new then. When there are as many keys as may be, a new one is
/// refused with [`CountError::Full`]; whether it is to be served is the caller's to say.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use cache_policy::{ManualClock, Rate, RateLimiter, Verdict};
/// use cache_rwlock::RwLockBackend;
///
/// let clock = ManualClock::new();
/// let limiter = RateLimiter::<str, RwLockBackend>::builder().max_keys(100_000).clock(clock.clone()).build_limiter();
/// let rate = Rate::new(10, Duration::from_secs(1)).burst(2);
///
/// assert!(limiter.allow("10.0.0.7", rate)?.is_allowed());
/// assert!(limiter.allow("10.0.0.7", rate)?.is_allowed());
/// let retry_after = Duration::from_millis(100);
/// assert_eq!(limiter.allow("10.0.0.7", rate)?, Verdict::Denied { retry_after });
/// clock.advance(retry_after);
/// assert!(limiter.allow("10.0.0.7", rate)?.is_allowed());
/// # Ok::<_, cache_policy::CountError>(())
/// ```
///
/// # Performance
///
/// A look-up, a read of the clock, and one compare-and-swap if nobody else asks for the key.
pub struct RateLimiter<K: Key + ?Sized, B: Backend, S: HashBuilder = DefaultHashBuilder> {
    pub(super) table: Table<K, B, S>,
}

impl<K: Key + ?Sized, B: Backend> RateLimiter<K, B> {
    /// Says how the limiter is to be; ends with [`build_limiter`](CountersBuilder::build_limiter).
    ///
    /// # Examples
    ///
    /// See [`RateLimiter`].
    #[must_use]
    pub fn builder() -> CountersBuilder<K, B> {
        CountersBuilder::default()
    }
}

impl<K: Key + ?Sized, B: Backend, S: HashBuilder> RateLimiter<K, B, S> {
    /// Whether a key may do one more now; counts it if so.
    ///
    /// Ask with the same rate each time. With another, what was allowed before is judged by the new one.
    ///
    /// # Errors
    ///
    /// [`CountError::Full`] if the key is new and there are as many as are allowed.
    ///
    /// # Examples
    ///
    /// See [`RateLimiter`].
    pub fn allow(&self, key: &K, rate: Rate) -> Result<Verdict, CountError> {
        let now = i64::try_from(self.table.store.clock.now()).unwrap_or(i64::MAX);
        loop {
            let tried = self.table.step(key, |entry| {
                let mut arrival = entry.value().get()?;
                loop {
                    let next = match rate.judge(arrival, now) {
                        Ok(next) => next,
                        Err(early) => return Ok(denied(early)),
                    };
                    match entry.value().compare_exchange(arrival, next)? {
                        Ok(()) => {
                            entry.set_deadline(next as u64);
                            return Ok(Verdict::Allowed);
                        }
                        Err(seen) => arrival = seen,
                    }
                }
            });
            if let Tried::Done(verdict) = tried {
                return Ok(verdict);
            }
            let first = now.saturating_add(rate.interval);
            let lifetime = Duration::from_nanos(rate.interval as u64);
            if self.table.insert(key, first, Terms { lifetime: Some(lifetime), group: None })? {
                return Ok(Verdict::Allowed);
            }
        }
    }

    /// Forgets what a key has done.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// # use cache_policy::{Rate, RateLimiter};
    /// # use cache_rwlock::RwLockBackend;
    /// let limiter = RateLimiter::<str, RwLockBackend>::builder().build_limiter();
    /// let once = Rate::new(1, Duration::from_secs(60));
    /// assert!(limiter.allow("a", once)?.is_allowed());
    /// assert!(!limiter.allow("a", once)?.is_allowed());
    /// limiter.reset("a");
    /// assert!(limiter.allow("a", once)?.is_allowed());
    /// # Ok::<_, cache_policy::CountError>(())
    /// ```
    pub fn reset(&self, key: &K) {
        let Some(entry) = cache_core::ObjCache::take(&self.table.store.map, key) else { return };
        // Requests that found it before come before the reset, or start over.
        let _ = entry.value().close();
        self.table.left(entry, crate::Cause::Removed);
    }

    /// The number of keys that are remembered, weakly consistent.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_policy::RateLimiter;
    /// # use cache_rwlock::RwLockBackend;
    /// assert_eq!(RateLimiter::<str, RwLockBackend>::builder().build_limiter().len(), 0);
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.keys.load(Ordering::Relaxed)
    }

    /// Whether no key is remembered.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_policy::RateLimiter;
    /// # use cache_rwlock::RwLockBackend;
    /// assert!(RateLimiter::<str, RwLockBackend>::builder().build_limiter().is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Looks at about `looks` keys and forgets those that are as good as new. Returns how many it forgot.
    ///
    /// New keys do this on their own, a few each.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_policy::RateLimiter;
    /// # use cache_rwlock::RwLockBackend;
    /// assert_eq!(RateLimiter::<str, RwLockBackend>::builder().build_limiter().maintain(100), 0);
    /// ```
    pub fn maintain(&self, looks: usize) -> usize {
        self.table.free_some(looks)
    }
}

fn denied(early: i64) -> Verdict {
    Verdict::Denied { retry_after: Duration::from_nanos(u64::try_from(early).unwrap_or(0)) }
}

impl<K: Key + ?Sized, B: Backend, S: HashBuilder> fmt::Debug for RateLimiter<K, B, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimiter")
            .field("backend", &B::NAME)
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
