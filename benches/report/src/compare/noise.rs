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
    /// What was taken out; `None` if nothing beside the cell told.
    pub(super) drift: Option<f64>,
    /// The deviation of the effect over other samples from the same two runs; 0 if they were not drawn.
    pub(super) within: f64,
}

/// What is believed of a machine before it has shown otherwise: cells move by 3 %.
const EXPECTED: f64 = 0.03;
/// How many cells that belief weighs.
const WEIGHT: f64 = 8.0;
/// No machine is stiller than this: another layout of memory alone does as much.
const LEAST: f64 = 0.01;
/// A backend with fewer cells has no shift of its own that could be told from noise.
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

/// What is left of the changes once each backend's own shift is taken out.
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
