//! The level of a cell: its [`Statistic`] over the samples of each pass, less what slowed the whole round, and over the
//! passes.
//!
//! Backends are measured in turn, so the samples of one round lie within moments of each other. A neighbour that
//! takes the machine for longer than that slows all of them; the median over the row tells by how much. Everything
//! is in logarithms, as a busy machine slows in proportion.
//!
//! Between two passes a map is built anew, its memory lies elsewhere, and minutes go by: samples of one pass are alike
//! in ways that those of another are not. So passes are drawn first when samples are drawn anew, and samples in them
//! (Kalibera and Jones, "Rigorous benchmarking in reasonable time", 2013). A pass in which other processes were busy
//! is left out where there are others.

use std::collections::HashMap;

use super::rows::Row;
use super::statistic::Statistic;
use crate::random::Random;
use crate::{Cell, stats};

/// Fewer cells or rounds than this say nothing about a round.
const FEWEST: usize = 3;

/// From this share of the processors on, other processes have spoilt a pass.
const SPOILT: f64 = 0.1;

/// The share of the passes that are no slower than they must be, even on a busy machine.
const QUICKER: f64 = 0.25;
/// A pass that took this many times as long was disturbed, because a neighbour on the same core takes nearly half of
/// its speed.
const FAR_ABOVE: f64 = 1.25;

/// The samples of a row in both runs, as logarithms, corrected, by pass.
#[derive(Debug)]
pub(super) struct Levels {
    statistic: Statistic,
    old: Vec<Passes>,
    new: Vec<Passes>,
}

/// The samples of one cell, those of each pass apart.
type Passes = Vec<Vec<f64>>;

impl Levels {
    pub(super) fn of(row: &Row<'_>, statistic: Statistic) -> Self {
        let passes_of = |cells: Vec<&Cell>| {
            let samples: Vec<_> = cells.iter().map(|cell| logarithms(cell)).collect();
            let samples = if statistic.rounds { without_rounds(samples) } else { samples };
            samples.iter().zip(cells).map(|(samples, cell)| passes(samples, cell)).collect()
        };
        let old = passes_of(row.cells.iter().map(|pair| pair.old).collect());
        let new = passes_of(row.cells.iter().map(|pair| pair.new).collect());
        Self { statistic, old, new }
    }

    /// The logarithm of how many times as long the cell takes in the new run, drift included.
    pub(super) fn change(&self, at: usize) -> f64 {
        let level = |passes: &Passes| {
            let Statistic { share, of_passes, .. } = self.statistic;
            let levels = passes.iter().filter_map(|pass| stats::quantile(&stats::sorted(pass), share));
            quantile(&levels.collect::<Vec<_>>(), of_passes)
        };
        level(&self.new[at]) - level(&self.old[at])
    }

    /// Returns the changes for resampled samples, which show how much the change depends on the samples.
    pub(super) fn resampled(&self, at: usize, count: usize, random: &mut Random) -> Vec<f64> {
        let old = resampled(&self.old[at], self.statistic, count, random);
        let new = resampled(&self.new[at], self.statistic, count, random);
        new.iter().zip(&old).map(|(new, old)| new - old).collect()
    }
}

/// Levels of as many draws: passes with repetition, and a level of samples drawn from each.
fn resampled(passes: &Passes, statistic: Statistic, count: usize, random: &mut Random) -> Vec<f64> {
    let mut of_pass: Vec<_> = passes
        .iter()
        .map(|pass| stats::resampled(pass, statistic.share, count, random))
        .filter(|levels| !levels.is_empty())
        .collect();
    if of_pass.len() == 1 {
        return of_pass.remove(0);
    }
    // Draw `i` of whichever pass is drawn: within a pass, draws are independent of each other already.
    let levels = |i: usize, random: &mut Random| {
        let drawn: Vec<_> = of_pass.iter().map(|_| of_pass[random.below(of_pass.len())][i]).collect();
        quantile(&drawn, statistic.of_passes)
    };
    let draws = if of_pass.is_empty() { 0 } else { count };
    (0..draws).map(|i| levels(i, random)).collect()
}

/// The samples by pass, without the passes that were spoilt if others were not.
fn passes(samples: &[f64], cell: &Cell) -> Passes {
    let count = cell.busy.len();
    if count < 2 || samples.len() != cell.samples.len() || !samples.len().is_multiple_of(count) {
        return vec![samples.to_vec()];
    }
    let all = samples.chunks(samples.len() / count).zip(&cell.busy);
    let quiet: Passes =
        all.clone().filter(|(_, busy)| **busy < SPOILT).map(|(pass, _)| pass.to_vec()).collect();
    let passes = if quiet.is_empty() { all.map(|(pass, _)| pass.to_vec()).collect() } else { quiet };
    without_slow(passes)
}

/// The passes without those that lie far above the quicker ones of the same run: whatever slowed those was not the code,
/// which is the same in all of them.
fn without_slow(passes: Passes) -> Passes {
    let levels: Vec<_> = passes.iter().map(|pass| middle(pass)).collect();
    let limit = quantile(&levels, QUICKER) + FAR_ABOVE.ln();
    passes.into_iter().zip(levels).filter(|(_, level)| *level <= limit).map(|(pass, _)| pass).collect()
}

fn quantile(values: &[f64], share: f64) -> f64 {
    stats::quantile(&stats::sorted(values), share).unwrap_or(0.0)
}

fn middle(samples: &[f64]) -> f64 {
    quantile(samples, 0.5)
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
    use super::super::rows::Pair;
    use super::*;

    #[test]
    fn a_round_that_was_slow_for_all_is_no_longer_slow() {
        let slow = |level: f64| vec![level, level + 0.7, level, level + 0.7, level + 0.7];
        let levels: Vec<_> = without_rounds(vec![slow(1.0), slow(2.0), slow(3.0), slow(4.0)]);
        for cell in levels {
            assert!(cell.iter().all(|sample| (sample - cell[0]).abs() < 1e-12), "{cell:?}");
        }
    }

    /// A cell of three passes of two samples each, and its levels against itself.
    fn cell(samples: [f64; 6], busy: [f64; 3]) -> Cell {
        let work = crate::Work::new("int", "get", 100, 1);
        let cell = Cell::measured(work, "scc", crate::Kind::Backend, samples.to_vec()).expect("positive");
        Cell { busy: busy.to_vec(), ..cell }
    }

    fn change(old: &Cell, new: &Cell, of_passes: f64) -> f64 {
        let row = Row { work: old.work(), cells: vec![Pair { old, new }] };
        Levels::of(&row, Statistic { share: 0.5, of_passes, rounds: false }).change(0).exp()
    }

    #[test]
    fn a_pass_that_others_spoilt_is_left_out_while_there_are_others() {
        let still = cell([10.0; 6], [0.0; 3]);
        let spoilt = [10.0, 10.0, 12.0, 12.0, 12.0, 12.0];
        assert!((change(&still, &cell(spoilt, [0.0, 0.3, 0.5]), 0.5) - 1.0).abs() < 1e-9);
        assert!((change(&still, &cell(spoilt, [0.4, 0.3, 0.5]), 0.5) - 1.2).abs() < 1e-9);
    }

    #[test]
    fn the_least_pass_tells_what_the_middle_one_hides() {
        let still = cell([10.0; 6], [0.0; 3]);
        let slow_for_minutes = cell([12.0, 12.1, 11.9, 12.0, 10.0, 10.0], [0.0; 3]);
        assert!(change(&still, &slow_for_minutes, 0.5) > 1.15);
        assert!((change(&still, &slow_for_minutes, 0.0) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn a_pass_that_lies_far_above_the_others_is_left_out_and_a_slower_program_is_not() {
        let still = cell([10.0; 6], [0.0; 3]);
        let disturbed = cell([10.0, 10.0, 18.0, 18.0, 10.2, 10.2], [0.0; 3]);
        assert!((change(&still, &disturbed, 1.0) - 1.02).abs() < 1e-9);
        assert!((change(&still, &cell([18.0; 6], [0.0; 3]), 0.5) - 1.8).abs() < 1e-9);
    }

    #[test]
    fn passes_that_lie_apart_make_a_change_unsure() {
        let statistic = Statistic { share: 0.5, of_passes: 0.5, rounds: false };
        let unsure = |old: &Cell, new: &Cell| {
            let row = Row { work: old.work(), cells: vec![Pair { old, new }] };
            stats::half_width(&Levels::of(&row, statistic).resampled(0, 500, &mut Random::named(1, "passes")))
        };
        let still = cell([10.0; 6], [0.0; 3]);
        assert!(unsure(&still, &still) < 1e-9);
        assert!(unsure(&still, &cell([10.0, 10.0, 12.0, 12.0, 14.0, 14.0], [0.0; 3])) > 0.05);
    }

    #[test]
    fn a_sample_that_was_slow_for_one_stays() {
        let cells = vec![vec![1.0, 1.0, 1.0], vec![2.0, 2.9, 2.0], vec![3.0, 3.0, 3.0]];
        assert_eq!(without_rounds(cells.clone()), cells);
    }
}
