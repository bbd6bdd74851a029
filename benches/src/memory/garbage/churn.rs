use std::sync::Arc;

use anyhow::Result;
use hotcache_bench_plan::Garbage;
use hotcache_report::Moment;

use super::KEY_LEN;
use super::helper::Helper;
use super::subject::{Shared, Tested};
use crate::keys::Keys;

/// Passes over the keys between two looks at the bytes, each a set and a delete of every key.
const PASSES: usize = 10;

/// Two threads set and delete the same keys; at the end the cache is empty. The table itself counts as garbage here.
pub(super) fn measure(tested: &Tested<'_>) -> Result<Vec<Moment>> {
    let count = Garbage::CHURN_KEYS;
    let keys = Arc::new(Keys::render(0..count as u32, KEY_LEN));
    let team = tested.team(2)?;
    let gauge = tested.gauge();

    let shared = tested.build(count)?;
    let mut peak = gauge.look();
    let rounds = tested.sizes.operations.div_ceil(team.len() * PASSES * count * 2);
    for round in 0..rounds {
        for (thread, helper) in team.iter().enumerate() {
            let (shared, keys) = (shared.clone(), Arc::clone(&keys));
            helper.begin(move || come_and_go(&shared, &keys, thread, round));
        }
        team.iter().try_for_each(Helper::wait)?;
        peak = peak.and(gauge.look());
    }
    shared.delete(keys.all());
    let left = gauge.look();

    tested.expect("keys of the empty cache", shared.count(), 0)?;
    shared.set(keys.all(), 0);
    tested.expect("keys that came back", shared.count(), count)?;
    tested.expect("the sum of their values", shared.total(), (0..count as i64).sum())?;
    tested.expect("keys deleted", shared.delete(keys.all()), count as u64)?;
    Ok(vec![peak.named("peak"), left.named("left, empty")])
}

/// Sets every key and deletes it again, some passes long. The threads begin at opposite ends of the keys.
fn come_and_go(shared: &Shared, keys: &Keys, thread: usize, round: usize) {
    let (count, half) = (keys.count(), keys.count() / 2 * thread);
    for pass in 0..PASSES {
        let first = (round * PASSES + pass) as i64;
        for (start, end) in [(half, count), (0, half)] {
            shared.set(keys.range(start, end), first);
        }
        for (start, end) in [(half, count), (0, half)] {
            shared.delete(keys.range(start, end));
        }
    }
}
