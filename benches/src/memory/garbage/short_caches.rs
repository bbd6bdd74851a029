use anyhow::Result;
use hotcache_bench_plan::Garbage;
use hotcache_report::Moment;

use super::KEY_LEN;
use super::subject::{Shared, Tested};
use crate::keys::Keys;

/// One cache of each size is checked out of this many, and the last of each. Checking all would take most of the time.
const CHECKED: usize = 50;

/// How many sizes there are.
const SIZES: usize = Garbage::CACHE_KEYS.len();

/// One thread makes caches, one after another, fills and changes each, and drops it.
pub(super) fn measure(tested: &Tested<'_>) -> Result<Vec<Moment>> {
    let keys = Garbage::CACHE_KEYS.map(|count| Keys::render(0..count as u32, KEY_LEN));
    let caches = tested.sizes.caches;
    let gauge = tested.gauge();
    let mut peak = gauge.look();
    for cache in 0..caches {
        let keys = &keys[cache % SIZES];
        let shared = tested.build(keys.count())?;
        shared.set(keys.all(), 0);
        shared.set(keys.range(0, Garbage::CACHE_WRITES), AGAIN);
        if cache % CHECKED < SIZES || cache + SIZES >= caches {
            check(tested, &shared, keys)?;
        }
        tested.drop_last(shared)?;
        peak = peak.and(gauge.look());
    }
    let left = gauge.look();
    Ok(vec![peak.named("peak"), left.named("left"), left.each(caches, "left, for each cache")])
}

/// The first value of the keys that are set again.
const AGAIN: i64 = 1_000;

fn check(tested: &Tested<'_>, shared: &Shared, keys: &Keys) -> Result<()> {
    tested.expect("keys", shared.count(), keys.count())?;
    let set_once: i64 = (0..keys.count() as i64).sum();
    tested.expect("the sum of all values", shared.total(), set_once + AGAIN * Garbage::CACHE_WRITES as i64)
}
