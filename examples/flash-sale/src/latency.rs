//! Latencies of all requests, counted without a lock.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// Buckets of each power of two. Eight make an error of at most one eighth.
const FINE: usize = 8;

/// From 1 µs to 2^30 µs, which is a quarter of an hour. Longer ones count as that.
const POWERS: usize = 28;

const BUCKETS: usize = POWERS * FINE;

/// The counts are kept so many times, so that few threads write one cache line.
const STRIPES: usize = 4;

/// How long requests took. Each bucket counts those up to a limit that is an eighth of a power of two higher than that of the one
/// before it.
#[derive(Debug)]
pub(crate) struct Latency {
    stripes: [Stripe; STRIPES],
}

#[derive(Debug)]
#[repr(align(128))]
struct Stripe {
    counts: [AtomicU64; BUCKETS],
    micros: AtomicU64,
}

/// What was counted until a moment, or between two.
#[derive(Clone, Debug)]
pub(crate) struct Counted {
    counts: [u64; BUCKETS],
    micros: u64,
}

impl Latency {
    pub(crate) fn new() -> Self {
        let stripe = || Stripe { counts: [const { AtomicU64::new(0) }; BUCKETS], micros: AtomicU64::new(0) };
        Self { stripes: std::array::from_fn(|_| stripe()) }
    }

    pub(crate) fn record(&self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let stripe = &self.stripes[stripe()];
        stripe.counts[bucket(micros)].fetch_add(1, Ordering::Relaxed);
        stripe.micros.fetch_add(micros, Ordering::Relaxed);
    }

    pub(crate) fn counted(&self) -> Counted {
        let mut all = Counted::default();
        for stripe in &self.stripes {
            for (sum, count) in all.counts.iter_mut().zip(&stripe.counts) {
                *sum += count.load(Ordering::Relaxed);
            }
            all.micros += stripe.micros.load(Ordering::Relaxed);
        }
        all
    }
}

impl Default for Counted {
    fn default() -> Self {
        Self { counts: [0; BUCKETS], micros: 0 }
    }
}

impl Counted {
    /// What was counted since an earlier moment.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        Self {
            counts: std::array::from_fn(|n| self.counts[n] - earlier.counts[n]),
            micros: self.micros.wrapping_sub(earlier.micros),
        }
    }

    pub(crate) fn len(&self) -> u64 {
        self.counts.iter().sum()
    }

    pub(crate) fn micros(&self) -> u64 {
        self.micros
    }

    /// The microseconds within which this share of the requests was answered, rounded up to the limit of a bucket. 0 if there
    /// were none.
    pub(crate) fn quantile(&self, share: f64) -> u64 {
        let rank = (self.len() as f64 * share).ceil() as u64;
        let mut seen = 0;
        for (n, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank && seen > 0 {
                return limit(n);
            }
        }
        0
    }

    /// How many took at most so many microseconds, which must be a power of two.
    pub(crate) fn within(&self, micros: u64) -> u64 {
        self.counts[..=bucket(micros)].iter().sum()
    }
}

/// The bucket whose limit is the first that is not below this.
fn bucket(micros: u64) -> usize {
    if micros <= FINE as u64 {
        return micros.saturating_sub(1) as usize;
    }
    // Of 9 and more: the highest bit of the number before it, and the three bits that follow that.
    let before = micros - 1;
    let power = before.ilog2() as usize;
    let fine = (before >> (power - 3)) as usize & (FINE - 1);
    ((power - 2) * FINE + fine).min(BUCKETS - 1)
}

/// The most microseconds that a bucket counts.
fn limit(bucket: usize) -> u64 {
    if bucket < FINE {
        return bucket as u64 + 1;
    }
    let (power, fine) = (bucket / FINE + 2, bucket % FINE);
    ((FINE + fine + 1) as u64) << (power - 3)
}

/// A thread keeps its stripe.
fn stripe() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static MINE: usize = NEXT.fetch_add(1, Ordering::Relaxed) % STRIPES);
    MINE.with(|mine| *mine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_time_is_within_the_limits_of_its_bucket() {
        for micros in (1..100_000).chain([1 << 20, (1 << 20) + 1, 99_999_999]) {
            let n = bucket(micros);
            assert!(micros <= limit(n), "{micros} is above {}", limit(n));
            assert!(n == 0 || micros > limit(n - 1), "{micros} is not above {}", limit(n - 1));
        }
        assert_eq!((bucket(0), bucket(u64::MAX)), (0, BUCKETS - 1));
    }

    #[test]
    fn quantiles_are_those_of_what_was_recorded() {
        let latency = Latency::new();
        assert_eq!(latency.counted().quantile(0.5), 0);
        (1..=100).for_each(|micros| latency.record(Duration::from_micros(micros)));
        let first = latency.counted();
        assert_eq!(
            (first.len(), first.micros(), first.quantile(0.5), first.within(64)),
            (100, 5_050, 52, 64)
        );
        latency.record(Duration::from_secs(1));
        let second = latency.counted().since(&first);
        assert_eq!((second.len(), second.micros()), (1, 1_000_000));
        assert!((1_000_000..=1_125_000).contains(&second.quantile(0.99)), "{}", second.quantile(0.99));
    }
}
