//! The matrix: every row does every work, on criterion, and is checked.

use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use criterion::{Criterion, SamplingMode, Throughput};
use hotcache_bench_plan::{Matrix, Op, Row, Work};

use crate::churn::Churn;
use crate::console::Console;
use crate::document::{self, Shared, lock};
use crate::fault::Fault;
use crate::go;
use crate::keys::Keys;
use crate::mix::{self, Model};
use crate::peers::{Build, Entry, Setup};
use crate::progress::Progress;
use crate::sample::{Cell, Sample};
use crate::shelf::Shelf;
use crate::stream;
use crate::team::Team;
use crate::timer::Timer;

/// Samples of a cell in one pass: the least that criterion takes.
const SAMPLES: usize = 10;

/// Maps that grow in one pass of a cell: criterion would have ten and more, and a large one takes seconds.
const GROWN: usize = 5;

/// Measures a matrix into `document`, and shows each cell as it is done.
///
/// # Errors
///
/// If a cell fails its verification, with its name; or if threads or output fail.
pub fn run(
    matrix: &Matrix,
    entries: &[Entry],
    criterion_directory: &Path,
    console: &mut Console,
    document: &Shared,
) -> Result<()> {
    let (matrix, go) = go::ready(matrix, &criterion_directory.with_file_name("go"), console, document)?;
    let matrix = &matrix;
    let cells = matrix.works.iter().flat_map(|work| rows_of(matrix, work, 0).map(move |_| work));
    let progress = Progress::new((0..matrix.pace.passes).flat_map(|_| cells.clone()));
    let mut run = Run { matrix, entries, console, document, progress, criterion: Criterion::default(), go };
    for pass in 0..matrix.pace.passes {
        run.criterion = criterion(criterion_directory);
        for group in matrix.works.chunk_by(same_keys) {
            run.group(group, pass)?;
        }
    }
    run.console.clear()?;
    lock(document).partial = false;
    Ok(())
}

fn criterion(directory: &Path) -> Criterion {
    Criterion::default()
        .output_directory(directory)
        .without_plots()
        .sample_size(SAMPLES)
        // For criterion's own intervals; ours are the median and the spread.
        .nresamples(1_001)
}

/// Whether two works can be done on the same filled maps.
fn same_keys(a: &Work, b: &Work) -> bool {
    (a.cache, a.max_key, a.key_len) == (b.cache, b.max_key, b.key_len)
}

/// The rows that do this work, beginning with another each time.
fn rows_of<'a>(
    matrix: &'a Matrix,
    work: &'a Work,
    turn: usize,
) -> impl Iterator<Item = &'static Row> + Clone + 'a {
    let rows: Vec<_> = matrix.rows.iter().copied().filter(|row| row.does(work.cache, work.op)).collect();
    let count = rows.len();
    (0..count).map(move |i| rows[(i + turn) % count])
}

/// What a cell came to in one pass.
struct Measured {
    samples: Vec<Sample>,
    /// The longest single operation, where it was looked for.
    worst: Option<Duration>,
}

/// Grows maps from empty to all keys: some in one go, and one with a look at the clock around every insert.
fn grown(cell: &Cell<'_>, build: Build, reclaim: fn()) -> Result<Measured, Fault> {
    let samples: Result<Vec<_>, _> = (0..GROWN).map(|_| cell.on_fresh(build, reclaim, 1)).collect();
    let timers: Vec<_> = (0..cell.work.threads).map(|_| Mutex::new(Timer::unscheduled())).collect();
    Cell { timers: Some(&timers), ..*cell }.on_fresh(build, reclaim, 1)?;
    let timers = timers.into_iter().map(|timer| timer.into_inner().unwrap_or_else(PoisonError::into_inner));
    let worst = timers.map(|timer| timer.times().max()).max();
    Ok(Measured { samples: samples?, worst: worst.map(Duration::from_nanos) })
}

struct Run<'a> {
    matrix: &'a Matrix,
    entries: &'a [Entry],
    console: &'a mut Console,
    document: &'a Shared,
    progress: Progress,
    criterion: Criterion,
    /// What measures the rows that are in Go.
    go: Option<go::Program>,
}

impl Run<'_> {
    fn group(&mut self, works: &[Work], pass: usize) -> Result<()> {
        let Some(first) = works.first() else { return Ok(()) };
        let count = self.matrix.pace.keys(first.max_key);
        let keys = Keys::render(0..count as u32, first.key_len);
        self.go.iter_mut().for_each(go::Program::forget);
        let mut shelf = Shelf::new(first.cache, &keys, self.matrix.rows.len());
        for (turn, work) in works.iter().enumerate() {
            let team =
                Team::new(work.threads).with_context(|| format!("cannot start {} threads", work.threads))?;
            let (mut streams, mut mixed) = (Vec::new(), Vec::new());
            match work.op.mix() {
                Some(mix) => mixed = mix::streams(work, mix, count),
                None if work.op.churns() => {}
                None => streams = stream::streams(work, count),
            }
            for row in rows_of(self.matrix, work, turn + pass) {
                let name = work.cell(row.name);
                self.console.status(&self.progress.line(&name))?;
                let started = Instant::now();
                let (streams, mixed, keys, team) = (&streams[..], &mixed[..], &keys, &team);
                let cell = Cell { name: &name, work, streams, mixed, keys, team, timers: None };
                let measured = self.measure(&cell, row, &mut shelf)?;
                self.progress.done(work, started.elapsed());
                self.record(&cell, row, &measured, pass)?;
            }
        }
        Ok(())
    }

    fn measure(&mut self, cell: &Cell<'_>, row: &Row, shelf: &mut Shelf<'_>) -> Result<Measured> {
        let op = cell.work.op;
        if let Some(map) = row.go {
            let mut go =
                self.go.take().with_context(|| format!("{} is planned, and no Go is there", cell.name))?;
            let samples = self.on_criterion(cell, |turn, rounds| go.sample(map, cell, turn, rounds));
            self.go = Some(go);
            return Ok(Measured { samples: samples?, worst: None });
        }
        let entry = self.entries.iter().find(|entry| entry.name == row.name);
        let entry = entry.with_context(|| format!("row {row} is planned but not built"))?;
        let build =
            entry.builder(cell.work.cache).with_context(|| format!("{} has no such cache", cell.name))?;
        let filled = || {
            let subject = build(&Setup::for_keys(cell.keys.count()));
            subject.fill(cell.keys.all());
            subject
        };
        let samples = match op.mix() {
            _ if op == Op::Grow => return Ok(grown(cell, build, entry.reclaim)?),
            _ if op.consumes() => {
                self.on_criterion(cell, |_, rounds| cell.on_fresh(build, entry.reclaim, rounds))
            }
            // What moves keys around leaves a map that no other cell shall find.
            _ if op.churns() => {
                let (subject, churn) = (filled(), Churn::new(op, cell.keys.count(), cell.work.threads));
                self.on_criterion(cell, |_, rounds| cell.on_churned(&*subject, &churn, rounds))
            }
            Some(mix) => {
                let (subject, mut model) = (filled(), Model::filled(cell.work.cache, cell.keys.count()));
                self.on_criterion(cell, |turn, rounds| {
                    cell.on_mixed(&*subject, mix, &mut model, turn, rounds)
                })
            }
            None => {
                let on_filled = shelf.with(entry, op, |subject| {
                    self.on_criterion(cell, |turn, rounds| cell.on_filled(subject, turn, rounds))
                });
                on_filled.context("the row has a builder")?
            }
        };
        (entry.reclaim)();
        Ok(Measured { samples: samples?, worst: None })
    }

    /// Has criterion take samples. An iteration is a round: a chunk of each stream, or some maps filled or emptied.
    fn on_criterion(
        &mut self,
        cell: &Cell<'_>,
        mut sample: impl FnMut(usize, usize) -> Result<Sample, Fault>,
    ) -> Result<Vec<Sample>, Fault> {
        let mut samples = Vec::new();
        let mut turn = 0;
        let (work, row) = cell.name.rsplit_once('/').unwrap_or(("", cell.name));
        let mut group = self.criterion.benchmark_group(work);
        group.sampling_mode(SamplingMode::Flat);
        let pace =
            self.matrix.pace.squeezed(self.progress.elapsed(), self.progress.left().unwrap_or_default());
        group.warm_up_time(pace.warm_up).measurement_time(pace.measurement);
        group.throughput(Throughput::Elements(cell.round_ops() as u64));
        // criterion has no way to give up a benchmark, so a fault is thrown through it. Nothing of it is used again.
        let measured = panic::catch_unwind(AssertUnwindSafe(|| {
            group.bench_function(row, |bencher| {
                bencher.iter_custom(|rounds| {
                    let sample = sample(turn, rounds as usize);
                    let sample = sample.unwrap_or_else(|fault| panic::resume_unwind(Box::new(fault)));
                    turn += rounds as usize;
                    samples.push(sample);
                    sample.elapsed
                });
            });
        }));
        if let Err(thrown) = measured {
            return Err(*thrown.downcast::<Fault>().unwrap_or_else(|panic| panic::resume_unwind(panic)));
        }
        group.finish();
        // Those before are criterion's warm-up.
        Ok(samples.split_off(samples.len().saturating_sub(SAMPLES)))
    }

    /// Adds to the cell's results, and shows them once they are final.
    fn record(&mut self, cell: &Cell<'_>, row: &Row, measured: &Measured, pass: usize) -> Result<()> {
        let mut run = lock(self.document);
        let work = cell.work.into();
        let known = run.cells.iter().position(|known| known.backend == row.name && known.work() == work);
        let measured = document::cell(cell.work, row, &measured.samples, measured.worst);
        let measured = measured.with_context(|| format!("{}: the clock stood still", cell.name))?;
        let index = known.unwrap_or(run.cells.len());
        match run.cells.get_mut(index) {
            Some(known) => *known = document::both(known, &measured).unwrap_or(measured),
            None => run.cells.push(measured),
        }
        if pass + 1 == self.matrix.pace.passes {
            let line = document::go_line(cell.name, &run.cells[index]);
            drop(run);
            self.console.line(&line)?;
        }
        Ok(())
    }
}
