//! What is measured, as a run's document has it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hotcache_bench_plan::{Row, Work};
use hotcache_report::{Cell, Machine, Run, Spread};

use crate::sample::Sample;

/// A document that another thread may look at while it grows.
pub type Shared = Arc<Mutex<Run>>;

/// A document with nothing in it yet: until the run is whole, it is partial.
#[must_use]
pub fn begin(machine: Machine) -> Shared {
    Arc::new(Mutex::new(Run { partial: true, ..Run::new(machine) }))
}

/// Looks at a document that is shared.
pub fn lock(document: &Shared) -> MutexGuard<'_, Run> {
    // Whoever panicked left whole cells behind.
    document.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The cell that these samples of one pass make, verified as every sample is, with the longest single operation if it
/// was looked for; `None` if there are no samples, or the clock stood still in one.
#[must_use]
pub fn cell(work: &Work, row: &Row, samples: &[Sample], worst: Option<Duration>) -> Option<Cell> {
    let ns = samples.iter().map(|sample| sample.ns_per_op(work.threads)).collect();
    let all = samples.iter().copied().reduce(Sample::and)?;
    let ops = all.ops as f64;
    Some(Cell {
        bytes_per_op: Some(all.allocated.bytes as f64 / ops),
        allocs_per_op: Some(all.allocated.count as f64 / ops),
        hit_rate: all.hits.filter(|_| all.told > 0).map(|hits| hits as f64 / all.told as f64),
        iterations: Some(all.ops),
        verified: Some(true),
        worst_ns: worst.map(|worst| worst.as_nanos() as f64),
        ..Cell::measured(work.into(), row.name, row.kind, ns)?
    })
}

/// Two passes of one cell as one; `None` if they are no cells that [`cell`] made.
#[must_use]
pub fn both(a: &Cell, b: &Cell) -> Option<Cell> {
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
