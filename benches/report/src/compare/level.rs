//! The level of a cell: its [`Statistic`] over the samples, less what slowed the whole round.
//!
//! Backends are measured in turn, so the samples of one round lie within moments of each other. A neighbour that
//! takes the machine for longer than that slows all of them; the median over the row tells by how much. Everything
//! is in logarithms, as a busy machine slows in proportion.

use std::collections::HashMap;

use super::rows::Row;
use super::statistic::Statistic;
use crate::random::Random;
use crate::{Cell, stats};

/// Fewer cells or rounds than this say nothing about a round.
const FEWEST: usize = 3;

/// The samples of a row in both runs, as logarithms, corrected.
#[derive(Debug)]
pub(super) struct Levels {
    share: f64,
    old: Vec<Vec<f64>>,
    new: Vec<Vec<f64>>,
}

impl Levels {
    pub(super) fn of(row: &Row<'_>, statistic: Statistic) -> Self {
        let Statistic { share, rounds } = statistic;
        let old = row.cells.iter().map(|pair| logarithms(pair.old)).collect();
        let new = row.cells.iter().map(|pair| logarithms(pair.new)).collect();
        let [old, new] = [old, new].map(|cells| if rounds { without_rounds(cells) } else { cells });
        Self { share, old, new }
    }

    /// The logarithm of how many times as long the cell takes in the new run, drift included.
    pub(super) fn change(&self, at: usize) -> f64 {
        let level = |samples: &[f64]| stats::quantile(&stats::sorted(samples), self.share).unwrap_or(0.0);
        level(&self.new[at]) - level(&self.old[at])
    }

    /// The same for resampled samples: how far the change could be another with other samples.
    pub(super) fn resampled(&self, at: usize, count: usize, random: &mut Random) -> Vec<f64> {
        let old = stats::resampled(&self.old[at], self.share, count, random);
        let new = stats::resampled(&self.new[at], self.share, count, random);
        new.iter().zip(&old).map(|(new, old)| new - old).collect()
    }
}

fn middle(samples: &[f64]) -> f64 {
    stats::median(samples).unwrap_or(0.0)
}

/// The samples; where a document has none, the three numbers that stand for them.
fn logarithms(cell: &Cell) -> Vec<f64> {
    if cell.samples.is_empty() {
        let spread = cell.ns_per_op;
        return [spread.min, spread.median, spread.max].map(f64::ln).to_vec();
    }
    cell.samples.iter().map(|ns| ns.ln()).collect()
}

/// Takes out what a round has in common, among the cells that were measured in as many rounds.
fn without_rounds(mut cells: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    let mut lengths: HashMap<usize, usize> = HashMap::new();
    cells.iter().for_each(|cell| *lengths.entry(cell.len()).or_default() += 1);
    let most = lengths.into_iter().max_by_key(|&(rounds, cells)| (cells, rounds));
    let Some((rounds, alike)) = most else { return cells };
    if alike < FEWEST || rounds < FEWEST {
        return cells;
    }
    let levels: Vec<_> = cells.iter().map(|cell| middle(cell)).collect();
    for round in 0..rounds {
        let measured = cells.iter().zip(&levels).filter(|(cell, _)| cell.len() == rounds);
        let above: Vec<_> = measured.map(|(cell, level)| cell[round] - level).collect();
        let common = middle(&above);
        cells.iter_mut().filter(|cell| cell.len() == rounds).for_each(|cell| cell[round] -= common);
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_that_was_slow_for_all_is_no_longer_slow() {
        let slow = |level: f64| vec![level, level + 0.7, level, level + 0.7, level + 0.7];
        let levels: Vec<_> = without_rounds(vec![slow(1.0), slow(2.0), slow(3.0), slow(4.0)]);
        for cell in levels {
            assert!(cell.iter().all(|sample| (sample - cell[0]).abs() < 1e-12), "{cell:?}");
        }
    }

    #[test]
    fn a_sample_that_was_slow_for_one_stays() {
        let cells = vec![vec![1.0, 1.0, 1.0], vec![2.0, 2.9, 2.0], vec![3.0, 3.0, 3.0]];
        assert_eq!(without_rounds(cells.clone()), cells);
    }
}
