use std::fs;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use hdrhistogram::Histogram;
use hotcache_bench_plan::{Op, Work};
use hotcache_report::Percentiles;
use serde::{Deserialize, Serialize};

use crate::bench::Bench;
use crate::keys::Keys;
use crate::mix::{self, MixStream};
use crate::peers::Entry;
use crate::sample::{Cell, Sample};
use crate::stream::{Stream, streams};
use crate::team::Team;
use crate::timer::{Timer, percentiles};

/// How long arrivals go on; while a map grows, as long as there are keys.
const LASTS: Duration = Duration::from_secs(2);

/// How long a row is tried out for, to learn what it can do or to warm it up.
const TRIAL: Duration = Duration::from_millis(150);

/// The latencies of a row.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Latencies {
    /// The operations that were timed.
    pub count: u64,
    /// The usual percentiles, in nanoseconds.
    pub percentiles: Percentiles,
    /// A quantile from 0 to 1 and its nanoseconds, in rising order.
    pub curve: Vec<[f64; 2]>,
    /// Pages that were touched for the first time meanwhile, where the system tells.
    pub page_faults: Option<u64>,
}

/// Everything that a cell of this work needs, rendered.
struct Rendered {
    name: String,
    keys: Keys,
    streams: Vec<Stream>,
    mixed: Vec<MixStream>,
    team: Team,
}

impl Rendered {
    fn of(work: &Work, entry: &Entry) -> Result<Self> {
        let count = work.max_key.0;
        let team =
            Team::new(work.threads).with_context(|| format!("cannot start {} threads", work.threads))?;
        let (mut plain, mut mixed) = (Vec::new(), Vec::new());
        match work.op.mix() {
            Some(mix) => mixed = mix::streams(work, mix, count),
            None if work.op.churns() => {}
            None => plain = streams(work, count),
        }
        let keys = Keys::of(work.key_type, 0..count as u32, work.key_len);
        Ok(Self { name: work.cell(entry.name), keys, streams: plain, mixed, team })
    }

    fn cell<'a>(&'a self, work: &'a Work) -> Cell<'a> {
        let Rendered { name, keys, streams, mixed, team } = self;
        Cell { name, work, streams, mixed, keys, team, timers: None }
    }
}

/// How many operations a second all threads of a row can do, one right after the other.
///
/// # Errors
///
/// If the row fails its verification, or threads do.
pub fn capacity(work: &Work, entry: &Entry) -> Result<f64> {
    let rendered = Rendered::of(work, entry)?;
    let cell = rendered.cell(work);
    let build = entry.builder(work.cache).with_context(|| format!("{} has no such cache", cell.name))?;
    let sample = if work.op == Op::Grow {
        cell.on_fresh(build, entry.reclaim, 1)?
    } else {
        tried(&mut Bench::filled(&cell, build), &cell)?.0
    };
    Ok(sample.ops as f64 / sample.elapsed.as_secs_f64().max(1e-9))
}

/// Times every operation of a row at this rate of arrivals a second, `touch` being called once all is ready but the map.
///
/// # Errors
///
/// If the row fails its verification, or threads do.
pub fn measure(work: &Work, entry: &Entry, per_second: f64, touch: impl FnOnce()) -> Result<Latencies> {
    let rendered = Rendered::of(work, entry)?;
    let cell = rendered.cell(work);
    let build = entry.builder(work.cache).with_context(|| format!("{} has no such cache", cell.name))?;
    let interval = Duration::from_secs_f64(work.threads as f64 / per_second);
    let timer = |thread: usize| {
        // The threads take turns.
        let offset = Duration::from_secs_f64(thread as f64 / per_second);
        Mutex::new(Timer::scheduled(interval, offset))
    };
    let timers: Vec<_> = (0..work.threads).map(timer).collect();
    let timed = Cell { timers: Some(&timers), ..cell };
    touch();
    let page_faults = if work.op == Op::Grow {
        let before = touched();
        timed.on_fresh(build, entry.reclaim, 1)?;
        before.zip(touched())
    } else {
        let mut bench = Bench::filled(&cell, build);
        let (_, turn) = tried(&mut bench, &cell)?;
        let rounds = (per_second * LASTS.as_secs_f64() / cell.round_ops() as f64).ceil().max(1.0) as usize;
        let before = touched();
        bench.sample(&timed, turn, rounds)?;
        before.zip(touched())
    };
    let mut all: Option<Histogram<u64>> = None;
    for timer in timers {
        let timer = timer.into_inner().unwrap_or_else(PoisonError::into_inner);
        match &mut all {
            Some(all) => all.add(timer.times()).context("all have the same bounds")?,
            None => all = Some(timer.times().clone()),
        }
    }
    let all = all.context("there is at least one thread")?;
    Ok(summed_up(&all, page_faults.map(|(before, after)| after.saturating_sub(before))))
}

/// Does the cell's work for a while, and returns the last sample with the turn at which to go on.
fn tried(bench: &mut Bench, cell: &Cell<'_>) -> Result<(Sample, usize)> {
    let (mut turn, mut rounds) = (0, 1);
    loop {
        let sample = bench.sample(cell, turn, rounds)?;
        turn += rounds;
        if sample.elapsed >= TRIAL {
            return Ok((sample, turn));
        }
        rounds *= 2;
    }
}

fn summed_up(times: &Histogram<u64>, page_faults: Option<u64>) -> Latencies {
    let at = |quantile: f64| times.value_at_quantile(quantile) as f64;
    let percentiles = percentiles(times);
    // Eight points for each halving of the remaining share, up to about the slowest thirty-two operations.
    let halvings = (times.len() as f64 / 32.0).log2().clamp(1.0, 20.0) as u32;
    let quantile = |point: u32| 1.0 - 0.5_f64.powf(f64::from(point) / 8.0);
    let curve = (0..=halvings * 8).map(quantile).map(|quantile| [quantile, at(quantile)]).collect();
    Latencies { count: times.len(), percentiles, curve, page_faults }
}

/// The pages that this process has touched for the first time so far.
fn touched() -> Option<u64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name may have any character in it, but is in parentheses; minflt is field 10.
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_ascii_whitespace().nth(7)?.parse().ok()
}
