//! The requests: a recorded trace, or a synthetic workload.

use std::collections::HashSet;

use anyhow::{Result, ensure};
use hotcache_bench_plan::{NamedTrace, shown_path};
use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};
use rand_distr::{Distribution as _, Zipf};

use crate::trace;

/// Requests for keys, in order.
pub(super) struct Workload {
    pub(super) name: String,
    pub(super) keys: Vec<u64>,
    /// The capacities that are tried unless others are asked for.
    pub(super) capacities: Vec<usize>,
    /// The different keys.
    pub(super) distinct: usize,
}

/// Keys that are asked for once begin here.
const ONCE: u64 = 1 << 40;

impl Workload {
    /// The requests of a trace, and a description of it.
    pub(super) fn read(trace: &NamedTrace) -> Result<(Self, String)> {
        let NamedTrace { file, name } = trace;
        let trace = trace::read(file)?;
        let keys: Vec<_> = trace.asked().collect();
        ensure!(!keys.is_empty(), "{} deletes keys only: nothing can hit", shown_path(file));
        let distinct = distinct(&keys);
        let mut capacities = match name.split('.').next() {
            // Those of the tables in the literature.
            Some("OLTP") => vec![250, 1_000, 2_000, 5_000, 10_000, 15_000],
            Some("P3") => vec![16_384, 65_536, 131_072, 262_144],
            _ => [100, 30, 10, 3].map(|part| (distinct / part).max(1)).to_vec(),
        };
        // Of few keys, the shares are equal.
        capacities.dedup();
        Ok((Self { name: name.clone(), keys, capacities, distinct }, trace::describe(file, &trace)))
    }

    fn made_up(name: &str, requests: usize, keys: impl Iterator<Item = u64>, capacities: &[usize]) -> Self {
        let keys: Vec<_> = keys.take(requests).collect();
        let distinct = distinct(&keys);
        Self { name: name.to_owned(), keys, capacities: capacities.to_vec(), distinct }
    }
}

fn distinct(keys: &[u64]) -> usize {
    keys.iter().collect::<HashSet<_>>().len()
}

/// Synthetic workloads of `requests` requests each. For each there is a policy that fails on it.
pub(super) fn made_up(requests: usize) -> Vec<Workload> {
    let zipf = |keys: f64, exponent: f64, seed: u64| {
        // It fails for an exponent below 0, or without keys.
        let zipf = Zipf::new(keys, exponent).expect("the parameters are constants that it takes");
        let mut random = SmallRng::seed_from_u64(seed);
        move || zipf.sample(&mut random) as u64
    };
    let mut even = zipf(100_000.0, 0.7, 1);
    let mut skewed = zipf(100_000.0, 1.0, 2);
    let mut scanned = zipf(100_000.0, 0.9, 3);
    let mut items = zipf(200.0, 1.0, 4);
    let mut users = SmallRng::seed_from_u64(5);
    vec![
        Workload::made_up("zipf 0.7", requests, std::iter::from_fn(|| Some(even())), &[1_000, 10_000]),
        Workload::made_up("zipf 1.0", requests, std::iter::from_fn(|| Some(skewed())), &[1_000, 10_000]),
        // Now and then 10,000 keys that are never asked for again.
        Workload::made_up(
            "scans",
            requests,
            (0..).map(|n: u64| if n % 30_000 < 20_000 { scanned() } else { ONCE + n }),
            &[1_000, 10_000],
        ),
        Workload::made_up("loop", requests, (0..).map(|n| n % 12_000), &[3_000, 8_000, 11_000]),
        // A few items, and users who come once; one in three asks again at once.
        Workload::made_up(
            "flash sale",
            requests,
            (0..).flat_map(|user| {
                let again = users.random_range(0..3) == 0;
                [Some(items()), Some(ONCE + user), again.then_some(ONCE + user)].into_iter().flatten()
            }),
            &[100, 1_000],
        ),
        // Each key is asked for twice, the second time 6,000 keys later.
        Workload::made_up(
            "twice",
            requests,
            (0..).flat_map(|n: u64| [Some(n), n.checked_sub(6_000)].into_iter().flatten()),
            &[10_000],
        ),
    ]
}
