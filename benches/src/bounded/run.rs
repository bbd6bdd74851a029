use std::cell::RefCell;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use hotcache_bench_plan::{Bounded as Plan, BoundedWork, Work};
use hotcache_report::{Bounded, Percentiles, Run as Document};

use super::Entry;
use super::inputs::Inputs;
use super::series::Series;
use super::tested::Tested;
use crate::console::Console;
use crate::document::{self, Shared, Taken, lock};
use crate::fault::Fault;
use crate::machine_speed::MachineSpeed;
use crate::progress::Progress;
use crate::quiet::{Measured, Patience, Waits};
use crate::sampler::{Sampled, Sampler};
use crate::stream::Stream;
use crate::team::Team;

/// Measures every row into `document`, and shows each cell as it is done.
///
/// # Errors
///
/// If a cell fails its verification, with its name; or if threads or output fail.
pub fn run(
    plan: &Plan,
    entries: &[Entry],
    criterion_directory: &Path,
    console: &mut Console,
    document: &Shared,
) -> Result<()> {
    let series = Series::of(plan, entries)?;
    let plain: Vec<_> = plan.works.iter().map(BoundedWork::plain).collect();
    let of_pass = plan
        .works
        .iter()
        .zip(&plain)
        .flat_map(|(work, plain)| series.iter().filter(|series| series.does(work)).map(move |_| plain));
    let cells: Vec<&Work> = of_pass.collect();
    let progress = Progress::new((0..plan.pace.passes).flat_map(|_| cells.iter().copied()));
    let patience = Patience::new(plan.pace.patience);
    let speed = MachineSpeed::new(plan.pace.patience);
    let sampler = Sampler::new(criterion_directory);
    let mut run =
        Run { plan, series: &series, console, document, progress, patience, speed, sampler, mix: Vec::new() };
    for pass in 0..plan.pace.passes {
        run.sampler = Sampler::new(criterion_directory);
        let groups = plan.works.chunk_by(|one, other| one.requests == other.requests);
        for (turn, works) in groups.enumerate() {
            run.group(works, turn + pass, pass)?;
        }
    }
    run.console.clear();
    lock(document).partial = false;
    Ok(())
}

struct Run<'a> {
    plan: &'a Plan,
    series: &'a [Series],
    console: &'a mut Console,
    document: &'a Shared,
    progress: Progress,
    patience: Patience,
    speed: MachineSpeed,
    sampler: Sampler,
    /// The streams of all mixes.
    mix: Vec<Stream>,
}

/// The results of a cell in one pass.
type Found = (Measured<Taken>, Option<Percentiles>);

impl Run<'_> {
    /// Does the works on equal caches, beginning with another row each time.
    fn group(&mut self, works: &[BoundedWork], turn: usize, pass: usize) -> Result<()> {
        let Some(inputs) = Inputs::of(works, &mut self.mix) else { return Ok(()) };
        let teams = works.iter().map(|work| {
            Team::new(work.threads).with_context(|| format!("cannot start {} threads", work.threads))
        });
        let teams: Vec<_> = teams.collect::<Result<_>>()?;
        let count = self.series.len();
        for series in (0..count).map(|i| &self.series[(i + turn) % count]) {
            // One cache for all numbers of threads, built when the first needs it; and the turn of its next requests.
            let mut tested: Option<(Tested<'_>, usize)> = None;
            for (work, team) in works.iter().zip(&teams).filter(|(work, _)| series.does(work)) {
                let name = work.cell(&series.name);
                self.console.status(&self.progress.line(&name));
                let started = Instant::now();
                let found = if work.requests.is_timed() {
                    self.time_inserts(&name, series, &inputs)?
                } else {
                    let (tested, turn) = tested.get_or_insert_with(|| Tested::new(series, &inputs));
                    self.measure(&name, tested, turn, team)?
                };
                let took = started.elapsed().saturating_sub(found.0.wasted);
                self.progress.done(&work.plain(), took);
                self.record(&name, work, series, &found, pass)?;
            }
            drop(tested);
            (series.reclaim)();
        }
        self.mix = inputs.into_mix().unwrap_or_else(|| std::mem::take(&mut self.mix));
        Ok(())
    }

    fn measure(&mut self, name: &str, tested: &Tested<'_>, turn: &mut usize, team: &Team) -> Result<Found> {
        let left = self.progress.left().unwrap_or_default();
        let pace = self.plan.pace.squeezed(self.progress.elapsed(), left);
        let so_far = self.progress.line(name);
        let Self { sampler, patience, speed, console, .. } = self;
        let console = RefCell::new(&mut **console);
        let waits: Waits<'_> = &|why| console.borrow_mut().status(&format!("{so_far}: {why}"));
        let sampled = Sampled { name, round_ops: Tested::round_ops() * team.threads(), team };
        let measured = patience.measure(waits, || {
            let wasted_before = speed.wasted();
            let mut sample = |turn, rounds| tested.sample(name, team, turn, rounds);
            let taken = sampler.take(&pace, sampled, turn, speed, waits, &mut sample)?;
            Ok::<_, Fault>((taken, speed.wasted() - wasted_before))
        })?;
        tested.check_count(name)?;
        Ok((measured, None))
    }

    /// Times single inserts into a cache that is built for it.
    fn time_inserts(&mut self, name: &str, series: &Series, inputs: &Inputs) -> Result<Found> {
        let so_far = self.progress.line(name);
        let Self { patience, console, .. } = self;
        let console = RefCell::new(&mut **console);
        let waits: Waits<'_> = &|why| console.borrow_mut().status(&format!("{so_far}: {why}"));
        let measured = patience.measure(waits, || {
            let (tested, _) = Tested::new(series, inputs);
            let (sample, single) = tested.time_inserts(name)?;
            tested.check_count(name)?;
            drop(tested);
            (series.reclaim)();
            let taken = Taken { samples: vec![sample], worst: None, lost: 0.0 };
            Ok::<_, Fault>(((taken, single), Duration::ZERO))
        })?;
        let Measured { what: (what, single), busy, wasted } = measured;
        Ok((Measured { what, busy, wasted }, Some(single)))
    }

    /// Adds to the cell's results, and shows them once they are final.
    fn record(
        &mut self,
        name: &str,
        work: &BoundedWork,
        series: &Series,
        (measured, single): &Found,
        pass: usize,
    ) -> Result<()> {
        let cell = document::cell_of(work.into(), &series.name, series.kind, measured);
        let cell = cell.with_context(|| format!("{name}: the clock stood still"))?;
        let capacity = work.requests.capacity() as u64;
        let found = Bounded { capacity, single: *single, cell };
        let mut run = lock(self.document);
        let index = self.add(&mut run, found);
        if pass + 1 == self.plan.pace.passes {
            let line = line(name, &run.bounded[index]);
            drop(run);
            self.console.line(&line)?;
        }
        Ok(())
    }

    /// Adds one pass of a cell, and tells where it is: in the order of the plan.
    fn add(&self, run: &mut Document, found: Bounded) -> usize {
        let is_same = |one: &Bounded, other: &Bounded| {
            one.capacity == other.capacity
                && one.cell.backend == other.cell.backend
                && one.cell.work() == other.cell.work()
        };
        if let Some(index) = run.bounded.iter().position(|one| is_same(one, &found)) {
            let known = &mut run.bounded[index];
            known.cell = document::both(&known.cell, &found.cell).unwrap_or(found.cell);
            known.single = known.single.zip(found.single).map(|(a, b)| least(a, b));
            return index;
        }
        let place = |one: &Bounded| {
            let is_of = |work: &&BoundedWork| {
                work.requests.capacity() as u64 == one.capacity && one.cell.work() == (*work).into()
            };
            let work = self.plan.works.iter().position(|work| is_of(&work));
            (work, self.series.iter().position(|series| series.name == one.cell.backend))
        };
        let index = run.bounded.iter().position(|one| place(one) > place(&found));
        let index = index.unwrap_or(run.bounded.len());
        run.bounded.insert(index, found);
        index
    }
}

/// Of each percentile the lesser.
fn least(a: Percentiles, b: Percentiles) -> Percentiles {
    Percentiles {
        p50: a.p50.min(b.p50),
        p90: a.p90.min(b.p90),
        p99: a.p99.min(b.p99),
        p999: a.p999.min(b.p999),
        p9999: a.p9999.min(b.p9999),
        max: a.max.min(b.max),
    }
}

fn line(name: &str, found: &Bounded) -> String {
    let line = document::go_line(name, &found.cell);
    let hits = found.cell.hit_rate.map_or(String::new(), |rate| format!(", {:.1} % hit", rate * 100.0));
    let single = found.single.map_or(String::new(), |single| {
        format!(", p99.99 {:.1} µs, longest {:.1} µs", single.p9999 / 1e3, single.max / 1e3)
    });
    line + &hits + &single
}
