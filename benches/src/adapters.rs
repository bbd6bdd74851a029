//! Each backend beside its map used by hand: what hotcache adds to an operation.
//!
//! Both are built with the same seed and measured in turn, in alternating order, and only ratios within one round
//! count: what disturbs one disturbs the other.

use std::fmt::Write;

use anyhow::{Context, Result};
use hotcache_bench_plan::{Adapters, Cache, Dist, KeyCount, KeyType, Op, Row, Work};
use hotcache_report::Spread;

use crate::console::Console;
use crate::fault::Fault;
use crate::keys::Keys;
use crate::load::{self, Load};
use crate::peers::{Entry, Setup};
use crate::sample::Cell;
use crate::stream::streams;
use crate::subject::Subject;
use crate::team::Team;

/// How often the two take turns in a round. The median of a round's turns is what counts in it, so that whatever
/// else the machine does for a moment does not.
const TURNS: usize = 9;

/// Operations in one turn: shorter than a scheduler's time slice, long beside the clock.
const OPS: usize = 1 << 15;

/// Rounds on one pair of maps where building a pair takes longer than a round.
const ROUNDS_ON_LARGE: usize = 4;

/// From this number of keys on, building a pair does.
const LARGE: usize = 100_000;

/// The largest ratio that an adapter may have.
const ALLOWED: f64 = 1.05;

/// Measures every pair, and shows the ratios.
///
/// # Errors
///
/// If a cell fails its verification.
pub fn run(plan: &Adapters, entries: &[Entry], console: &mut Console) -> Result<()> {
    let works: Vec<_> =
        plan.keys.iter().flat_map(|keys| [work(plan, *keys, Op::Get), work(plan, *keys, Op::Add)]).collect();
    let started = Load::now();
    let mut table = format!(
        "time of the backend / time of its map by hand, median of {} rounds (least-most); over {ALLOWED} is marked !\n{:<10}",
        plan.rounds, ""
    );
    for work in &works {
        let _ = write!(table, "{:>24}", format!("{} {}", work.op, work.max_key));
    }
    for row in &plan.rows {
        let by_hand = row.by_hand().with_context(|| format!("{row} has no map to use by hand"))?;
        let pair = [entry(entries, row)?, entry(entries, by_hand)?];
        let _ = write!(table, "\n{row:<10}");
        for work in &works {
            console.status(&format!("{row}: {work}"));
            let ratios = ratios(plan, work, pair)?;
            let Spread { median, min, max } = Spread::of(&ratios).context("there is at least one round")?;
            let mark = if median > ALLOWED { "!" } else { " " };
            let _ = write!(table, "{:>24}", format!("{median:.3} ({min:.2}-{max:.2}){mark}"));
        }
    }
    console.line(&format!("{}{table}", load::warning_since(started)))?;
    Ok(())
}

fn work(plan: &Adapters, keys: usize, op: Op) -> Work {
    Work {
        cache: Cache::Int,
        op,
        max_key: KeyCount(keys),
        threads: 1,
        dist: Dist::Uniform,
        key_type: KeyType::Str,
        key_len: plan.key_len,
    }
}

fn entry<'a>(entries: &'a [Entry], row: &Row) -> Result<&'a Entry> {
    let found = entries.iter().find(|entry| entry.name == row.name);
    found.with_context(|| format!("row {row} is planned but not built"))
}

fn ratios(plan: &Adapters, work: &Work, pair: [&Entry; 2]) -> Result<Vec<f64>> {
    let count = work.max_key.0;
    let keys = Keys::render(0..count as u32, work.key_len);
    let streams = streams(work, count);
    let team = Team::new(1)?;
    let rounds_on_one = if count >= LARGE { ROUNDS_ON_LARGE } else { 1 };
    let mut ratios = Vec::new();
    let mut maps: Option<[Box<dyn Subject>; 2]> = None;
    for round in 0..plan.rounds {
        // Who goes first alternates, also in building: memory laid out earlier is laid out better.
        let order = if round % 2 == 0 { [0, 1] } else { [1, 0] };
        if round % rounds_on_one == 0 {
            drop(maps.take());
            maps = Some(build(pair, (round / rounds_on_one) % 2 == 1, &keys)?);
        }
        let Some(maps) = &maps else { continue };
        let chunks = OPS / streams[0].chunk_len();
        let totals = maps.each_ref().map(|map| map.total());
        let mut ns = [Vec::new(), Vec::new()];
        let mut hits = [0; 2];
        for turn in 0..=TURNS {
            for i in order {
                let (streams, keys, team) = (&streams[..], &keys, &team);
                let cell = Cell { name: "", work, streams, mixed: &[], keys, team, timers: None };
                let (sample, tally) = cell.time(&*maps[i], (round * (TURNS + 1) + turn) * chunks, chunks);
                hits[i] += tally.hits;
                // The first turn warms caches and branch predictors up.
                if turn > 0 {
                    ns[i].push(sample.ns_per_op(1));
                }
            }
        }
        let ops = ((TURNS + 1) * OPS) as u64;
        for i in order {
            let name = work.cell(pair[i].name);
            match work.op {
                Op::Get => Fault::unless_equal(&name, "keys found", hits[i], ops)?,
                _ => {
                    let added = maps[i].total().wrapping_sub(totals[i]);
                    Fault::unless_equal(&name, "the sum of all adds of 1", added, ops as i64)?;
                }
            }
        }
        let [backend, by_hand] = ns.map(|ns| Spread::of(&ns).map_or(f64::NAN, |spread| spread.median));
        ratios.push(backend / by_hand);
    }
    Ok(ratios)
}

fn build(pair: [&Entry; 2], reversed: bool, keys: &Keys) -> Result<[Box<dyn Subject>; 2]> {
    let setup = Setup::for_keys(keys.count());
    let one = |entry: &Entry| {
        let subject =
            entry.build(Cache::Int, &setup).with_context(|| format!("{} has no int cache", entry.name))?;
        subject.fill(keys.all());
        anyhow::Ok(subject)
    };
    if reversed {
        let second = one(pair[1])?;
        return Ok([one(pair[0])?, second]);
    }
    Ok([one(pair[0])?, one(pair[1])?])
}
