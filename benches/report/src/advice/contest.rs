//! Ranks backends, and finds those that cannot be distinguished from the best.

use std::collections::BTreeMap;

use super::Standing;
use crate::random::Random;
use crate::{Cell, stats};

/// Speeds closer than this are no difference: as much comes and goes with the layout of memory.
const SPEED_TELLS: f64 = 1.05;
/// A far percentile of one run rests on few operations.
pub(super) const LATENCY_TELLS: f64 = 1.25;
/// Counted bytes hardly vary.
pub(super) const MEMORY_TELLS: f64 = 1.02;

const RESAMPLES: usize = 1_000;
/// The share of draws in which a backend must be as fast as the best for its lead to be chance: the lower end of the
/// interval that holds the true ratio in 19 of 20 cases.
const LOWER_END: f64 = 0.025;

/// The description of the test that distinguishes backends.
#[derive(Debug)]
pub(crate) struct Judgement {
    /// Speeds closer than this are no difference.
    pub(crate) speed: f64,
    pub(crate) latency: f64,
    pub(crate) memory: f64,
    /// How often the samples of a cell are drawn anew.
    pub(crate) draws: usize,
    /// In how many of these draws a backend must be as fast as the best.
    pub(crate) at_least: usize,
}

impl Judgement {
    pub(crate) const USED: Judgement = Judgement {
        speed: SPEED_TELLS,
        latency: LATENCY_TELLS,
        memory: MEMORY_TELLS,
        draws: RESAMPLES,
        at_least: (RESAMPLES as f64 * LOWER_END) as usize,
    };
}

/// For each backend the logarithm of its value, and what it may be instead.
#[derive(Debug)]
pub(super) struct Contest<'a> {
    values: BTreeMap<&'a str, (f64, Vec<f64>)>,
    tells: f64,
}

impl<'a> Contest<'a> {
    /// A contest over rows: only who is in all of them takes part, and the geometric mean decides.
    pub(super) fn of_cells<'r>(rows: impl ExactSizeIterator<Item = &'r Vec<&'a Cell>>) -> Self
    where
        'a: 'r,
    {
        let all = rows.len();
        let mut backends: BTreeMap<&str, Vec<&Cell>> = BTreeMap::new();
        for cell in rows.flatten() {
            backends.entry(&cell.backend).or_default().push(cell);
        }
        backends.retain(|_, cells| cells.len() == all);
        let values = backends.into_iter().map(|(backend, cells)| (backend, mean(&cells)));
        Self { values: values.collect(), tells: SPEED_TELLS }
    }

    /// Returns a contest of single values, which differ if their ratio is at least this large.
    pub(super) fn of_single(values: impl Iterator<Item = (&'a str, f64)>, tells: f64) -> Self {
        let positive = values.filter(|(_, value)| value.is_finite() && *value > 0.0);
        Self { values: positive.map(|(backend, value)| (backend, (value.ln(), Vec::new()))).collect(), tells }
    }

    /// Returns the ranking, best first; `None` if there are no entries.
    pub(super) fn standings(self) -> Option<Vec<Standing>> {
        let mut ranked: Vec<_> = self.values.into_iter().collect();
        ranked.sort_by(|a, b| a.1.0.total_cmp(&b.1.0));
        let (_, (best, best_draws)) = ranked.first()?.clone();
        let standings = ranked.into_iter().enumerate().map(|(place, (backend, (value, draws)))| {
            let ratios: Vec<_> = draws.iter().zip(&best_draws).map(|(own, best)| own - best).collect();
            let least = stats::quantile(&stats::sorted(&ratios), LOWER_END).unwrap_or(value - best);
            let is_tied = place > 0 && (least <= 0.0 || value - best < self.tells.ln());
            Standing { backend: backend.to_owned(), value: value.exp(), ratio: (value - best).exp(), is_tied }
        });
        Some(standings.collect())
    }
}

fn mean(cells: &[&Cell]) -> (f64, Vec<f64>) {
    let n = cells.len() as f64;
    let mut sum = 0.0;
    let mut draws = vec![0.0; RESAMPLES];
    for cell in cells {
        let spread = cell.ns_per_op;
        sum += spread.median.ln() / n;
        let samples = if cell.samples.is_empty() {
            vec![spread.min.ln(), spread.median.ln(), spread.max.ln()]
        } else {
            cell.samples.iter().map(|ns| ns.ln()).collect()
        };
        let mut random = Random::named(0, &cell.name());
        let medians = stats::resampled(&samples, 0.5, RESAMPLES, &mut random);
        draws.iter_mut().zip(medians).for_each(|(draw, median)| *draw += median / n);
    }
    (sum, draws)
}
