//! Holding one run against another, cell by cell.
//!
//! Two runs of the same program never agree: the machine is faster in one hour than in the next, a neighbour
//! takes a core for some seconds, and the memory of a map lies elsewhere. So a change is judged in four steps.
//!
//! 1. [`level`]: what slowed one round of a row slowed all its cells, and is taken out; a cell's level is the
//!    median of what is left, or on a busy machine a lower [`statistic`].
//! 2. [`drift`]: what moved all cells of a row between the runs moved the machine, and is taken out.
//! 3. [`noise`]: how far cells move that did not change is read off the comparison itself.
//! 4. [`discovery`]: a cell is called faster or slower if its change is too large to be noise, with the number of
//!    cells allowed for, and large enough to matter.

mod common;
mod discovery;
mod display;
mod drift;
mod level;
mod noise;
mod rows;
mod statistic;
mod verdict;

pub use verdict::{Change, Common, Comparison, Verdict};

use crate::random::Random;
use crate::{Kind, Run, Work, disturbance, stats};
use level::Levels;
use noise::Estimate;
use rows::{Pair, Row};

/// How sure a comparison must be.
///
/// # Examples
///
/// ```
/// let settings = hotcache_report::Settings { threshold: 0.02, ..Default::default() };
/// assert_eq!(settings.confidence, 0.95);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Changes smaller than this share are no finding, however sure they are. By default 0.05: merely moving code
    /// or data about changes the speed of a program by some percent (Mytkowicz and others, "Producing Wrong Data
    /// Without Doing Anything Obviously Wrong!", 2009), and no user notices less.
    pub threshold: f64,
    /// The share of intervals that hold the true change. By default 0.95.
    pub confidence: f64,
    /// The share of false findings allowed among all findings (Benjamini and Hochberg, 1995). By default 0.15:
    /// a finding is a reason to measure again, not a proof.
    pub false_discovery: f64,
    /// How often the samples of a cell are drawn anew. By default 1000, after which the ends of an interval at a
    /// confidence of 0.95 rest on 25 draws each.
    pub resamples: usize,
    /// The seed of the random draws. The same seed gives the same comparison.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { threshold: 0.05, confidence: 0.95, false_discovery: 0.15, resamples: 1_000, seed: 0 }
    }
}

/// Degrees of freedom of the t distribution by which a change is judged: heavier tails than the normal
/// distribution's, as noise has, and as its size is itself an estimate.
const FREEDOM: u32 = 8;

/// Compares the cells that two runs share.
///
/// # Examples
///
/// ```
/// use hotcache_report::{Cell, Kind, Machine, Run, Settings, Verdict, Work, compare};
///
/// let run = |scc: f64| {
///     let mut run = Run::new(Machine { cores: 2, ..Machine::default() });
///     for (backend, ns) in [("empty", 1.5), ("rwlock", 16.0), ("dashmap", 17.0), ("papaya", 19.0), ("scc", scc)] {
///         let samples = (0..10).map(|i| ns * (1.0 + 0.002 * f64::from(i % 4))).collect();
///         run.cells.extend(Cell::measured(Work::new("int", "get", 100, 1), backend, Kind::Backend, samples));
///     }
///     run
/// };
/// let comparison = compare(&run(25.0), &run(35.0), &Settings::default());
/// let slower: Vec<_> = comparison.slower().map(|change| change.backend.as_str()).collect();
/// assert_eq!(slower, ["scc"]);
/// assert!(comparison.regressions_beyond(10.0).iter().all(|change| change.verdict == Verdict::Slower));
/// ```
#[must_use]
pub fn compare(old: &Run, new: &Run, settings: &Settings) -> Comparison {
    let rows::Paired { rows, only_old, only_new } = rows::pair(old, new);
    let mut estimates = Vec::new();
    let mut drawn = Vec::new();
    for (index, (row, statistic)) in rows.iter().zip(statistic::choose(&rows)).enumerate() {
        let levels = Levels::of(row, statistic);
        for (at, cell) in row.cells.iter().enumerate() {
            let mut random = Random::named(settings.seed, &cell.old.name());
            let draws = levels.resampled(at, settings.resamples, &mut random);
            let within = stats::half_width(&draws);
            estimates.push(Estimate { within, ..estimate(row, index, &levels, at) });
            drawn.push(Drawn { pair: &row.cells[at], work: &row.work, draws, random });
        }
    }
    noise::moderate(&mut estimates);
    for (estimate, drawn) in estimates.iter().zip(&mut drawn) {
        drawn.pull_to(estimate);
    }
    let between = noise::between(&estimates);
    let deviations: Vec<_> =
        estimates.iter().zip(between).map(|(e, between)| e.within.hypot(between)).collect();
    let deviations = noise::calibrated(&estimates, deviations);
    let all = estimates.iter().zip(&deviations).zip(drawn);
    let mut changes: Vec<_> =
        all.map(|((estimate, deviation), drawn)| change(estimate, *deviation, drawn, settings)).collect();
    let mut maps: Vec<_> = changes.iter_mut().filter(|change| change.kind != Kind::Floor).collect();
    let ps: Vec<_> = maps.iter().map(|change| change.p).collect();
    for (change, real) in maps.iter_mut().zip(discovery::real(&ps, settings.false_discovery)) {
        change.verdict = Verdict::of(change.change, real, settings.threshold);
    }
    let of_maps = estimates.iter().zip(&deviations).filter(|(estimate, _)| estimate.kind != Kind::Floor);
    let noise = stats::median(&of_maps.map(|(_, deviation)| *deviation).collect::<Vec<_>>());
    Comparison {
        common: common::find(&rows, &estimates, settings),
        noise: noise.unwrap_or(0.0),
        visible: noise.map_or(settings.threshold, |noise| visible(noise, settings)),
        caveats: caveats(old, new, &estimates),
        changes,
        only_old,
        only_new,
    }
}

/// The random draws for one cell, before the noise of all cells is known.
struct Drawn<'a> {
    pair: &'a Pair<'a>,
    work: &'a Work,
    draws: Vec<f64>,
    random: Random,
}

impl Drawn<'_> {
    /// Draws the draws towards their middle until they vary as the estimate says.
    fn pull_to(&mut self, estimate: &Estimate<'_>) {
        let Some(middle) = stats::median(&self.draws) else { return };
        let width = stats::half_width(&self.draws);
        let share = if width > 0.0 { estimate.within / width } else { 1.0 };
        self.draws.iter_mut().for_each(|draw| *draw = middle + (*draw - middle) * share);
    }
}

fn estimate<'a>(row: &Row<'a>, index: usize, levels: &Levels, at: usize) -> Estimate<'a> {
    let cell = row.cells[at].old;
    let drift = drift::of(row, levels, at);
    let effect = levels.change(at) - drift.unwrap_or(0.0);
    Estimate { row: index, backend: &cell.backend, kind: cell.kind, effect, drift, within: 0.0 }
}

fn change(estimate: &Estimate<'_>, deviation: f64, drawn: Drawn<'_>, settings: &Settings) -> Change {
    let Drawn { pair, work, draws, mut random } = drawn;
    let drift = estimate.drift.unwrap_or(0.0);
    let unseen = (deviation.powi(2) - estimate.within.powi(2)).max(0.0).sqrt();
    let noisy: Vec<_> = draws.iter().map(|draw| draw - drift + unseen * random.normal()).collect();
    let noisy = stats::sorted(&noisy);
    let outside = (1.0 - settings.confidence) / 2.0;
    let end = |share| stats::quantile(&noisy, share).unwrap_or(estimate.effect).exp();
    // A floor is the same in every commit: it is a yardstick, and no finding.
    let judged = estimate.kind != Kind::Floor && (estimate.drift.is_some() || !estimate.kind.is_reference());
    let p = if judged { stats::student_tails(estimate.effect / deviation, FREEDOM) } else { 1.0 };
    let (old, new) = (pair.old.ns_per_op, pair.new.ns_per_op);
    Change {
        work: work.clone(),
        backend: estimate.backend.to_owned(),
        kind: estimate.kind,
        old,
        new,
        ratio_of_medians: new.median / old.median,
        drift: drift.exp(),
        change: estimate.effect.exp(),
        interval: (end(outside), end(1.0 - outside)),
        p,
        verdict: Verdict::NoDifference,
    }
}

/// The change that nine of ten cells of this noise would show, if one cell in ten changed.
fn visible(noise: f64, settings: &Settings) -> f64 {
    // The normal deviate that nine of ten draws exceed.
    const NINE_IN_TEN: f64 = 1.2816;
    let (mut low, mut high) = (0.0, 100.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        let enough = stats::student_tails(middle, FREEDOM) < settings.false_discovery / 10.0;
        *(if enough { &mut high } else { &mut low }) = middle;
    }
    let sure = (high + NINE_IN_TEN) * noise;
    let large = settings.threshold.ln_1p() + NINE_IN_TEN * noise;
    sure.max(large).exp_m1()
}

fn caveats(old: &Run, new: &Run, estimates: &[Estimate<'_>]) -> Vec<String> {
    let mut caveats = old.machine.differences(&new.machine);
    if old.partial {
        caveats.push("the saved run was interrupted".to_owned());
    }
    if new.partial {
        caveats.push("this run was interrupted".to_owned());
    }
    for (which, run) in [("the saved run", old), ("this run", new)] {
        caveats.extend(disturbance(run).map(|why| format!("{which}: {why}")));
    }
    let alone = estimates.iter().filter(|estimate| estimate.drift.is_none() && !estimate.kind.is_reference());
    let alone = alone.count();
    if alone > 0 {
        caveats.push(format!(
            "{alone} cells have nothing measured beside them that tells a slower backend from a slower machine"
        ));
    }
    caveats
}
