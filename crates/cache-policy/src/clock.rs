use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

/// Where a cache gets the time from.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use cache_policy::{Clock, ManualClock};
///
/// let clock = ManualClock::new();
/// clock.advance(Duration::from_secs(3));
/// assert_eq!(clock.now(), 3_000_000_000);
/// ```
pub trait Clock: Send + Sync + 'static {
    /// Nanoseconds since some fixed instant. Never less than an earlier answer.
    ///
    /// Called on every hit of an entry that can expire, under no lock of the cache.
    fn now(&self) -> u64;

    /// The date, for how long a snapshot lay on a disk. The system's, unless it is overridden.
    ///
    /// Called once for each snapshot that is written or restored.
    fn wall_time(&self) -> SystemTime {
        SystemTime::now()
    }
}

/// The system's monotonic clock: the default.
///
/// It is not affected by changes of the date. Time during which the machine is suspended does not count.
///
/// # Performance
///
/// On Linux it reads the kernel's coarse clock, which advances 250 to 1,000 times a second, so an entry may live up to 4 ms
/// longer than asked. On the virtual server of the README a read takes 9 ns, and one of the exact clock 75.
/// Entries without expiry never read it. Elsewhere it reads [`std::time::Instant`].
///
/// A cached time that a thread of ours advanced would be cheaper. It would stand still in a forked child, and after a stop of
/// the process, and an entry past its time would be returned then. So there is none.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[inline]
    #[cfg(target_os = "linux")]
    fn now(&self) -> u64 {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::MonotonicCoarse);
        now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
    }

    #[inline]
    #[cfg(not(target_os = "linux"))]
    fn now(&self) -> u64 {
        use std::sync::LazyLock;
        use std::time::Instant;
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        nanos(START.elapsed())
    }
}

/// A clock that stands still until it is advanced, for tests.
///
/// Clones show the same time.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use cache_policy::{Cache, ManualClock};
/// use cache_rwlock::RwLockBackend;
///
/// let clock = ManualClock::new();
/// let cache: Cache<u8, str, RwLockBackend> =
///     Cache::builder().time_to_live(Duration::from_secs(60)).clock(clock.clone()).build();
/// cache.insert("a", 1);
/// clock.advance(Duration::from_secs(59));
/// assert!(cache.get("a").is_some());
/// clock.advance(Duration::from_secs(1));
/// assert!(cache.get("a").is_none());
/// ```
#[derive(Clone, Debug, Default)]
pub struct ManualClock(Arc<AtomicU64>);

impl ManualClock {
    /// A clock at 0.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets time pass.
    pub fn advance(&self, by: Duration) {
        let later = |now: u64| Some(now.saturating_add(nanos(by)));
        _ = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, later);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    /// As long after the beginning of 1970 as the clock was advanced.
    fn wall_time(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_nanos(self.now())
    }
}

/// The clock of a cache: the default one without a virtual call.
pub(crate) enum AnyClock {
    System(SystemClock),
    Given(Box<dyn Clock>),
}

impl AnyClock {
    #[inline]
    pub(crate) fn now(&self) -> u64 {
        match self {
            AnyClock::System(clock) => clock.now(),
            AnyClock::Given(clock) => clock.now(),
        }
    }

    #[cfg(feature = "serde")]
    pub(crate) fn wall_time(&self) -> SystemTime {
        match self {
            AnyClock::System(clock) => clock.wall_time(),
            AnyClock::Given(clock) => clock.wall_time(),
        }
    }
}

impl fmt::Debug for AnyClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AnyClock::System(_) => "SystemClock",
            AnyClock::Given(_) => "Clock",
        })
    }
}

/// The longest time that is told apart from for ever: some 146 years.
const LONGEST: u64 = u64::MAX / 4;

/// A duration in nanoseconds.
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(LONGEST).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_clock_goes_on() {
        let before = SystemClock.now();
        std::thread::sleep(Duration::from_millis(20));
        assert!(SystemClock.now() > before);
    }
}
