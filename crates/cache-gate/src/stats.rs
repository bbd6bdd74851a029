use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::Reason;

/// Threads count in so many places, each with cache lines of its own.
const STRIPES: usize = 16;

/// What a gate has done since it was built, or what it did between two moments.
///
/// # Examples
///
/// ```
/// # use cache_gate::{Gate, Reason, Request};
/// # use cache_rwlock::RwLockBackend;
/// let gate = Gate::<RwLockBackend>::builder().statistics().build();
/// gate.set_ready(true);
/// assert!(gate.admit(&Request::new("ann", "sku:1", 1)).is_err());
/// let stats = gate.statistics().unwrap();
/// assert_eq!(stats.refused(Reason::UnknownItem), 1);
/// assert_eq!((stats.refusals(), stats.admitted), (1, 0));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// Requests that got a reservation.
    pub admitted: u64,
    /// Requests that were told what became of an earlier one with their id.
    pub repeated: u64,
    /// Reservations whose order got into the books.
    pub committed: u64,
    /// Reservations that were cancelled, before or after that.
    pub cancelled: u64,
    /// Reservations that the time limit ended.
    pub expired: u64,
    /// Reservations that were dropped, or whose order was refused.
    pub released: u64,
    refused: [u64; Reason::ALL.len()],
}

impl Statistics {
    /// How many requests were refused for this reason.
    ///
    /// # Examples
    ///
    /// See [`Statistics`].
    #[must_use]
    pub fn refused(&self, reason: Reason) -> u64 {
        self.refused[reason as usize]
    }

    /// How many requests were refused.
    ///
    /// # Examples
    ///
    /// See [`Statistics`].
    #[must_use]
    pub fn refusals(&self) -> u64 {
        self.refused.iter().sum()
    }

    /// What was counted after `earlier`, of the same gate.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_gate::{Gate, Request};
    /// # use cache_rwlock::RwLockBackend;
    /// # let gate = Gate::<RwLockBackend>::builder().statistics().build();
    /// let before = gate.statistics().unwrap();
    /// _ = gate.admit(&Request::new("ann", "sku:1", 1));
    /// assert_eq!(gate.statistics().unwrap().since(&before).refusals(), 1);
    /// ```
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let mut refused = self.refused;
        refused.iter_mut().zip(earlier.refused).for_each(|(now, then)| *now = now.saturating_sub(then));
        Self {
            admitted: self.admitted.saturating_sub(earlier.admitted),
            repeated: self.repeated.saturating_sub(earlier.repeated),
            committed: self.committed.saturating_sub(earlier.committed),
            cancelled: self.cancelled.saturating_sub(earlier.cancelled),
            expired: self.expired.saturating_sub(earlier.expired),
            released: self.released.saturating_sub(earlier.released),
            refused,
        }
    }
}

/// What is counted beside refusals.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Count {
    Admitted,
    Repeated,
    Committed,
    Cancelled,
    Expired,
    Released,
}

/// The number of variants above.
const COUNTS: usize = 6;

/// Two cache lines, as processors fetch them in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Stripe {
    counts: [AtomicU64; COUNTS],
    refused: [AtomicU64; Reason::ALL.len()],
}

/// The counters of a gate that was asked to keep them.
#[derive(Debug, Default)]
pub(crate) struct Stats([Stripe; STRIPES]);

impl Stats {
    pub(crate) fn add(&self, count: Count) {
        self.0[stripe() % STRIPES].counts[count as usize].fetch_add(1, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn refuse(&self, reason: Reason) {
        self.0[stripe() % STRIPES].refused[reason as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn sum(&self) -> Statistics {
        let of = |count: Count| {
            self.0.iter().map(|stripe| stripe.counts[count as usize].load(Ordering::Relaxed)).sum()
        };
        let refused = Reason::ALL.map(|reason| reason as usize);
        let mut sums = [0; Reason::ALL.len()];
        for reason in refused {
            sums[reason] = self.0.iter().map(|stripe| stripe.refused[reason].load(Ordering::Relaxed)).sum();
        }
        Statistics {
            admitted: of(Count::Admitted),
            repeated: of(Count::Repeated),
            committed: of(Count::Committed),
            cancelled: of(Count::Cancelled),
            expired: of(Count::Expired),
            released: of(Count::Released),
            refused: sums,
        }
    }
}

/// The number of the calling thread, for counters of which each thread has its own.
#[inline]
pub(crate) fn stripe() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static STRIPE: usize = NEXT.fetch_add(1, Ordering::Relaxed);
    }
    // While its thread-locals are dropped, a thread counts as the first.
    STRIPE.try_with(|stripe| *stripe).unwrap_or(0)
}
