use anyhow::Result;
use hotcache_bench_plan::Garbage;
use hotcache_report::Moment;

use super::KEY_LEN;
use super::subject::{Shared, Tested};
use crate::keys::Keys;

/// Of so many caches, one is checked: looking at all of them would be most of what is done.
const CHECKED: usize = 50;

/// One thread makes caches, one after another, fills and changes each, and drops it.
pub(super) fn measure(tested: &Tested<'_>) -> Result<Vec<Moment>> {
    let keys = Keys::render(0..Garbage::CACHE_KEYS as u32, KEY_LEN);
    let caches = tested.sizes.caches;
    let gauge = tested.gauge();
    let mut peak = gauge.look();
    for cache in 0..caches {
        let shared = tested.build(Garbage::CACHE_KEYS)?;
        let deleted = use_up(&shared, &keys);
        tested.expect("keys deleted", deleted, Garbage::CACHE_WRITES as u64)?;
        if cache % CHECKED == 0 || cache + 1 == caches {
            check(tested, &shared)?;
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
    shared.delete(keys.range(Garbage::CACHE_KEYS - Garbage::CACHE_WRITES, Garbage::CACHE_KEYS))
}

/// The first value of the keys that are set again.
const AGAIN: i64 = 1_000;

fn check(tested: &Tested<'_>, shared: &Shared) -> Result<()> {
    let kept = Garbage::CACHE_KEYS - Garbage::CACHE_WRITES;
    tested.expect("keys", shared.count(), kept)?;
    let set_once: i64 = (0..kept as i64).sum();
    tested.expect("the sum of all values", shared.total(), set_once + AGAIN * Garbage::CACHE_WRITES as i64)
}
