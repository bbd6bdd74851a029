use crate::key_len::{endless, long_enough};
use crate::{Cache, Dist, HitRatio, KeyCount, KeyType, Op, Pace, Refusal, Row, Work};

/// Works and rows: every row does every work it can.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    /// The rows, in the order of the tables.
    pub rows: Vec<&'static Row>,
    /// The works, in the order of measuring: those on the same keys together, so that filled maps are shared.
    pub works: Vec<Work>,
    /// How long to measure.
    pub pace: Pace,
    /// The hit ratios that are counted besides.
    pub hit_ratio: Option<HitRatio>,
}

/// The parameters that vary. Every valid combination is a work.
#[derive(Clone, Debug)]
pub(crate) struct Axes {
    pub(crate) caches: Vec<Cache>,
    pub(crate) ops: Vec<Op>,
    pub(crate) max_key: Vec<KeyCount>,
    /// Types of keys, each with the length of every key in bytes.
    pub(crate) keys: Vec<(KeyType, usize)>,
    pub(crate) dist: Vec<Dist>,
    pub(crate) threads: Vec<usize>,
    /// The most keys for operations that take a map of their own for each sample.
    pub(crate) most_consumed: usize,
}

impl Axes {
    /// The works, those on the same keys next to each other.
    pub(crate) fn works(&self, pace: &Pace) -> Result<Vec<Work>, Refusal> {
        let mut works = Vec::new();
        for &cache in &self.caches {
            for &max_key in &self.max_key {
                for &(key_type, key_len) in &self.keys {
                    if key_type == KeyType::Str {
                        long_enough(key_len, pace.keys(max_key))?;
                    }
                    let (op, threads, dist) = (Op::Get, 1, self.dist[0]);
                    let work = Work { cache, op, max_key, threads, dist, key_type, key_len };
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
            // Only text can be too short.
            _ if work.key_type != KeyType::Str => {}
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
        let rows_of = |work: &Work| self.rows.iter().filter(|row| row.does_work(work)).count();
        self.works.iter().map(rows_of).sum()
    }
}
