//! Which one number stands for the samples of a cell.
//!
//! On a quiet machine the median, with what slowed whole rounds taken out. On one that others keep busy most
//! samples are disturbed, always upwards, and the least of them says more (Chen and Revels, "Robust benchmarking in
//! noisy environments", 2016). Which it is, the comparison shows: the statistic is right under which the cells,
//! most of which did not change, moved least. It is chosen for all cells of as many threads together, so no cell's
//! own change has a say in it.

use std::collections::BTreeMap;

use super::estimate;
use super::level::Levels;
use super::noise;
use super::rows::Row;
use crate::{Kind, stats};

/// A share of the samples of a pass, a share of the passes, and whether rounds are taken out first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Statistic {
    /// The share of the samples that lie below: 0.5 for the median, 0 for the least.
    pub(super) share: f64,
    /// The share of the passes that lie below: a neighbour who comes and goes by the minute disturbs whole passes.
    pub(super) of_passes: f64,
    /// Whether the slowdown of a whole round is subtracted.
    pub(super) rounds: bool,
}

const USUAL: Statistic = Statistic { share: 0.5, of_passes: 0.5, rounds: true };

/// All others: with more of the samples disturbed, a lower share of them; with more of the passes, a lower share of
/// those. Between the middle pass and the least one lies the quarter, which neither a neighbour in half of the passes
/// moves, nor one pass whose memory lay luckily.
fn others() -> impl Iterator<Item = Statistic> {
    let with_rounds = [0.25, 0.0].map(|share| Statistic { share, ..USUAL });
    let of_passes = |share| [0.5, 0.25, 0.0].map(|of_passes| Statistic { share, of_passes, rounds: false });
    with_rounds.into_iter().chain([0.5, 0.25, 0.1, 0.0].into_iter().flat_map(of_passes))
}

/// Another statistic must be so much stiller than the usual one: small differences are chance.
const STILLER: f64 = 0.85;
/// Groups of fewer cells are judged with all the others.
const FEWEST: usize = 30;

/// The statistic for each row.
pub(super) fn choose(rows: &[Row<'_>]) -> Vec<Statistic> {
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (index, row) in rows.iter().enumerate() {
        groups.entry(row.work.threads).or_default().push(index);
    }
    let cells = |group: &Vec<usize>| group.iter().map(|&row| rows[row].cells.len()).sum::<usize>();
    if groups.values().any(|group| cells(group) < FEWEST) {
        groups = BTreeMap::from([(0, (0..rows.len()).collect())]);
    }
    let mut chosen = vec![USUAL; rows.len()];
    for group in groups.into_values() {
        let usual = unrest(rows, &group, USUAL) * STILLER;
        let others = others().map(|statistic| (unrest(rows, &group, statistic), statistic));
        let best = others.min_by(|a, b| a.0.total_cmp(&b.0));
        if let Some((_, statistic)) = best.filter(|(unrest, _)| *unrest < usual) {
            group.iter().for_each(|&row| chosen[row] = statistic);
        }
    }
    chosen
}

/// How far the cells of some rows moved by a statistic, each backend's own shift taken out.
fn unrest(rows: &[Row<'_>], group: &[usize], statistic: Statistic) -> f64 {
    let mut estimates = Vec::new();
    for &index in group {
        let (row, levels) = (&rows[index], Levels::of(&rows[index], statistic));
        estimates.extend((0..row.cells.len()).map(|at| estimate(row, index, &levels, at)));
    }
    let maps = estimates.iter().filter(|estimate| estimate.kind != Kind::Floor);
    let estimates: Vec<_> = maps.collect();
    stats::scale(&noise::residuals(&estimates)).unwrap_or(0.0)
}
