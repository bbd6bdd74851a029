use std::env;
use std::fmt::Write;
use std::process::Command;

use anyhow::{Context, Result, bail};
use hotcache_bench_plan::{Cache, Memory, Row};
use hotcache_report::Memory as Measured;

use super::measure::{Footprint, Phase, measure};
use crate::console::Console;
use crate::document::{Shared, lock};
use crate::peers::Entry;

/// Set for a process that measures one phase: its name. The row and the cache are in the flags.
const PHASE_VARIABLE: &str = "HOTCACHE_BENCH_PHASE";

/// Measures one phase and prints it, if this process was started to do that.
///
/// # Errors
///
/// If it was, and the measuring fails.
pub fn as_child(plan: &Memory, entries: &[Entry]) -> Result<bool> {
    let Ok(phase) = env::var(PHASE_VARIABLE) else { return Ok(false) };
    let phase: Phase = serde_json::from_str(&phase)?;
    let ([row], [cache]) = (&plan.rows[..], &plan.caches[..]) else {
        bail!("one row and one cache at a time")
    };
    let entry = entries.iter().find(|entry| entry.name == row.name);
    let entry = entry.with_context(|| format!("row {row} is planned but not built"))?;
    println!("{}", serde_json::to_string(&measure(plan, entry, *cache, phase)?)?);
    Ok(true)
}

/// Measures every row into `document`, and shows a table for each cache.
///
/// # Errors
///
/// If a process fails.
pub fn run(plan: &Memory, console: &mut Console, document: &Shared) -> Result<()> {
    for &cache in &plan.caches {
        let mut table = heading(plan, cache);
        for row in &plan.rows {
            console.status(&format!("{cache} {row}: loading and growing"))?;
            let [loaded, worst] = child(plan, row.name, cache, Phase::Grow)?;
            console.status(&format!("{cache} {row}: loading, churn, deleting all"))?;
            let [churned, emptied] = child(plan, row.name, cache, Phase::Churn)?;
            let moments = [loaded, worst, churned, emptied];
            lock(document).memory.push(measured(plan, row, cache, moments));
            let _ = write!(table, "\n{row:<18}");
            for moment in moments {
                let resident =
                    moment.resident_per_key().map_or("?".to_owned(), |bytes| format!("{bytes:.1}"));
                let _ = write!(table, "{:>22}", format!("{:.1} / {resident}", moment.counted_per_key()));
            }
        }
        console.line(&table)?;
    }
    lock(document).partial = false;
    Ok(())
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
        "\n{cache}: bytes per key, counted / resident, {keys} keys of {key_len} bytes{objects}\n{:<18}",
        ""
    );
    // What is left after deleting all is given per key that was there.
    for column in ["loaded", "worst while doubling", "after churn", "after deleting all"] {
        let _ = write!(text, "{column:>22}");
    }
    text
}

/// Has a process of its own measure this.
fn child(plan: &Memory, row: &str, cache: Cache, phase: Phase) -> Result<[Footprint; 2]> {
    let program = env::current_exe().context("the path of this program")?;
    let output = Command::new(program)
        .args(["--bench", "--memory", "--backends", row, "--caches", cache.name()])
        .args(["--max-key", &plan.keys.to_string(), "--key-len", &plan.key_len.to_string()])
        .env(PHASE_VARIABLE, serde_json::to_string(&phase)?)
        .output()
        .context("cannot start this program again")?;
    if !output.status.success() {
        bail!("{cache} {row}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}
