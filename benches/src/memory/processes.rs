use std::env;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use hotcache_bench_plan::{Cache, Garbage, KeyType, Kind, Memory, Row, Workload};
use hotcache_report::{BoundedMemory, Garbage as FoundGarbage, Memory as Measured, Moment};
use serde::de::DeserializeOwned;

use super::measure::{Footprint, Phase, measure};
use super::{measure_bounded, measure_garbage, measure_unbounded};
use crate::bounded;
use crate::child;
use crate::console::Console;
use crate::document::{Shared, lock};
use crate::load::{self, Load};
use crate::peers::Entry;
use crate::progress::short;

/// Set for a process that measures one phase: its name. The row and the cache are in the flags.
const PHASE_VARIABLE: &str = "HOTCACHE_BENCH_PHASE";

/// Set for a process that measures the garbage of one workload: its name.
const WORKLOAD_VARIABLE: &str = "HOTCACHE_BENCH_WORKLOAD";

/// Set for a process that measures a bounded cache, or the unbounded table beside it: the type of the keys.
const BOUNDED_VARIABLE: &str = "HOTCACHE_BENCH_BOUNDED";

/// Before the type of the keys, says that it is the table.
const UNBOUNDED: &str = "unbounded ";

/// The types of the keys of bounded caches.
const BOUNDED_KEYS: [KeyType; 2] = [KeyType::U64, KeyType::Str];

/// Measures one phase, workload or bounded cache and prints it, if this process was started to do that.
///
/// # Errors
///
/// If it was, and the measuring fails.
pub fn as_child(plan: &Memory, entries: &[Entry]) -> Result<bool> {
    let [phase, workload] = [PHASE_VARIABLE, WORKLOAD_VARIABLE].map(|variable| env::var(variable).ok());
    if let Ok(keys) = env::var(BOUNDED_VARIABLE) {
        let found = serde_json::to_string(&bounded_footprint(plan, &keys)?)?;
        writeln!(io::stdout(), "{found}").context("the process that asked is gone")?;
        return Ok(true);
    }
    if phase.is_none() && workload.is_none() {
        return Ok(false);
    }
    let ([row], [cache]) = (&plan.rows[..], &plan.caches[..]) else {
        bail!("one row and one cache at a time")
    };
    let entry = entries.iter().find(|entry| entry.name == row.name);
    let entry = entry.with_context(|| format!("row {row} is planned but not built"))?;
    let found = match (phase, workload) {
        (_, Some(workload)) => {
            serde_json::to_string(&measure_garbage(&plan.garbage, entry, *cache, workload.parse()?)?)
        }
        (phase, None) => {
            let phase = serde_json::from_str(&phase.unwrap_or_default())?;
            serde_json::to_string(&measure(plan, entry, *cache, phase)?)
        }
    };
    writeln!(io::stdout(), "{}", found?).context("the process that asked is gone")?;
    Ok(true)
}

/// Measures every row into `document`, and shows a table of bytes per key for each cache. What garbage was left is shown
/// with the document, at the end of the session.
///
/// # Errors
///
/// If a process fails.
pub fn run(plan: &Memory, console: &mut Console, document: &Shared) -> Result<()> {
    footprints(plan, console, document)?;
    garbage(plan, console, document)?;
    bounded_caches(plan, console, document)?;
    lock(document).partial = false;
    Ok(())
}

/// The footprint that the variable asks for.
fn bounded_footprint(plan: &Memory, keys: &str) -> Result<Footprint> {
    if let Some(key_type) = keys.strip_prefix(UNBOUNDED) {
        return measure_unbounded(plan, key_type.parse()?);
    }
    let [row] = &plan.bounded[..] else { bail!("one cache at a time") };
    let entry = bounded::ENTRIES.iter().find(|entry| entry.name == row.name);
    let entry = entry.with_context(|| format!("row {row} is planned but not built"))?;
    measure_bounded(plan, entry, keys.parse()?)
}

fn bounded_caches(plan: &Memory, console: &mut Console, document: &Shared) -> Result<()> {
    let (mut done, all) = (0, BOUNDED_KEYS.len() * (plan.bounded.len() + 1));
    for key_type in BOUNDED_KEYS {
        if plan.bounded.is_empty() {
            break;
        }
        let mut footprint = |row: &str, keys: &str, console: &mut Console| {
            done += 1;
            console.status(&format!("[{done}/{all}] bounded caches, {row}: {keys} keys"));
            measured_apart::<Footprint>(plan, row, Cache::Obj, BOUNDED_VARIABLE, keys)
        };
        let map = footprint("bucket", &format!("{UNBOUNDED}{key_type}"), console)?;
        let of = |row: &str, kind: Kind, found: Footprint, overhead: Option<f64>| BoundedMemory {
            backend: row.to_owned(),
            kind,
            capacity: plan.keys as u64,
            key_type: key_type.to_string(),
            key_len: key_type.fixed_len().unwrap_or(plan.key_len),
            entry: found.per_key(),
            overhead,
        };
        lock(document).bounded_memory.push(of("bucket-unbounded", Kind::Floor, map, None));
        for row in &plan.bounded {
            let found = footprint(row.name, &key_type.to_string(), console)?;
            let overhead = found.counted_per_key() - map.counted_per_key();
            lock(document).bounded_memory.push(of(row.name, row.kind, found, Some(overhead)));
        }
    }
    Ok(())
}

fn footprints(plan: &Memory, console: &mut Console, document: &Shared) -> Result<()> {
    let (mut done, all) = (0, plan.caches.len() * plan.rows.len() * 2);
    let mut phase = |console: &mut Console, row: &Row, cache: Cache, phase: Phase, about: &str| {
        done += 1;
        console.status(&format!("[{done}/{all}] {cache} {row}: {about}"));
        measured_apart::<[Footprint; 2]>(
            plan,
            row.name,
            cache,
            PHASE_VARIABLE,
            &serde_json::to_string(&phase)?,
        )
    };
    let started = Load::now();
    for &cache in &plan.caches {
        let mut table = heading(plan, cache);
        for row in &plan.rows {
            let [loaded, worst] = phase(console, row, cache, Phase::Grow, "loading and growing")?;
            let [churned, emptied] =
                phase(console, row, cache, Phase::Churn, "loading, churn, deleting all")?;
            let moments = [loaded, worst, churned, emptied];
            lock(document).memory.push(measured(plan, row, cache, moments));
            let _ = write!(table, "\n{row:<18}");
            for moment in moments {
                let resident =
                    moment.resident_per_key().map_or("?".to_owned(), |bytes| format!("{bytes:.1}"));
                let _ = write!(table, "{:>22}", format!("{:.1} / {resident}", moment.counted_per_key()));
            }
        }
        console.line(&format!("\n{}{table}", load::warning_since(started)))?;
    }
    Ok(())
}

fn garbage(plan: &Memory, console: &mut Console, document: &Shared) -> Result<()> {
    let mut cells = Vec::new();
    for &cache in &plan.caches {
        for workload in Workload::ALL.into_iter().filter(|workload| workload.suits(cache)) {
            cells.extend(plan.rows.iter().map(|row| (cache, workload, *row)));
        }
    }
    let started = Instant::now();
    for (done, (cache, workload, row)) in cells.iter().copied().enumerate() {
        // From the mean of the cells so far; there is none before the first.
        let left = started.elapsed().checked_div(done as u32).map(|each| each * (cells.len() - done) as u32);
        let left = left.map_or(String::new(), |left| format!(", about {} left", short(left)));
        console.status(&format!("[{done}/{}{left}] garbage, {cache} {row}: {workload}", cells.len()));
        let moments = measured_apart(plan, row.name, cache, WORKLOAD_VARIABLE, workload.name())?;
        lock(document).garbage.push(found_garbage(&plan.garbage, row, cache, workload, moments));
    }
    Ok(())
}

fn found_garbage(
    sizes: &Garbage,
    row: &Row,
    cache: Cache,
    workload: Workload,
    moments: Vec<Moment>,
) -> FoundGarbage {
    FoundGarbage {
        workload: workload.name().to_owned(),
        about: sizes.about(workload, cache),
        cache: cache.name().to_owned(),
        backend: row.name.to_owned(),
        kind: row.kind,
        repeats: sizes.repeats(workload) as u64,
        object_bytes: sizes.object_bytes(workload, cache) as u64,
        // The process fails otherwise.
        verified: true,
        moments,
    }
}

fn measured(plan: &Memory, row: &Row, cache: Cache, moments: [Footprint; 4]) -> Measured {
    let [loaded, worst, churned, emptied] = moments.map(Footprint::per_key);
    Measured {
        cache: cache.name().to_owned(),
        backend: row.name.to_owned(),
        kind: row.kind,
        keys: plan.keys as u64,
        key_len: plan.key_len,
        after_load: loaded,
        worst: Some(worst),
        after_churn: Some(churned),
        after_delete_all: Some(emptied),
    }
}

fn heading(plan: &Memory, cache: Cache) -> String {
    let Memory { keys, key_len, .. } = plan;
    let objects = if cache == Cache::Obj { ", without the objects" } else { "" };
    let mut text = format!(
        "{cache}: bytes per key, counted / resident, {keys} keys of {key_len} bytes{objects}\n{:<18}",
        ""
    );
    // What is left after deleting all is given per key that was there.
    for column in ["loaded", "worst while doubling", "after churn", "after deleting all"] {
        let _ = write!(text, "{column:>22}");
    }
    text
}

/// Has a process of its own measure what the variable says.
fn measured_apart<T: DeserializeOwned>(
    plan: &Memory,
    row: &str,
    cache: Cache,
    variable: &str,
    value: &str,
) -> Result<T> {
    let program = env::current_exe().context("the path of this program")?;
    let sizes = if plan.garbage == Garbage::QUICK { Some("--quick") } else { None };
    let mut command = Command::new(program);
    command
        .args(["--bench", "--memory", "--backends", row, "--caches", cache.name()])
        .args(["--max-key", &plan.keys.to_string(), "--key-len", &plan.key_len.to_string()])
        .args(sizes)
        .env(variable, value);
    let output = child::output(&mut command).context("cannot start this program again")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{cache} {row}, {value}: {}: {}", output.status, said.trim());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}
