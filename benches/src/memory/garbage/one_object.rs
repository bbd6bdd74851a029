use std::sync::Arc;

use anyhow::Result;
use hotcache_bench_plan::Garbage;
use hotcache_report::Moment;

use super::KEY_LEN;
use super::subject::Tested;
use crate::keys::{KeyRef, Keys};

/// One thread replaces a large object; then another one writes, to small keys; then the cache is dropped. Both threads are
/// alive to the end.
pub(super) fn measure(tested: &Tested<'_>) -> Result<Vec<Moment>> {
    let large = Arc::new(Keys::render([0], KEY_LEN));
    let small = Arc::new(Keys::render(1..=Garbage::FURTHER_WRITES as u32, KEY_LEN));
    let team = tested.team(2)?;
    let without = tested.gauge();

    let shared = tested.build(1 + Garbage::FURTHER_WRITES)?;
    shared.set(large.all(), 0);
    small.all().for_each(|key| shared.set_to(key, 0, 0));
    shared.make_known_to(&team)?;
    let gauge = tested.gauge();

    let (replacing, keys, times) = (shared.clone(), Arc::clone(&large), tested.sizes.replacements);
    let peak = team[0].run(move || {
        // The job itself is allocated, and is no garbage.
        let gauge = gauge.again();
        let mut peak = gauge.look();
        for value in 1..=times {
            replacing.set(keys.all(), value as i64);
            peak = peak.and(gauge.look());
        }
        peak
    })?;
    let idle = gauge.look();

    let (writing, keys) = (shared.clone(), Arc::clone(&small));
    team[1].run(move || keys.all().for_each(|key| writing.set_to(key, 1, 0)))?;
    let written = gauge.look();

    let key = large.all().next().unwrap_or(KeyRef::Str(""));
    let found = shared.get(key).map_or("none".to_owned(), |id| id.to_string());
    tested.expect("the object that was set last", found, times.to_string())?;
    tested.expect("keys", shared.count(), 1 + Garbage::FURTHER_WRITES)?;
    tested.expect("the sum of all objects", shared.total(), (times + Garbage::FURTHER_WRITES) as i64)?;
    tested.drop_last(shared)?;
    let dropped = without.look();
    Ok(vec![
        peak.named("peak"),
        idle.named("idle"),
        written.named("after 64 small writes"),
        dropped.named("after the drop"),
    ])
}
