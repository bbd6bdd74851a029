//! The requests: a recorded trace, or a synthetic workload.

use std::path::Path;

use anyhow::{Context, Result};
use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};
use rand_distr::{Distribution as _, Zipf};

use crate::trace;

/// Requests for keys, in order.
pub(super) struct Workload {
    pub(super) name: String,
    pub(super) keys: Vec<u64>,
    /// The capacities that are tried unless others are asked for.
    pub(super) capacities: Vec<u32>,
    /// Where the figures come from.
    pub(super) cite: Option<&'static str>,
}

/// Requests in each workload that is made up.
const REQUESTS: usize = 1_000_000;

/// Keys that are asked for once begin here.
const ONCE: u64 = 1 << 40;

impl Workload {
    pub(super) fn read(file: &Path) -> Result<Self> {
        let trace = trace::read(file)?;
        let name = file.file_name().context("a trace has a name")?.to_string_lossy();
        let name = name.split('.').next().unwrap_or_default().to_owned();
        let distinct = trace.distinct() as u32;
        let capacities = match &*name {
            // Those of the tables in the literature.
            "OLTP" => vec![250, 1_000, 2_000, 5_000, 10_000, 15_000],
            "P3" => vec![16_384, 65_536, 131_072, 262_144],
            _ => [100, 30, 10, 3].map(|part| (distinct / part).max(1)).to_vec(),
        };
        Ok(Self { name, keys: trace.asked().collect(), capacities, cite: trace.cite })
    }

    fn made_up(name: &str, keys: impl Iterator<Item = u64>, capacities: &[u32]) -> Self {
        let keys = keys.take(REQUESTS).collect();
        Self { name: name.to_owned(), keys, capacities: capacities.to_vec(), cite: None }
    }
}

/// Workloads with a shape that is known: each is one that some policy fails on.
pub(super) fn made_up() -> Vec<Workload> {
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
        Workload::made_up("zipf 0.7", std::iter::from_fn(|| Some(even())), &[1_000, 10_000]),
        Workload::made_up("zipf 1.0", std::iter::from_fn(|| Some(skewed())), &[1_000, 10_000]),
        // Now and then 10,000 keys that are never asked for again.
        Workload::made_up(
            "scans",
            (0..).map(|n: u64| if n % 30_000 < 20_000 { scanned() } else { ONCE + n }),
            &[1_000, 10_000],
        ),
        Workload::made_up("loop", (0..).map(|n| n % 12_000), &[3_000, 8_000, 11_000]),
        // A few items, and users who come once; one in three asks again at once.
        Workload::made_up(
            "flash sale",
            (0..).flat_map(|user| {
                let again = users.random_range(0..3) == 0;
                [Some(items()), Some(ONCE + user), again.then_some(ONCE + user)].into_iter().flatten()
            }),
            &[100, 1_000],
        ),
        // Each key is asked for twice, the second time 6,000 keys later.
        Workload::made_up(
            "twice",
            (0..).flat_map(|n: u64| [Some(n), n.checked_sub(6_000)].into_iter().flatten()),
            &[10_000],
        ),
    ]
}
