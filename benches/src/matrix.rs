//! The matrix: every row does every work, on criterion, and is checked.

use std::cell::RefCell;
use std::iter;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use hotcache_bench_plan::{Matrix, Op, Row, Work};

use crate::bench::Bench;
use crate::console::Console;
use crate::document::{self, GROWN, Shared, Taken, lock};
use crate::fault::Fault;
use crate::go;
use crate::hit_ratio;
use crate::keys::Keys;
use crate::machine_speed::MachineSpeed;
use crate::map_pool::MapPool;
use crate::mix;
use crate::peers::{Build, Entry};
use crate::progress::Progress;
use crate::quiet::{Measured, Patience, Waits};
use crate::sample::{Cell, Sample};
use crate::sampler::{Sampled, Sampler};
use crate::stream;
use crate::team::Team;
use crate::timer::Timer;

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
    let progress = Progress::new(left(matrix, &lock(document)).into_iter());
    let patience = Patience::new(matrix.pace.patience);
    let speed = MachineSpeed::new(matrix.pace.patience);
    let sampler = Sampler::new(criterion_directory);
    let mut run = Run { matrix, entries, console, document, progress, patience, speed, sampler, go };
    for pass in 0..matrix.pace.passes {
        run.sampler = Sampler::new(criterion_directory);
        for group in matrix.works.chunk_by(same_keys) {
            run.group(group, pass)?;
        }
    }
    run.console.clear();
    if let Some(plan) = &matrix.hit_ratio {
        hit_ratio::add(plan, run.console, document)?;
    }
    lock(document).partial = false;
    Ok(())
}

/// Returns the works that are left to measure, once for each row and pass that the document does not have yet.
fn left<'a>(matrix: &'a Matrix, document: &hotcache_report::Run) -> Vec<&'a Work> {
    let mut left = Vec::new();
    for work in &matrix.works {
        for row in rows_of(matrix, work, 0) {
            let passes = matrix.pace.passes.saturating_sub(document::passes(document, work, row));
            left.extend(iter::repeat_n(work, passes));
        }
    }
    left
}

/// Whether two works can be done on the same filled maps.
fn same_keys(a: &Work, b: &Work) -> bool {
    (a.cache, a.max_key, a.key_type, a.key_len) == (b.cache, b.max_key, b.key_type, b.key_len)
}

/// The rows that do this work, beginning with another each time.
fn rows_of<'a>(
    matrix: &'a Matrix,
    work: &'a Work,
    turn: usize,
) -> impl Iterator<Item = &'static Row> + Clone + 'a {
    let rows: Vec<_> = matrix.rows.iter().copied().filter(|row| row.does_work(work)).collect();
    let count = rows.len();
    (0..count).map(move |i| rows[(i + turn) % count])
}

/// Grows maps from empty to all keys: some in one go, and one with a look at the clock around every insert.
fn grown(cell: &Cell<'_>, build: Build, reclaim: fn()) -> Result<Taken, Fault> {
    let samples: Result<Vec<_>, _> = (0..GROWN).map(|_| cell.on_fresh(build, reclaim, 1)).collect();
    let timers: Vec<_> = (0..cell.work.threads).map(|_| Mutex::new(Timer::unscheduled())).collect();
    Cell { timers: Some(&timers), ..*cell }.on_fresh(build, reclaim, 1)?;
    let timers = timers.into_iter().map(|timer| timer.into_inner().unwrap_or_else(PoisonError::into_inner));
    let worst = timers.map(|timer| timer.times().max()).max();
    Ok(Taken { samples: samples?, worst: worst.map(Duration::from_nanos), lost: 0.0 })
}

struct Run<'a> {
    matrix: &'a Matrix,
    entries: &'a [Entry],
    console: &'a mut Console,
    document: &'a Shared,
    progress: Progress,
    patience: Patience,
    speed: MachineSpeed,
    sampler: Sampler,
    /// The program that measures the rows in Go.
    go: Option<go::Program>,
}

impl Run<'_> {
    fn group(&mut self, works: &[Work], pass: usize) -> Result<()> {
        let rows: Vec<_> =
            works.iter().enumerate().map(|(turn, work)| self.rows_left(work, turn, pass)).collect();
        let Some(first) = works.first().filter(|_| rows.iter().any(|rows| !rows.is_empty())) else {
            return Ok(());
        };
        let count = self.matrix.pace.keys(first.max_key);
        let keys = Keys::of(first.key_type, 0..count as u32, first.key_len);
        self.go.iter_mut().for_each(go::Program::forget);
        let mut pool = MapPool::new(first.cache, &keys, self.matrix.rows.len());
        for (work, rows) in works.iter().zip(rows).filter(|(_, rows)| !rows.is_empty()) {
            let team =
                Team::new(work.threads).with_context(|| format!("cannot start {} threads", work.threads))?;
            let (mut streams, mut mixed) = (Vec::new(), Vec::new());
            match work.op.mix() {
                Some(mix) => mixed = mix::streams(work, mix, count),
                None if work.op.churns() => {}
                None => streams = stream::streams(work, count),
            }
            for row in rows {
                let name = work.cell(row.name);
                self.console.status(&self.progress.line(&name));
                let started = Instant::now();
                let (streams, mixed, keys, team) = (&streams[..], &mixed[..], &keys, &team);
                let cell = Cell { name: &name, work, streams, mixed, keys, team, timers: None };
                let measured = self.measure(&cell, row, &mut pool)?;
                self.progress.done(work, started.elapsed().saturating_sub(measured.wasted));
                self.record(&cell, row, &measured, pass)?;
            }
            self.document.keep()?;
        }
        Ok(())
    }

    /// The rows that have yet to do this work in this pass, beginning with another each time.
    fn rows_left(&self, work: &Work, turn: usize, pass: usize) -> Vec<&'static Row> {
        let document = lock(self.document);
        let left = |row: &&Row| document::passes(&document, work, row) <= pass;
        rows_of(self.matrix, work, turn + pass).filter(left).collect()
    }

    fn measure(&mut self, cell: &Cell<'_>, row: &Row, pool: &mut MapPool<'_>) -> Result<Measured<Taken>> {
        let pace =
            self.matrix.pace.squeezed(self.progress.elapsed(), self.progress.left().unwrap_or_default());
        let so_far = self.progress.line(cell.name);
        let Self { sampler, patience, speed, console, .. } = self;
        let console = RefCell::new(&mut **console);
        let waits: Waits<'_> = &|why| console.borrow_mut().status(&format!("{so_far}: {why}"));
        let (op, mut turn) = (cell.work.op, 0);
        let sampled = Sampled { name: cell.name, round_ops: cell.round_ops(), team: cell.team };
        let mut take = |sample: &mut dyn FnMut(usize, usize) -> Result<Sample, Fault>| {
            patience.measure(waits, || {
                let wasted_before = speed.wasted();
                let taken = sampler.take(&pace, sampled, &mut turn, speed, waits, sample)?;
                Ok::<_, Fault>((taken, speed.wasted() - wasted_before))
            })
        };
        if let Some(map) = row.go {
            let go =
                self.go.as_mut().with_context(|| format!("{} is planned, and no Go is there", cell.name))?;
            return Ok(take(&mut |turn, rounds| go.sample(map, cell, turn, rounds))?);
        }
        let entry = self.entries.iter().find(|entry| entry.name == row.name);
        let entry = entry.with_context(|| format!("row {row} is planned but not built"))?;
        let build =
            entry.builder(cell.work.cache).with_context(|| format!("{} has no such cache", cell.name))?;
        let measured: Result<_, Fault> = match op {
            Op::Grow => patience.measure(waits, || Ok((grown(cell, build, entry.reclaim)?, Duration::ZERO))),
            _ if op.consumes() => take(&mut |_, rounds| cell.on_fresh(build, entry.reclaim, rounds)),
            // What moves keys around leaves a map that no other cell shall find.
            _ if op.churns() || op.mix().is_some() => {
                let mut bench = Bench::filled(cell, build);
                take(&mut |turn, rounds| bench.sample(cell, turn, rounds))
            }
            _ => {
                let on_filled = pool.with(entry, op, |subject| {
                    take(&mut |turn, rounds| cell.on_filled(subject, turn, rounds))
                });
                on_filled.context("the row has a builder")?
            }
        };
        (entry.reclaim)();
        Ok(measured?)
    }

    /// Adds to the cell's results, and shows them once they are final.
    fn record(&mut self, cell: &Cell<'_>, row: &Row, measured: &Measured<Taken>, pass: usize) -> Result<()> {
        let measured = document::cell(cell.work, row, measured);
        let measured = measured.with_context(|| format!("{}: the clock stood still", cell.name))?;
        let mut run = lock(self.document);
        let index = document::add(&mut run, measured, self.matrix);
        if pass + 1 == self.matrix.pace.passes {
            let line = document::go_line(cell.name, &run.cells[index]);
            drop(run);
            self.console.line(&line)?;
        }
        Ok(())
    }
}
