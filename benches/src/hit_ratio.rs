//! Which share of requests hit, in every policy of ours and in the caches that are its peers.
//!
//! Each request is a look-up, and an insert if it misses. All entries weigh 1. Caches that decide in the background are made
//! to do so after each insert, as they offer; they are asked by one thread. So the figures are of policies, and the
//! same in every run, but for caches that are random in themselves.

mod caches;
mod workload;

use std::time::Instant;

use anyhow::Result;
use hotcache_bench_plan::{HitRatio as Plan, Kind};
use hotcache_report::{HitRatio, Run};

use self::caches::{Build, CACHES};
use self::workload::Workload;
use crate::console::Console;
use crate::document::{Shared, lock};
use crate::fault::Fault;
use crate::progress::short;

/// Counts the hits of every cache into `document`, which is whole then.
///
/// # Errors
///
/// If a trace is malformed, or a cache hits a key before it was asked for.
pub fn run(plan: &Plan, console: &mut Console, document: &Shared) -> Result<()> {
    add(plan, console, document)?;
    lock(document).partial = false;
    Ok(())
}

/// Counts the hits that the document does not have yet.
///
/// # Errors
///
/// As [`run`].
pub(crate) fn add(plan: &Plan, console: &mut Console, document: &Shared) -> Result<()> {
    let workloads = workloads(plan, console)?;
    let mut cells = Vec::new();
    for workload in &workloads {
        for capacity in capacities(plan, workload) {
            cells.extend(CACHES.iter().map(|cache| Cell { workload, capacity, cache }));
        }
    }
    cells.retain(|cell| !cell.is_in(&lock(document)));
    let requests = |cells: &[Cell<'_>]| cells.iter().map(|cell| cell.workload.keys.len()).sum::<usize>();
    let started = Instant::now();
    for (done, cell) in cells.iter().enumerate() {
        // From the mean of the requests so far; there is none before the first.
        let (before, to_come) = (requests(&cells[..done]), requests(&cells[done..]));
        let left = (before > 0).then(|| started.elapsed().mul_f64(to_come as f64 / before as f64));
        let left = left.map_or(String::new(), |left| format!(", about {} left", short(left)));
        console.status(&format!("[{done}/{}{left}] {}", cells.len(), cell.name()));
        let counted = cell.count()?;
        lock(document).hit_ratio.push(counted);
    }
    console.clear();
    document.keep()?;
    Ok(())
}

fn workloads(plan: &Plan, console: &mut Console) -> Result<Vec<Workload>> {
    if plan.traces.is_empty() {
        return Ok(workload::made_up(plan.requests));
    }
    let mut workloads = Vec::new();
    for trace in &plan.traces {
        console.status(&format!("reading the trace {}", trace.name));
        let (workload, about) = Workload::read(trace)?;
        console.line(&about)?;
        workloads.push(workload);
    }
    Ok(workloads)
}

fn capacities(plan: &Plan, workload: &Workload) -> Vec<usize> {
    match &plan.capacities[..] {
        [] if plan.one_capacity => workload.capacities[..1].to_vec(),
        [] => workload.capacities.clone(),
        asked => asked.iter().map(|capacity| capacity.0).collect(),
    }
}

/// One cache on one workload.
struct Cell<'a> {
    workload: &'a Workload,
    capacity: usize,
    cache: &'a (&'static str, Kind, Build),
}

impl Cell<'_> {
    fn name(&self) -> String {
        format!("{}, {} entries: {}", self.workload.name, self.capacity, self.cache.0)
    }

    fn is_in(&self, run: &Run) -> bool {
        let (name, _, _) = self.cache;
        run.hit_ratio.iter().any(|one| {
            one.workload == self.workload.name
                && one.backend == *name
                && (one.capacity, one.requests) == (self.capacity as u64, self.workload.keys.len() as u64)
        })
    }

    fn count(&self) -> Result<HitRatio, Fault> {
        let (Workload { name, keys, distinct, .. }, (cache, kind, build)) = (self.workload, self.cache);
        let mut request = build(self.capacity);
        let hits = keys.iter().filter(|&&key| request(key)).count();
        let most = keys.len() - distinct;
        if hits > most {
            let what = format!("{hits} requests hit, where each of {distinct} keys must miss once");
            return Err(Fault { cell: self.name(), what });
        }
        Ok(HitRatio {
            workload: name.clone(),
            capacity: self.capacity as u64,
            backend: (*cache).to_owned(),
            kind: *kind,
            requests: keys.len() as u64,
            distinct_keys: *distinct as u64,
            hits: hits as u64,
        })
    }
}
