//! A look at the clock around every operation, for the times that a median hides.

use std::hint;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use hotcache_report::Percentiles;

use crate::beat::Beat;

/// The longest time that the histogram distinguishes from longer ones.
const LONGEST: Duration = Duration::from_secs(100);

/// Decimal digits that are kept of every time.
const DIGITS: u8 = 3;

/// Times of operations, each from the instant at which it was due.
///
/// Without a schedule an operation is due when it begins. With one it is due at its place in the schedule, however
/// long the one before it took: a stall counts for all that had to wait.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use hotcache_bench::beat::beaten;
/// use hotcache_bench::timer::Timer;
///
/// let mut timer = Timer::scheduled(Duration::from_millis(1), Duration::ZERO);
/// for operation in 0..3 {
///     let stall = if operation == 0 { Duration::from_millis(10) } else { Duration::ZERO };
///     beaten(&mut timer, || std::thread::sleep(stall));
/// }
/// // The last was due after 2 ms, and had to wait for the first.
/// assert_eq!(timer.times().len(), 3);
/// assert!(timer.times().min() >= 7_900_000);
/// ```
#[derive(Debug)]
pub struct Timer {
    schedule: Option<Schedule>,
    due: Instant,
    times: Histogram<u64>,
}

#[derive(Debug)]
struct Schedule {
    /// From one operation to the next.
    interval: Duration,
    /// When the first operation is due, from the instant at which the thread is ready for it.
    offset: Duration,
    /// When the next is due, once the first has begun.
    next: Option<Instant>,
}

impl Timer {
    /// A timer of operations one right after the other.
    #[must_use]
    pub fn unscheduled() -> Self {
        Self::new(None)
    }

    /// A timer of operations that are due one `interval` apart, the first after `offset`.
    #[must_use]
    pub fn scheduled(interval: Duration, offset: Duration) -> Self {
        Self::new(Some(Schedule { interval, offset, next: None }))
    }

    fn new(schedule: Option<Schedule>) -> Self {
        let most = u64::try_from(LONGEST.as_nanos()).expect("a hundred seconds are few nanoseconds");
        let mut times = Histogram::new_with_max(most, DIGITS).expect("these bounds are a histogram's");
        // Every page of it is touched, so that none is when it counts.
        times.saturating_record(most);
        times.reset();
        Self { schedule, due: Instant::now(), times }
    }

    /// The times so far, in nanoseconds.
    #[must_use]
    pub fn times(&self) -> &Histogram<u64> {
        &self.times
    }
}

/// The usual percentiles of some times.
#[must_use]
pub fn percentiles(times: &Histogram<u64>) -> Percentiles {
    let at = |quantile: f64| times.value_at_quantile(quantile) as f64;
    Percentiles {
        p50: at(0.5),
        p90: at(0.9),
        p99: at(0.99),
        p999: at(0.999),
        p9999: at(0.9999),
        max: times.max() as f64,
    }
}

impl Beat for Timer {
    #[inline]
    fn begin(&mut self) {
        let now = Instant::now();
        self.due = now;
        if let Some(Schedule { interval, offset, next }) = &mut self.schedule {
            self.due = next.unwrap_or(now + *offset);
            *next = Some(self.due + *interval);
            // A thread that slept would wake late, and that would be measured.
            while Instant::now() < self.due {
                hint::spin_loop();
            }
        }
    }

    #[inline]
    fn end(&mut self) {
        self.times.saturating_record(self.due.elapsed().as_nanos() as u64);
    }
}
