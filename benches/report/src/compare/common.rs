//! A change that all backends share.
//!
//! Where the backends of a row are each other's yardstick, one that slows all of them hides in the drift. Held
//! against the floors of the same row, which no change of ours can move, it shows; so does a machine whose memory
//! was slower, as floors hardly touch memory. Which of the two it was, only another run can tell.

use std::collections::BTreeMap;

use super::noise::Estimate;
use super::rows::Row;
use super::verdict::{Common, Verdict};
use super::{Settings, drift};
use crate::{Kind, stats};

/// Backends and floors differ this much by themselves: what slows memory slows an empty loop not at all.
const LEAST: f64 = 0.10;
/// Below this many rows, chance does as much.
const FEWEST: usize = 4;
/// How many standard errors the median must lie from nothing.
const ERRORS: f64 = 4.0;
/// The standard error of a median for each standard deviation of the values, over the root of their number.
const OF_MEDIAN: f64 = 1.2533;

/// The change that the backends share against the floors, if there is one worth a word.
pub(super) fn find(rows: &[Row<'_>], estimates: &[Estimate<'_>], settings: &Settings) -> Option<Common> {
    let mut by_row: BTreeMap<usize, (Vec<f64>, Vec<f64>)> = BTreeMap::new();
    for estimate in estimates.iter().filter(|estimate| !drift::sees_common_changes(&rows[estimate.row])) {
        let (backends, floors) = by_row.entry(estimate.row).or_default();
        match estimate.kind {
            Kind::Backend => backends.push(estimate.effect),
            Kind::Floor => floors.push(estimate.effect),
            Kind::ByHand | Kind::Peer => {}
        }
    }
    let apart = by_row
        .values()
        .filter_map(|(backends, floors)| Some(stats::median(backends)? - stats::median(floors)?));
    let apart: Vec<_> = apart.collect();
    let middle = stats::median(&apart).filter(|_| apart.len() >= FEWEST)?;
    let residuals: Vec<_> = apart.iter().map(|one| one - middle).collect();
    let error = OF_MEDIAN * stats::scale(&residuals)? / (apart.len() as f64).sqrt();
    let least = settings.threshold.max(LEAST);
    let real = middle.abs() > ERRORS * error && middle.exp_m1().abs() > least;
    let verdict = Verdict::of(middle.exp(), real, least);
    (verdict != Verdict::NoDifference).then_some(Common { change: middle.exp(), rows: apart.len(), verdict })
}
