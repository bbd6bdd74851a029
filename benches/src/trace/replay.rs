use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use hotcache_bench_plan::{Cache, Row, Trace as Plan, shown_path};
use hotcache_report::{Replay, Spread};

use super::model::Model;
use super::reader::{self, Trace};
use super::requests::{Part, Replayed};
use crate::console::Console;
use crate::document::{Shared, lock};
use crate::fault::Fault;
use crate::load::{self, Load};
use crate::peers::{Entry, Setup};
use crate::subject::{Checks, Subject, objects};
use crate::team::Team;

/// How often each row replays the trace, in turn with the others.
const ROUNDS: usize = 5;

/// Reads a trace and replays it through every row, into `document`.
///
/// # Errors
///
/// If the trace is malformed, or a replay does not come to what it must.
pub fn run(plan: &Plan, entries: &[Entry], console: &mut Console, document: &Shared) -> Result<()> {
    console.status("reading the trace");
    let trace = reader::read(&plan.file)?;
    console.line(&describe(&plan.file, &trace))?;
    let started = Load::now();
    for &cache in &plan.caches {
        let model = Model::of(&trace, cache);
        let unsuited = trace.len() - trace.requests(cache).count();
        if unsuited > 0 {
            console.line(&format!("{unsuited} requests add to an integer; they are left out for {cache}"))?;
        }
        let mut columns = Vec::new();
        for &threads in &plan.threads {
            let column = column(plan, entries, cache, threads, &trace, &model, console)?;
            lock(document).trace.extend(column.iter().cloned());
            columns.push(column);
        }
        console.line(&format!("\n{}{}", load::warning_since(started), table(plan, cache, &columns)))?;
    }
    lock(document).partial = false;
    Ok(())
}

/// The requests of a trace, in words, and where it comes from.
pub(crate) fn describe(file: &Path, trace: &Trace) -> String {
    let all = trace.len() as u64 + trace.left_out.values().sum::<u64>();
    let mut text = format!("{}: {all} requests, {} distinct keys", shown_path(file), trace.distinct());
    for (name, count) in &trace.left_out {
        let _ = write!(text, "\n{count} requests of `{name}` have no like here; they are left out");
    }
    if let Some(cite) = trace.cite {
        let _ = write!(text, "\n{cite}");
    }
    text
}

/// The results of all rows for one number of threads.
type Column = Vec<Replay>;

fn column(
    plan: &Plan,
    entries: &[Entry],
    cache: Cache,
    threads: usize,
    trace: &Trace,
    model: &Model,
    console: &mut Console,
) -> Result<Column> {
    let parts = trace.parts(cache, threads);
    let team = Team::new(threads).with_context(|| format!("cannot start {threads} threads"))?;
    let requests: usize = parts.iter().map(Part::len).sum();
    let mut ns = vec![Vec::new(); plan.rows.len()];
    let mut found = vec![Replayed::default(); plan.rows.len()];
    for round in 0..ROUNDS {
        for i in 0..plan.rows.len() {
            let row = (i + round) % plan.rows.len();
            let name = plan.rows[row].name;
            let cell = format!("{cache}/trace/t{threads}/{name}");
            console.status(&format!("[round {} of {ROUNDS}] {cell}", round + 1));
            let entry = entries.iter().find(|entry| entry.name == name);
            let entry = entry.with_context(|| format!("row {name} is planned but not built"))?;
            let subject = entry.build(cache, &Setup::for_keys(trace.distinct()));
            let subject = subject.with_context(|| format!("{name} has no {cache} cache"))?;
            let (elapsed, replayed) = replay(&*subject, &parts, &team);
            verify(&cell, &*subject, replayed, threads, model)?;
            found[row] += replayed;
            ns[row].push(elapsed.as_nanos() as f64 * threads as f64 / requests.max(1) as f64);
            drop(subject);
            (entry.reclaim)();
        }
    }
    let share = |found: &Replayed| (found.reads > 0).then(|| found.hits as f64 / found.reads as f64);
    let rows = plan.rows.iter().zip(&ns).zip(&found).map(|((row, ns), found)| {
        Ok(Replay {
            trace: plan.name.clone(),
            cache: cache.name().to_owned(),
            backend: row.name.to_owned(),
            kind: row.kind,
            threads,
            requests: requests as u64,
            distinct_keys: trace.distinct() as u64,
            hit_rate: share(found),
            ns_per_op: Spread::of(ns).context("there is at least one round")?,
        })
    });
    rows.collect()
}

fn replay(subject: &dyn Subject, parts: &[Part], team: &Team) -> (Duration, Replayed) {
    let (elapsed, found) = team.run(
        |thread| (&parts[thread], objects(0, parts[thread].stores())),
        |(part, objects)| subject.replay(part.requests(), objects),
    );
    let mut all = Replayed::default();
    found.into_iter().for_each(|part| all += part);
    (elapsed, all)
}

/// One thread must find exactly what the model finds; more may race, within what a race can change.
fn verify(
    cell: &str,
    subject: &dyn Subject,
    found: Replayed,
    threads: usize,
    model: &Model,
) -> Result<(), Fault> {
    if subject.checks() != Checks::All {
        return Ok(());
    }
    Fault::unless_equal(cell, "requests that read", found.reads, model.one_thread.reads)?;
    if threads == 1 {
        Fault::unless_equal(cell, "reads that found their key", found.hits, model.one_thread.hits)?;
    }
    if threads == 1 || model.only_grows {
        Fault::unless_equal(cell, "keys left", subject.count(), model.keys_left)?;
    }
    Ok(())
}

fn table(plan: &Plan, cache: Cache, columns: &[Column]) -> String {
    let mut text = format!(
        "{cache}: ns for a request of one thread, median of {ROUNDS} (least-most), share of reads that hit\n"
    );
    let width = plan.rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
    let _ = write!(text, "{:width$}", "");
    for column in columns {
        let threads = column.first().map_or(0, |replay| replay.threads);
        let s = if threads == 1 { "" } else { "s" };
        let _ = write!(text, "{:>38}", format!("{threads} thread{s}"));
    }
    for (i, row) in plan.rows.iter().enumerate() {
        let Row { name, .. } = row;
        let _ = write!(text, "\n{name:width$}");
        for column in columns {
            let shown = column.get(i).map(|replay| {
                let Spread { median, min, max } = replay.ns_per_op;
                let share = replay.hit_rate.map_or(String::new(), |share| format!("{:.2} %", share * 100.0));
                format!("{median:.1} ({min:.1}-{max:.1}) {share:>8}")
            });
            let _ = write!(text, "{:>38}", shown.unwrap_or_default());
        }
    }
    text
}
