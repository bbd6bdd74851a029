//! A process for each row, whose heap was touched before the first operation is due.
//!
//! A page that is touched for the first time is a pause of the system's, and when it comes is chance. So the heap of
//! such a process is kept in one piece, which is never given back, nor mapped anew for large blocks (glibc's settings,
//! given by the environment); a block as large as the map will need is taken from it, written to, and freed before the
//! map is built. The table tells how many pages were touched for the first time all the same: none, where it worked.

use std::env;
use std::hint::black_box;
use std::io::{self, Write as _};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use hotcache_bench_plan::{Cache, Latency as Plan, Rate, Row, Work};
use hotcache_report::{Kind, Latency};
use serde::{Deserialize, Serialize};

use super::measure::{Latencies, capacity, measure};
use crate::child;
use crate::console::Console;
use crate::document::{Shared, lock};
use crate::machine;
use crate::peers::Entry;
use crate::progress::Progress;

/// Set for a process that measures one row: what it measures. The rest is in the flags.
const VARIABLE: &str = "HOTCACHE_BENCH_LATENCY";

/// The task of one process.
#[derive(Debug, Serialize, Deserialize)]
struct Task {
    /// The place of the work in the plan.
    work: usize,
    row: String,
    /// Arrivals a second; without them, how many there may be is found out.
    per_second: Option<f64>,
}

/// One heap for all threads, in one piece.
const ONE_HEAP: [(&str, &str); 4] = [
    ("MALLOC_ARENA_MAX", "1"),
    ("MALLOC_MMAP_MAX_", "0"),
    ("MALLOC_TRIM_THRESHOLD_", "1000000000000"),
    ("MALLOC_TOP_PAD_", "16777216"),
];

/// The memory of a key in the largest map while it doubles.
const BYTES_PER_KEY: usize = 500;

/// The other memory of a process.
const BESIDES: usize = 64 << 20;

/// Measures one row and prints what it came to, if this process was started to do that.
///
/// # Errors
///
/// If it was, and the measuring fails.
pub fn as_child(plan: &Plan, entries: &[Entry]) -> Result<bool> {
    let Ok(task) = env::var(VARIABLE) else { return Ok(false) };
    let Task { work, row, per_second } = serde_json::from_str(&task)?;
    let work = plan.works.get(work).context("no such work")?;
    let entry = entries.iter().find(|entry| entry.name == row);
    let entry = entry.with_context(|| format!("row {row} is planned but not built"))?;
    let answer = match per_second {
        None => serde_json::to_string(&capacity(work, entry)?)?,
        Some(per_second) => {
            let bytes = room(work);
            serde_json::to_string(&measure(work, entry, per_second, || touch(bytes))?)?
        }
    };
    writeln!(io::stdout(), "{answer}").context("the process that asked is gone")?;
    Ok(true)
}

/// Writes to this many bytes of the heap, and frees them.
fn touch(bytes: usize) {
    drop(black_box(vec![1_u8; bytes]));
}

fn room(work: &Work) -> usize {
    let objects = if work.cache == Cache::Obj { 128 } else { 0 };
    work.max_key.0 * (BYTES_PER_KEY + work.key_len * 2 + objects) + BESIDES
}

/// Measures every row at the same rate into `document`, and shows each as it is done.
///
/// # Errors
///
/// If a process fails.
pub fn run(plan: &Plan, console: &mut Console, document: &Shared) -> Result<()> {
    let found_out = matches!(plan.rate, Rate::Share(_));
    let cells = plan.works.iter().flat_map(|work| {
        let rows = rows_of(plan, work);
        let trials = if found_out { rows.iter().filter(|row| row.kind != Kind::Floor).count() } else { 0 };
        (0..rows.len() + trials).map(move |_| work)
    });
    let mut progress = Progress::new(cells);
    for (index, work) in plan.works.iter().enumerate() {
        let needed = room(work) as u64;
        if let Some(memory) = machine::memory_bytes() {
            ensure!(
                needed < memory / 2,
                "{work}: {needed} bytes are more than half of this machine's memory"
            );
        }
        let mut child = |row: &Row, per_second: Option<f64>, console: &mut Console| {
            let name = work.cell(row.name);
            let about = if per_second.is_none() { " (trying out)" } else { "" };
            console.status(&format!("{}{about}", progress.line(&name)));
            let started = Instant::now();
            let answer = answer_of(&Task { work: index, row: row.name.to_owned(), per_second }, &name)?;
            progress.done(work, started.elapsed());
            anyhow::Ok(answer)
        };
        let rows = rows_of(plan, work);
        let per_second = match plan.rate {
            Rate::PerSecond(rate) => rate,
            Rate::Share(share) => {
                let mut slowest = f64::INFINITY;
                for row in rows.iter().filter(|row| row.kind != Kind::Floor) {
                    slowest = slowest.min(serde_json::from_slice(&child(row, None, console)?)?);
                }
                ensure!(slowest.is_finite(), "{work}: only floors support this, so --rate is required");
                slowest * share
            }
        };
        for row in rows {
            let found: Latencies = serde_json::from_slice(&child(row, Some(per_second), console)?)?;
            let line = line(&work.cell(row.name), &found);
            // Kept before it is shown: what was seen is not lost to an interruption.
            lock(document).latency.push(measured(work, row, per_second, found));
            console.line(&line)?;
        }
    }
    lock(document).partial = false;
    Ok(())
}

fn rows_of(plan: &Plan, work: &Work) -> Vec<&'static Row> {
    plan.rows.iter().copied().filter(|row| row.does(work.cache, work.op)).collect()
}

fn measured(work: &Work, row: &Row, per_second: f64, found: Latencies) -> Latency {
    let Latencies { count, percentiles, curve, page_faults } = found;
    Latency {
        cache: work.cache.name().to_owned(),
        backend: row.name.to_owned(),
        kind: row.kind,
        op: work.op.to_string(),
        max_key: work.max_key.0 as u64,
        threads: work.threads,
        dist: work.dist.to_string(),
        key_len: work.key_len,
        per_second,
        count,
        percentiles,
        curve,
        page_faults,
    }
}

fn line(name: &str, found: &Latencies) -> String {
    let Latencies { count, percentiles, .. } = found;
    let micros = [percentiles.p50, percentiles.p99, percentiles.p9999, percentiles.max].map(|ns| ns / 1e3);
    let [p50, p99, p9999, max] = micros;
    format!("{name:<46} {count:>11} p50 {p50:.2} µs, p99 {p99:.2} µs, p99.99 {p9999:.1} µs, max {max:.1} µs")
}

/// Returns the output of a separate process with the flags of this one.
fn answer_of(task: &Task, name: &str) -> Result<Vec<u8>> {
    let program = env::current_exe().context("the path of this program")?;
    let mut command = Command::new(program);
    command.args(env::args_os().skip(1)).env(VARIABLE, serde_json::to_string(task)?).envs(ONE_HEAP);
    let output = child::output(&mut command).context("cannot start this program again")?;
    if !output.status.success() {
        bail!("{name}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(output.stdout)
}
