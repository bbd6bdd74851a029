use std::time::Duration;

use crate::key_len::{endless, long_enough};
use crate::{Cache, Dist, KeyCount, Op, Refusal, Row, Work};

/// Works and rows: every row does every work it can.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    /// The rows, in the order of the tables.
    pub rows: Vec<&'static Row>,
    /// The works, in the order of measuring: those on the same keys together, so that filled maps are shared.
    pub works: Vec<Work>,
    /// How long to measure.
    pub pace: Pace,
}

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

/// What is varied: every combination that makes sense is a work.
#[derive(Clone, Debug)]
pub(crate) struct Axes {
    pub(crate) caches: Vec<Cache>,
    pub(crate) ops: Vec<Op>,
    pub(crate) max_key: Vec<KeyCount>,
    pub(crate) key_len: Vec<usize>,
    pub(crate) dist: Vec<Dist>,
    pub(crate) threads: Vec<usize>,
    /// The most keys for operations that take a map of their own for each sample.
    pub(crate) most_consumed: usize,
}

impl Pace {
    /// This, with cells measured for a shorter time if what is left will not fit into the budget.
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

impl Axes {
    /// The works, those on the same keys next to each other.
    pub(crate) fn works(&self, pace: &Pace) -> Result<Vec<Work>, Refusal> {
        let mut works = Vec::new();
        for &cache in &self.caches {
            for &max_key in &self.max_key {
                for &key_len in &self.key_len {
                    long_enough(key_len, pace.keys(max_key))?;
                    let work = Work { cache, op: Op::Get, max_key, threads: 1, dist: self.dist[0], key_len };
                    for &op in self.ops.iter().filter(|op| cache.does(**op)) {
                        self.vary(Work { op, ..work }, pace.keys(max_key), &mut works)?;
                    }
                }
            }
        }
        Ok(works)
    }

    /// Adds this work with every distribution and number of threads.
    fn vary(&self, work: Work, keys: usize, works: &mut Vec<Work>) -> Result<(), Refusal> {
        let op = work.op;
        if op.consumes() && keys > self.most_consumed {
            return Ok(());
        }
        let counted = op.churns() || op.mix().is_some();
        if counted && work.max_key.is_own() {
            return Err(Refusal::new(format!("`{op}` needs key counts above 0")));
        }
        match op {
            Op::Churn => endless(work.key_len)?,
            // As many again are absent.
            Op::Reinsert => long_enough(work.key_len, keys.saturating_mul(2))?,
            _ => {}
        }
        // Each key once has no distribution to vary, and neither have keys that come and go.
        let each_once = op.consumes() || work.max_key.is_own();
        let dists = match op {
            _ if op.churns() => &[Dist::Uniform],
            _ if each_once => &self.dist[..1],
            _ => &self.dist[..],
        };
        for &dist in dists {
            for &threads in &self.threads {
                if (each_once || counted) && keys < threads {
                    return Err(Refusal::new(format!(
                        "{threads} threads cannot share {keys} keys for `{op}`"
                    )));
                }
                works.push(Work { dist, threads, ..work });
            }
        }
        Ok(())
    }
}

impl Matrix {
    /// The works of one cache.
    pub fn works_of(&self, cache: Cache) -> impl Iterator<Item = &Work> {
        self.works.iter().filter(move |work| work.cache == cache)
    }

    /// The number of cells in one pass.
    #[must_use]
    pub fn cells(&self) -> usize {
        let rows_of = |work: &Work| self.rows.iter().filter(|row| row.does(work.cache, work.op)).count();
        self.works.iter().map(rows_of).sum()
    }
}
