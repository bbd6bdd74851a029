use anyhow::Result;
use hotcache_bench_plan::Garbage;
use hotcache_report::Moment;

use super::KEY_LEN;
use super::subject::{Shared, Tested};
use crate::keys::Keys;

/// Of so many caches, one of each size is checked, and the last ones: to check all would be most of what is done.
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
        let deleted = use_up(&shared, keys);
        tested.expect("keys deleted", deleted, Garbage::CACHE_WRITES as u64)?;
        if cache % CHECKED < SIZES || cache + SIZES >= caches {
            check(tested, &shared, keys)?;
        }
        tested.drop_last(shared)?;
        peak = peak.and(gauge.look());
    }
    let left = gauge.look();
    Ok(vec![peak.named("peak"), left.named("left"), left.each(caches, "left, for each cache")])
}

/// Sets every key, some of them again, and deletes some others; returns how many were deleted.
fn use_up(shared: &Shared, keys: &Keys) -> u64 {
    shared.set(keys.all(), 0);
    shared.set(keys.range(0, Garbage::CACHE_WRITES), AGAIN);
    shared.delete(keys.range(keys.count() - Garbage::CACHE_WRITES, keys.count()))
}

/// The first value of the keys that are set again.
const AGAIN: i64 = 1_000;

fn check(tested: &Tested<'_>, shared: &Shared, keys: &Keys) -> Result<()> {
    let kept = keys.count() - Garbage::CACHE_WRITES;
    tested.expect("keys", shared.count(), kept)?;
    let set_once: i64 = (0..kept as i64).sum();
    tested.expect("the sum of all values", shared.total(), set_once + AGAIN * Garbage::CACHE_WRITES as i64)
}
