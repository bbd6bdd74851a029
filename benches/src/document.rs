//! Conversion of measurements to the document of a run.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hotcache_bench_plan::{Matrix, Op, Row, Work, saved_runs};
use hotcache_report::{Cell, Kind, Machine, Run, Spread, StoreError};

use crate::quiet::Measured;
use crate::sample::Sample;

/// Samples of a cell in one pass: the least that criterion takes.
pub const SAMPLES: usize = 10;

/// Maps that grow in one pass of a cell: criterion would have ten and more, and a large one takes seconds.
pub const GROWN: usize = 5;

/// The samples of a cell in one pass.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) samples: Vec<Sample>,
    /// The longest single operation, where it was looked for.
    pub(crate) worst: Option<Duration>,
    /// The share of their speed that processors lost meanwhile, as far as it is known.
    pub(crate) lost: f64,
}

/// A document that another thread may look at while it grows.
#[derive(Clone, Debug)]
pub struct Shared {
    run: Arc<Mutex<Run>>,
    /// Where it is kept while it grows.
    name: Option<String>,
}

/// A document with nothing in it yet: until the run is whole, it is partial.
#[must_use]
pub fn begin(machine: Machine) -> Shared {
    resume(Run::new(machine), None)
}

/// A document to be added to; kept under a name among the saved runs as it grows, if there is one.
#[must_use]
pub fn resume(run: Run, name: Option<String>) -> Shared {
    Shared { run: Arc::new(Mutex::new(Run { partial: true, ..run })), name }
}

/// Looks at a document that is shared.
pub fn lock(document: &Shared) -> MutexGuard<'_, Run> {
    // A panic leaves only complete cells.
    document.run.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// Keeps what there is, so that a run that is cut off can go on from here; if that was asked for.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn keep(&self) -> Result<(), StoreError> {
        match &self.name {
            Some(name) => saved_runs().save(name, &lock(self)).map(drop),
            None => Ok(()),
        }
    }
}

/// In how many passes a row has done this work.
pub(crate) fn passes(run: &Run, work: &Work, row: &Row) -> usize {
    let in_pass = if work.op == Op::Grow { GROWN } else { SAMPLES };
    find(run, &work.into(), row.name).map_or(0, |index| run.cells[index].samples.len() / in_pass)
}

fn find(run: &Run, work: &hotcache_report::Work, row: &str) -> Option<usize> {
    run.cells.iter().position(|cell| cell.backend == row && cell.work() == *work)
}

/// Adds one pass of a cell, and tells where it is: in the order of the matrix, whatever the order of measuring.
pub(crate) fn add(run: &mut Run, cell: Cell, matrix: &Matrix) -> usize {
    let work = cell.work();
    if let Some(index) = find(run, &work, &cell.backend) {
        let known = &mut run.cells[index];
        *known = both(known, &cell).unwrap_or(cell);
        return index;
    }
    let rank = |row: &str| matrix.rows.iter().position(|known| known.name == row);
    let after = |other: &Cell| rank(&other.backend) > rank(&cell.backend) && other.work() == work;
    let index = run.cells.iter().position(after).unwrap_or(run.cells.len());
    run.cells.insert(index, cell);
    index
}

/// The cell that one pass makes, verified as every sample is; `None` if there are no samples, or the clock stood still in
/// one.
pub(crate) fn cell(work: &Work, row: &Row, measured: &Measured<Taken>) -> Option<Cell> {
    cell_of(work.into(), row.name, row.kind, measured)
}

/// As [`cell`], of any work and row.
pub(crate) fn cell_of(
    work: hotcache_report::Work,
    row: &str,
    kind: Kind,
    measured: &Measured<Taken>,
) -> Option<Cell> {
    let threads = work.threads;
    let Measured { what: Taken { samples, worst, lost }, busy, .. } = measured;
    let ns = samples.iter().map(|sample| sample.ns_per_op(threads)).collect();
    let all = samples.iter().copied().reduce(Sample::and)?;
    let ops = all.ops as f64;
    Some(Cell {
        bytes_per_op: Some(all.allocated.bytes as f64 / ops),
        allocs_per_op: Some(all.allocated.count as f64 / ops),
        hit_rate: all.hits.filter(|_| all.told > 0).map(|hits| hits as f64 / all.told as f64),
        iterations: Some(all.ops),
        verified: Some(true),
        worst_ns: worst.map(|worst| worst.as_nanos() as f64),
        // What the system's counts do not show, the loop beside the samples does.
        busy: busy.iter().map(|busy| busy.max(*lost)).collect(),
        ..Cell::measured(work, row, kind, ns)?
    })
}

/// Two passes of one cell as one; `None` if they are no cells that [`cell`] made.
pub(crate) fn both(a: &Cell, b: &Cell) -> Option<Cell> {
    let samples = [&a.samples[..], &b.samples].concat();
    let iterations = [a.iterations?, b.iterations?];
    let weighted = |of: fn(&Cell) -> Option<f64>| {
        let [in_a, in_b] = iterations.map(|n| n as f64);
        Some((of(a)? * in_a + of(b)? * in_b) / (in_a + in_b))
    };
    Some(Cell {
        bytes_per_op: weighted(|cell| cell.bytes_per_op),
        allocs_per_op: weighted(|cell| cell.allocs_per_op),
        hit_rate: weighted(|cell| cell.hit_rate),
        iterations: Some(iterations.iter().sum()),
        verified: a.verified.zip(b.verified).map(|(a, b)| a && b),
        worst_ns: a.worst_ns.zip(b.worst_ns).map(|(a, b)| a.max(b)),
        busy: [&a.busy[..], &b.busy].concat(),
        ..Cell::measured(a.work(), &a.backend, a.kind, samples)?
    })
}

/// A cell as Go's benchmarks print one, with the spread besides.
#[must_use]
pub fn go_line(name: &str, cell: &Cell) -> String {
    let Spread { median, min, max } = cell.ns_per_op;
    let worst = cell.worst_ns.map_or(String::new(), |ns| format!(", longest {:.1} µs", ns / 1e3));
    format!(
        "{name:<46} {:>11} {median:>8.1} ns/op ({min:.1}-{max:.1}) {:>7.1} B/op {:>6.2} allocs/op{worst}",
        cell.iterations.unwrap_or(0),
        cell.bytes_per_op.unwrap_or(0.0),
        cell.allocs_per_op.unwrap_or(0.0),
    )
}
