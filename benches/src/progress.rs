//! How far a run is, and how long the rest will take.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use hotcache_bench_plan::{Cache, KeyCount, Op, Work};

/// Cells done and to do.
///
/// The time left is what cells of the same cost took so far; a cost not seen yet counts as the mean of all. Only
/// measuring counts: what a run waits for a quiet machine says nothing of the cells to come.
#[derive(Debug)]
pub struct Progress {
    left: HashMap<Cost, usize>,
    seen: HashMap<Cost, (Duration, u32)>,
    /// The time that all cells so far took.
    measured: Duration,
    done: usize,
    total: usize,
    started: Instant,
}

/// The properties that determine the time of a cell.
type Cost = (Cache, Kind, KeyCount);

/// The kind of map that is built for a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    /// Nothing, or maps that later cells use too.
    Shared,
    /// A filled map.
    Filled,
    /// Maps that are filled or emptied.
    Consumed,
    /// A few large ones.
    Grown,
}

fn cost(work: &Work) -> Cost {
    let kind = match work.op {
        Op::Grow => Kind::Grown,
        op if op.consumes() => Kind::Consumed,
        op if op.churns() || op.mix().is_some() => Kind::Filled,
        _ => Kind::Shared,
    };
    (work.cache, kind, work.max_key)
}

impl Progress {
    /// Nothing done yet of these cells.
    pub fn new<'a>(cells: impl Iterator<Item = &'a Work>) -> Self {
        let mut left = HashMap::new();
        let mut total = 0;
        for work in cells {
            *left.entry(cost(work)).or_default() += 1;
            total += 1;
        }
        Self { left, seen: HashMap::new(), measured: Duration::ZERO, done: 0, total, started: Instant::now() }
    }

    /// Notes that a cell is done, which took this long without waiting.
    pub fn done(&mut self, work: &Work, took: Duration) {
        self.done += 1;
        self.measured += took;
        if let Some(left) = self.left.get_mut(&cost(work)) {
            *left = left.saturating_sub(1);
        }
        let (time, cells) = self.seen.entry(cost(work)).or_default();
        *time += took;
        *cells += 1;
    }

    /// The time since the beginning.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// The time that the rest will take; `None` while nothing is known.
    #[must_use]
    pub fn left(&self) -> Option<Duration> {
        if self.done == 0 {
            return None;
        }
        let mean = self.measured / self.done as u32;
        let each = |cost: &Cost| self.seen.get(cost).map_or(mean, |(time, cells)| *time / *cells);
        Some(self.left.iter().map(|(cost, cells)| each(cost) * *cells as u32).sum())
    }

    /// How far it is, before the cell of this name.
    #[must_use]
    pub fn line(&self, cell: &str) -> String {
        let left = self.left().map_or(String::new(), |left| format!(", about {} left", short(left)));
        format!("[{}/{}{left}] {cell}", self.done, self.total)
    }
}

/// A time in two units at most: `2 min 5 s`.
#[must_use]
pub fn short(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use hotcache_bench_plan::{Dist, KeyType};

    use super::*;

    fn work(op: Op) -> Work {
        let (max_key, dist, key_type) = (KeyCount(100), Dist::Uniform, KeyType::Str);
        Work { cache: Cache::Int, op, max_key, threads: 1, dist, key_type, key_len: 8 }
    }

    #[test]
    fn what_is_left_is_judged_by_what_cost_alike() {
        let (get, insert) = (work(Op::Get), work(Op::Insert));
        let mut progress = Progress::new([&get, &get, &insert, &insert, &insert].into_iter());
        assert_eq!(progress.left(), None);
        progress.done(&get, Duration::from_secs(1));
        progress.done(&insert, Duration::from_secs(10));
        assert_eq!(progress.left(), Some(Duration::from_secs(21)));
        assert_eq!(progress.line("x"), "[2/5, about 21 s left] x");
    }

    #[test]
    fn waiting_does_not_count() {
        let (get, insert) = (work(Op::Get), work(Op::Insert));
        let mut progress = Progress::new([&get, &get, &insert].into_iter());
        // The machine was not quiet meanwhile.
        std::thread::sleep(Duration::from_millis(50));
        progress.done(&get, Duration::from_millis(1));
        assert_eq!(progress.left(), Some(Duration::from_millis(2)));
        assert!(progress.elapsed() >= Duration::from_millis(50), "a run's own limit counts all of it");
    }

    #[test]
    fn times_are_short() {
        let shown = [5, 65, 3_700].map(|seconds| short(Duration::from_secs(seconds)));
        assert_eq!(shown, ["5 s", "1 min 5 s", "1 h 1 min"]);
    }
}
