//! How far cells move between two runs although nothing changed.
//!
//! The samples of one run do not tell: a map whose memory lies badly is slow in all of them. The comparison does.
//! Most cells did not change, so the middle of their movements, once each backend's own shift is taken out, is
//! noise, whatever it comes from; a minority that did change cannot move it.

use std::collections::HashMap;

use crate::{Kind, stats};

/// The change of one cell, drift taken out, in logarithms.
#[derive(Debug)]
pub(super) struct Estimate<'a> {
    pub(super) row: usize,
    pub(super) backend: &'a str,
    pub(super) kind: Kind,
    pub(super) effect: f64,
    /// The drift that was subtracted; `None` if there were no other cells to estimate it from.
    pub(super) drift: Option<f64>,
    /// The deviation of the effect over other samples from the same two runs; 0 if they were not drawn.
    pub(super) within: f64,
}

/// The noise that is assumed before there are measurements: cells vary by 3 %.
const EXPECTED: f64 = 0.03;
/// The weight of that assumption, as a number of cells.
const WEIGHT: f64 = 8.0;
/// The least noise of any machine: a different layout of memory alone causes as much.
const LEAST: f64 = 0.01;
/// Fewer cells do not show whether deviations are too large.
const FEWEST_TO_CALIBRATE: usize = 60;
/// The smallest factor by which deviations are scaled down.
const LEAST_UNIT: f64 = 0.4;
/// With fewer cells, the shift of a backend cannot be distinguished from noise.
const FEWEST: usize = 4;

/// For each estimate, the deviation that its samples do not show.
///
/// Cells from which no drift was taken move with the machine, and are a group of their own. So are floors, which move
/// in ways that maps do not.
pub(super) fn between(estimates: &[Estimate<'_>]) -> Vec<f64> {
    let mut between = vec![0.0; estimates.len()];
    let group_of = |estimate: &Estimate<'_>| (estimate.drift.is_some(), estimate.kind == Kind::Floor);
    for wanted in [(true, false), (true, true), (false, false), (false, true)] {
        let (places, group): (Vec<_>, Vec<_>) =
            (0..).zip(estimates).filter(|(_, estimate)| group_of(estimate) == wanted).unzip();
        for (place, deviation) in places.into_iter().zip(between_group(&group)) {
            let place: usize = place;
            between[place] = deviation;
        }
    }
    between
}

/// Draws the deviations that samples show towards that of a typical cell, half of the way in logarithms.
///
/// A handful of passes tells a deviation only roughly: where two of eight were disturbed it comes out far too large, and
/// where none was, too small. What the cells have in common tells more (a moderated statistic: Smyth, "Linear models and
/// empirical Bayes methods for assessing differential expression", 2004).
pub(super) fn moderate(estimates: &mut [Estimate<'_>]) {
    let shown = estimates.iter().filter(|estimate| estimate.kind != Kind::Floor && estimate.within > 0.0);
    let Some(typical) = stats::median(&shown.map(|estimate| estimate.within).collect::<Vec<_>>()) else {
        return;
    };
    for estimate in estimates.iter_mut().filter(|estimate| estimate.within > 0.0) {
        estimate.within = (estimate.within * typical).sqrt();
    }
}

/// The deviations, made smaller alike if nearly all cells move less than they allow for.
///
/// Passes drawn anew lose the quietest one now and then, so where others disturb whole passes they make every cell look
/// less sure than it is. How far cells move for each unit of their deviation shows by how much (an empirical null:
/// Efron, "Large-scale simultaneous hypothesis testing", 2004).
pub(super) fn calibrated(estimates: &[Estimate<'_>], mut deviations: Vec<f64>) -> Vec<f64> {
    let places: Vec<_> = (0..estimates.len()).filter(|&place| estimates[place].kind != Kind::Floor).collect();
    let maps: Vec<_> = places.iter().map(|&place| &estimates[place]).collect();
    let residuals = residuals(&maps);
    let units: Vec<_> = residuals.iter().zip(&places).map(|(one, &place)| one / deviations[place]).collect();
    let Some(unit) = stats::scale(&units).filter(|_| units.len() >= FEWEST_TO_CALIBRATE) else {
        return deviations;
    };
    for place in places {
        deviations[place] = (deviations[place] * unit.clamp(LEAST_UNIT, 1.0)).max(LEAST);
    }
    deviations
}

fn between_group(estimates: &[&Estimate<'_>]) -> Vec<f64> {
    let residuals = residuals(estimates);
    let all = blend(&residuals, EXPECTED);
    let mut rows: HashMap<usize, (Vec<f64>, Vec<f64>)> = HashMap::new();
    for (estimate, residual) in estimates.iter().zip(&residuals) {
        let (residuals, within) = rows.entry(estimate.row).or_default();
        residuals.push(*residual);
        within.push(estimate.within);
    }
    let of_row: HashMap<_, _> = rows
        .into_iter()
        .map(|(row, (residuals, within))| {
            let shown = stats::median(&within).unwrap_or(0.0);
            let unseen = blend(&residuals, all).powi(2) - shown.powi(2);
            (row, unseen.max(LEAST * LEAST).sqrt())
        })
        .collect();
    estimates.iter().map(|estimate| of_row[&estimate.row]).collect()
}

/// The scale of some residuals, drawn towards what was expected the more, the fewer there are.
fn blend(residuals: &[f64], expected: f64) -> f64 {
    let n = residuals.len() as f64;
    let seen = stats::scale(residuals).unwrap_or(expected);
    ((n * seen * seen + WEIGHT * expected * expected) / (n + WEIGHT)).sqrt()
}

/// Returns the changes minus the shift of each backend.
pub(super) fn residuals(estimates: &[&Estimate<'_>]) -> Vec<f64> {
    let mut effects: HashMap<&str, Vec<f64>> = HashMap::new();
    for estimate in estimates {
        effects.entry(estimate.backend).or_default().push(estimate.effect);
    }
    let shifts: HashMap<_, _> = effects
        .into_iter()
        .filter(|(_, effects)| effects.len() >= FEWEST)
        .filter_map(|(backend, effects)| Some((backend, stats::median(&effects)?)))
        .collect();
    let shift = |estimate: &Estimate<'_>| shifts.get(estimate.backend).copied().unwrap_or(0.0);
    estimates.iter().map(|estimate| estimate.effect - shift(estimate)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// Cells of ten backends that moved by chance alone, by so much.
    fn unchanged(cells: usize, noise: f64) -> Vec<Estimate<'static>> {
        const BACKENDS: [&str; 10] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
        let mut random = Random::named(7, "unchanged");
        let mut estimate = |i: usize| Estimate {
            row: i / 10,
            backend: BACKENDS[i % 10],
            kind: Kind::Backend,
            effect: noise * random.normal(),
            drift: Some(0.0),
            within: 0.0,
        };
        (0..cells).map(&mut estimate).collect()
    }

    #[test]
    fn deviations_that_nobody_uses_up_shrink_and_those_that_fit_stay() {
        let estimates = unchanged(200, 0.04);
        let of = |deviation: f64| calibrated(&estimates, vec![deviation; estimates.len()])[0];
        assert!((0.03..0.05).contains(&of(0.08)), "{}", of(0.08));
        assert!((0.03..=0.04).contains(&of(0.04)), "{}", of(0.04));
        assert!((of(0.02) - 0.02).abs() < 1e-9, "never larger: what is unseen is added before");
        assert!((of(0.4) - 0.4 * LEAST_UNIT).abs() < 1e-9, "never to nothing");
    }

    #[test]
    fn few_cells_change_nothing() {
        let estimates = unchanged(FEWEST_TO_CALIBRATE - 1, 0.01);
        let deviations = vec![0.1; estimates.len()];
        assert_eq!(calibrated(&estimates, deviations.clone()), deviations);
    }
}
