use std::sync::Arc;

use anyhow::Result;
use hotcache_bench_plan::Garbage;
use hotcache_report::Moment;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use super::KEY_LEN;
use super::helper::Helper;
use super::subject::{Shared, Tested};
use crate::keys::{KeyForm, KeyIter, Keys};

/// Operations of a thread between two looks at the bytes.
const ROUND: usize = 10_000;

/// Two threads set and delete the same keys. The cache is empty at every look, so the table counts as garbage, too.
pub(super) fn measure(tested: &Tested<'_>) -> Result<Vec<Moment>> {
    let count = Garbage::CHURN_KEYS;
    let keys = Keys::render(0..count as u32, KEY_LEN);
    let at_random: Arc<[String]> = str::of(keys.all()).map(str::to_owned).collect();
    let team = tested.team(2)?;
    let gauge = tested.gauge();

    let shared = tested.build(count)?;
    let mut peak = gauge.look();
    let rounds = tested.sizes.operations.div_ceil(team.len() * ROUND);
    for round in 0..rounds {
        for (thread, helper) in team.iter().enumerate() {
            let (shared, keys, seed) = (shared.clone(), Arc::clone(&at_random), round * team.len() + thread);
            helper.begin(move || come_and_go(&shared, &keys, seed as u64, ROUND));
        }
        team.iter().try_for_each(Helper::wait)?;
        // The cache must hold nothing when the bytes are looked at.
        let (shared, keys) = (shared.clone(), keys.clone());
        team[0].run(move || shared.delete(keys.all()))?;
        peak = peak.and(gauge.look());
    }
    let left = gauge.look();

    tested.expect("keys of the empty cache", shared.count(), 0)?;
    shared.set(keys.all(), 0);
    tested.expect("keys that came back", shared.count(), count)?;
    tested.expect("the sum of their values", shared.total(), (0..count as i64).sum())?;
    tested.expect("keys deleted", shared.delete(keys.all()), count as u64)?;
    Ok(vec![peak.named("peak"), left.named("left, empty")])
}

/// Sets or deletes a random key, this many times.
fn come_and_go(shared: &Shared, keys: &[String], seed: u64, operations: usize) {
    let mut random = SmallRng::seed_from_u64(seed);
    for value in 0..operations as i64 {
        let key = &keys[random.random_range(0..keys.len())];
        if random.random() {
            shared.set(KeyIter::one(key), value);
        } else {
            shared.delete(KeyIter::one(key));
        }
    }
}
