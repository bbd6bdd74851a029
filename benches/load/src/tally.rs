//! Counts and latencies of a run.

use std::fmt::{self, Display};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;

/// Why the service refuses a purchase, as its answers say.
pub const REASONS: [&str; 11] = [
    "blocked",
    "unknown_event",
    "unknown_item",
    "not_started",
    "ended",
    "too_fast",
    "limit_reached",
    "sold_out",
    "overloaded",
    "full",
    "not_ready",
];

/// Latencies are kept in so many histograms, so that few threads meet at one.
const STRIPES: usize = 8;

/// The longest latency that is told from longer ones, in microseconds.
const LONGEST_US: u64 = 120_000_000;

/// Counts and latencies.
#[derive(Debug)]
pub struct Tally {
    /// Purchases that were accepted.
    pub accepted: AtomicU64,
    /// Accepted purchases of clients that asked for the same again, which are not counted in `accepted`.
    pub repeated: AtomicU64,
    /// Purchases whose outcome the service did not know when it answered. They are not counted in `accepted`.
    pub unknown: AtomicU64,
    /// Purchases that were cancelled.
    pub cancelled: AtomicU64,
    /// Clients that hung up for good.
    pub hung_up: AtomicU64,
    /// Requests that were sent again because the connection failed.
    pub resent: AtomicU64,
    /// Requests that were answered with a status that they should not have, or not at all.
    pub errors: AtomicU64,
    refused: [AtomicU64; REASONS.len()],
    latencies: [Mutex<Histogram<u64>>; STRIPES],
}

impl Tally {
    pub(crate) fn new() -> Self {
        // Two digits: a run of ten seconds cannot tell more.
        let histogram = || Histogram::new_with_bounds(1, LONGEST_US, 2).map(Mutex::new);
        Self {
            accepted: AtomicU64::new(0),
            repeated: AtomicU64::new(0),
            unknown: AtomicU64::new(0),
            cancelled: AtomicU64::new(0),
            hung_up: AtomicU64::new(0),
            resent: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            refused: Default::default(),
            latencies: std::array::from_fn(|_| histogram().expect("the bounds and digits are valid")),
        }
    }

    /// Counts a refusal. Returns whether the reason is a known one.
    pub(crate) fn refuse(&self, reason: &str) -> bool {
        let known = REASONS.iter().position(|known| *known == reason);
        if let Some(reason) = known {
            add(&self.refused[reason]);
        }
        known.is_some()
    }

    pub(crate) fn took(&self, worker: usize, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        lock(&self.latencies[worker % STRIPES]).saturating_record(micros);
    }

    /// Refusals for a reason.
    #[must_use]
    pub fn refused(&self, reason: &str) -> u64 {
        let known = REASONS.iter().position(|known| *known == reason);
        known.map_or(0, |reason| read(&self.refused[reason]))
    }

    /// All refusals.
    #[must_use]
    pub fn refusals(&self) -> u64 {
        self.refused.iter().map(read).sum()
    }

    /// The latencies of all answers, in microseconds.
    #[must_use]
    pub fn latencies(&self) -> Histogram<u64> {
        let mut all = lock(&self.latencies[0]).clone();
        for other in &self.latencies[1..] {
            all.add(&*lock(other)).expect("all have the same bounds");
        }
        all
    }

    /// One line about a run that is under way.
    pub(crate) fn progress(&self, seconds: u64, done: u64, since: u64) -> String {
        let latencies = self.latencies();
        format!(
            "{seconds:>4} s {done:>9} sent {:>7}/s  accepted {:>7}  refused {:>9}  errors {:>4}  p50 {}  p99 {}",
            done - since,
            read(&self.accepted),
            self.refusals(),
            read(&self.errors),
            Micros(latencies.value_at_quantile(0.5)),
            Micros(latencies.value_at_quantile(0.99)),
        )
    }
}

impl Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, count) in [
            ("accepted", &self.accepted),
            ("asked for again", &self.repeated),
            ("of unknown outcome", &self.unknown),
            ("cancelled", &self.cancelled),
            ("hung up", &self.hung_up),
            ("sent again", &self.resent),
            ("errors", &self.errors),
        ] {
            writeln!(f, "{name:<22}{:>12}", read(count))?;
        }
        writeln!(f, "{:<22}{:>12}", "refused", self.refusals())?;
        for (reason, count) in REASONS.iter().zip(&self.refused) {
            if read(count) > 0 {
                writeln!(f, "  {reason:<20}{:>12}", read(count))?;
            }
        }
        let latencies = self.latencies();
        write!(f, "latency              ")?;
        for (name, quantile) in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999)] {
            write!(f, "  {name} {}", Micros(latencies.value_at_quantile(quantile)))?;
        }
        write!(f, "  max {}", Micros(latencies.max()))
    }
}

/// A time, with the unit that suits it.
struct Micros(u64);

impl Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0 as f64;
        let text = match self.0 {
            ..1_000 => format!("{micros:.0} µs"),
            1_000..1_000_000 => format!("{:.1} ms", micros / 1e3),
            _ => format!("{:.1} s", micros / 1e6),
        };
        f.pad(&text)
    }
}

pub(crate) fn add(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}

pub(crate) fn read(count: &AtomicU64) -> u64 {
    count.load(Ordering::Relaxed)
}

/// A panic elsewhere leaves counts that are whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_reasons_are_refusals() {
        let tally = Tally::new();
        assert!(tally.refuse("sold_out"));
        assert!(!tally.refuse("because"));
        assert_eq!((tally.refused("sold_out"), tally.refusals()), (1, 1));
    }

    #[test]
    fn latencies_of_all_stripes_are_one() {
        let tally = Tally::new();
        for worker in 0..100 {
            tally.took(worker, Duration::from_micros(worker as u64 + 1));
        }
        assert_eq!(tally.latencies().len(), 100);
        assert_eq!(tally.latencies().max(), 100);
        assert!(tally.to_string().contains("p99.9"), "{tally}");
    }
}
