use std::time::Duration;

use crate::{Cache, KeyCount, Row, Work};

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
    /// The number of keys in a batch where every operation has a key of its own.
    pub own_key_batch: usize,
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

    /// How many keys there really are where `max_key` says so.
    #[must_use]
    pub fn keys(&self, max_key: KeyCount) -> usize {
        if max_key.is_own() { self.pace.own_key_batch } else { max_key.0 }
    }
}
