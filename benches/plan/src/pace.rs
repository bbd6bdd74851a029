use std::time::Duration;

use crate::KeyCount;
use crate::key_count::OWN_KEY_BATCH;

/// How long to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Before the clock of a cell counts.
    pub warm_up: Duration,
    /// The ten samples of a cell together.
    pub measurement: Duration,
    /// How often the whole matrix is gone through, each time with maps built anew.
    pub passes: usize,
    /// How long all passes may take; when a slow or busy machine falls behind, cells are measured for a shorter time.
    pub budget: Option<Duration>,
    /// How long a run may wait for a quiet machine, and measure again what was disturbed.
    pub patience: Duration,
    /// The number of keys in a batch where every operation has a key of its own.
    pub own_key_batch: usize,
}

impl Pace {
    /// The times per cell with which `--quick` takes three minutes on two cores.
    pub(crate) const QUICK: Pace = Pace {
        warm_up: Duration::from_millis(5),
        measurement: Duration::from_millis(40),
        passes: 4,
        budget: Some(Duration::from_secs(150)),
        patience: Duration::from_secs(40),
        own_key_batch: 100_000,
    };

    /// The times per cell with which a run without flags takes a quarter of an hour on two cores.
    pub(crate) const DEFAULT: Pace = Pace {
        warm_up: Duration::from_millis(20),
        measurement: Duration::from_millis(120),
        passes: 3,
        budget: Some(Duration::from_secs(12 * 60)),
        patience: Duration::from_secs(150),
        own_key_batch: OWN_KEY_BATCH,
    };

    /// The times per cell of a run whose accuracy matters more than its duration.
    pub(crate) const FULL: Pace = Pace {
        warm_up: Duration::from_millis(50),
        measurement: Duration::from_millis(200),
        passes: 3,
        budget: None,
        patience: Duration::from_secs(60 * 60),
        own_key_batch: OWN_KEY_BATCH,
    };

    /// Returns this pace, with a shorter time per cell if the remaining cells do not fit into the budget.
    ///
    /// Not for less than a fifth: a sample has to be long beside the clock.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use hotcache_bench_plan::Pace;
    ///
    /// let second = Duration::from_secs(1);
    /// let pace = Pace { warm_up: second, measurement: second, passes: 1, budget: Some(second * 100),
    ///     patience: second, own_key_batch: 1 };
    /// assert_eq!(pace.squeezed(second * 40, second * 60), pace);
    /// assert_eq!(pace.squeezed(second * 40, second * 120).measurement, second / 2);
    /// assert_eq!(pace.squeezed(second * 200, second).measurement, second / 5);
    /// ```
    #[must_use]
    pub fn squeezed(self, elapsed: Duration, left: Duration) -> Pace {
        let Some(budget) = self.budget else { return self };
        let share = budget.saturating_sub(elapsed).as_secs_f64() / left.as_secs_f64().max(1e-9);
        let share = share.clamp(0.2, 1.0);
        Pace { warm_up: self.warm_up.mul_f64(share), measurement: self.measurement.mul_f64(share), ..self }
    }

    /// This, with as many passes; the time that all may take goes with their number.
    #[must_use]
    pub(crate) fn with_passes(self, passes: usize) -> Pace {
        let scaled = |time: Duration| time.mul_f64(passes as f64 / self.passes as f64);
        Pace { passes, budget: self.budget.map(scaled), patience: scaled(self.patience), ..self }
    }

    /// How many keys there really are where `max_key` says so.
    #[must_use]
    pub fn keys(&self, max_key: KeyCount) -> usize {
        if max_key.is_own() { self.own_key_batch } else { max_key.0 }
    }
}
