//! The time of a gate: a clock that never goes back, and the date by it.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use cache_policy::{Clock, SystemClock};

use crate::sync::atomic::{AtomicI64, Ordering};

/// The latest date that is told apart from never: in the year 2262.
const LATEST: u64 = i64::MAX as u64;

/// When an event takes place.
///
/// # Examples
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use cache_gate::Window;
///
/// let start = SystemTime::now() + Duration::from_secs(3_600);
/// let window = Window::new(start, start + Duration::from_secs(600)).early(start - Duration::from_secs(60));
/// assert!(window.early.is_some());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Window {
    /// When everybody may buy.
    pub start: SystemTime,
    /// When nobody may any more.
    pub end: SystemTime,
    /// When the users of the white list may buy. Without it, they begin with the others.
    pub early: Option<SystemTime>,
}

impl Window {
    /// From `start` until just before `end`.
    ///
    /// # Examples
    ///
    /// See [`Window`].
    #[must_use]
    pub fn new(start: SystemTime, end: SystemTime) -> Self {
        Self { start, end, early: None }
    }

    /// A window that is always open.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::SystemTime;
    /// assert!(cache_gate::Window::always().start < SystemTime::now());
    /// ```
    #[must_use]
    pub fn always() -> Self {
        Self::new(SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH + Duration::from_nanos(LATEST))
    }

    /// Lets the users of the white list begin earlier.
    ///
    /// # Examples
    ///
    /// See [`Window`].
    #[must_use]
    pub fn early(mut self, early: SystemTime) -> Self {
        self.early = Some(early);
        self
    }

    /// Whether it has a length, and the early start is not after the start.
    pub(crate) fn is_valid(&self) -> bool {
        self.start < self.end && self.early.is_none_or(|early| early <= self.start)
    }
}

/// Nanoseconds since 1970; 0 for what was before.
pub(crate) fn unix(date: SystemTime) -> u64 {
    date.duration_since(SystemTime::UNIX_EPOCH).map_or(0, nanos).min(LATEST)
}

pub(crate) fn date(unix: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_nanos(unix.min(LATEST))
}

pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(LATEST).min(LATEST)
}

/// The clock of a gate and of its tables: the default one without a virtual call.
#[derive(Clone)]
pub(crate) enum AnyClock {
    System,
    Given(Arc<dyn Clock>),
}

impl Clock for AnyClock {
    #[inline]
    fn now(&self) -> u64 {
        match self {
            AnyClock::System => SystemClock.now(),
            AnyClock::Given(clock) => clock.now(),
        }
    }

    fn wall_time(&self) -> SystemTime {
        match self {
            AnyClock::System => SystemClock.wall_time(),
            AnyClock::Given(clock) => clock.wall_time(),
        }
    }
}

impl fmt::Debug for AnyClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AnyClock::System => "SystemClock",
            AnyClock::Given(_) => "Clock",
        })
    }
}

/// A clock, and how far the date is from it.
#[derive(Debug)]
pub(crate) struct Time {
    pub(crate) clock: AnyClock,
    /// What has to be added to the clock to get the date. Read anew from time to time, as the date can be set.
    offset: AtomicI64,
}

impl Time {
    pub(crate) fn new(clock: AnyClock) -> Self {
        let time = Self { clock, offset: AtomicI64::new(0) };
        time.read_date();
        time
    }

    #[inline]
    pub(crate) fn now(&self) -> u64 {
        self.clock.now()
    }

    /// The date at the clock's `now`, in nanoseconds since 1970.
    #[inline]
    pub(crate) fn unix(&self, now: u64) -> u64 {
        now.saturating_add_signed(self.offset.load(Ordering::Relaxed))
    }

    /// Follows the date, if that was set.
    pub(crate) fn read_date(&self) {
        let date = unix(self.clock.wall_time());
        let offset = i128::from(date) - i128::from(self.clock.now());
        self.offset.store(i64::try_from(offset).unwrap_or(i64::MAX), Ordering::Relaxed);
    }
}
