//! The matrix: every row does every work, on criterion, and is checked.

use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};
use criterion::{Criterion, SamplingMode, Throughput};
use hotcache_bench_plan::{Matrix, Row, Work};

use crate::console::Console;
use crate::document::{self, Shared, lock};
use crate::fault::Fault;
use crate::go;
use crate::keys::Keys;
use crate::peers::Entry;
use crate::progress::Progress;
use crate::sample::{Cell, Sample};
use crate::shelf::Shelf;
use crate::stream::streams;
use crate::team::Team;

/// Samples of a cell in one pass: the least that criterion takes.
const SAMPLES: usize = 10;

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
            let streams = streams(work, count);
            for row in rows_of(self.matrix, work, turn + pass) {
                let name = work.cell(row.name);
                self.console.status(&self.progress.line(&name))?;
                let started = Instant::now();
                let cell = Cell { name: &name, work, streams: &streams, keys: &keys, team: &team };
                let samples = self.measure(&cell, row, &mut shelf)?;
                self.progress.done(work, started.elapsed());
                self.record(&cell, row, &samples, pass)?;
            }
        }
        Ok(())
    }

    fn measure(&mut self, cell: &Cell<'_>, row: &Row, shelf: &mut Shelf<'_>) -> Result<Vec<Sample>> {
        let op = cell.work.op;
        if let Some(map) = row.go {
            let mut go =
                self.go.take().with_context(|| format!("{} is planned, and no Go is there", cell.name))?;
            let samples = self.on_criterion(cell, |turn, rounds| go.sample(map, cell, turn, rounds));
            self.go = Some(go);
            return Ok(samples?);
        }
        let entry = self.entries.iter().find(|entry| entry.name == row.name);
        let entry = entry.with_context(|| format!("row {row} is planned but not built"))?;
        let build =
            entry.builder(cell.work.cache).with_context(|| format!("{} has no such cache", cell.name))?;
        let samples = if op.consumes() {
            self.on_criterion(cell, |_, rounds| cell.on_fresh(build, entry.reclaim, rounds))
        } else {
            let on_filled = shelf.with(entry, op, |subject| {
                self.on_criterion(cell, |turn, rounds| cell.on_filled(subject, turn, rounds))
            });
            on_filled.context("the row has a builder")?
        };
        (entry.reclaim)();
        Ok(samples?)
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
    fn record(&mut self, cell: &Cell<'_>, row: &Row, samples: &[Sample], pass: usize) -> Result<()> {
        let mut run = lock(self.document);
        let work = cell.work.into();
        let known = run.cells.iter().position(|known| known.backend == row.name && known.work() == work);
        let measured = document::cell(cell.work, row, samples);
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
