use std::sync::Arc;

use anyhow::Result;
use hotcache_bench_plan::Garbage;
use hotcache_report::Moment;

use super::KEY_LEN;
use super::helper::Helper;
use super::subject::{Shared, Tested};
use crate::keys::Keys;

/// Eight threads replace objects of the same keys, and stop; then a ninth writes. All are alive to the end.
pub(super) fn measure(tested: &Tested<'_>) -> Result<Vec<Moment>> {
    let (threads, (count, _)) = (Garbage::IDLE_THREADS, Garbage::IDLE_KEYS);
    let keys = Arc::new(Keys::render(0..count as u32, KEY_LEN));
    let team = tested.team(threads + 1)?;
    let shared = tested.build(count)?;
    shared.set(keys.all(), 0);
    shared.make_known_to(&team)?;
    let gauge = tested.gauge();

    for (thread, helper) in team[..threads].iter().enumerate() {
        let (shared, keys) = (shared.clone(), Arc::clone(&keys));
        let sets = tested.sizes.sets_of_thread(thread);
        helper.begin(move || replace(&shared, &keys, thread, sets));
    }
    team[..threads].iter().try_for_each(Helper::wait)?;
    let idle = gauge.look();

    let (writing, of_writer) = (shared.clone(), Arc::clone(&keys));
    team[threads].run(move || {
        for key in of_writer.all().cycle().take(Garbage::FURTHER_WRITES) {
            writing.set_to(key, LAST, Garbage::IDLE_KEYS.1);
        }
    })?;
    let written = gauge.look();

    tested.expect("keys", shared.count(), count)?;
    tested.expect("the sum of all objects", shared.total(), LAST * count as i64)?;
    Ok(vec![idle.named("idle"), written.named("after 64 writes")])
}

/// The value to which the ninth thread sets every key.
const LAST: i64 = -1;

/// Sets the keys in turn, `sets` times. Each thread begins with another key.
fn replace(shared: &Shared, keys: &Keys, thread: usize, sets: usize) {
    let start = thread * keys.count() / Garbage::IDLE_THREADS;
    for (key, value) in keys.all().cycle().skip(start).zip(0..sets as i64) {
        shared.set_to(key, value, Garbage::IDLE_KEYS.1);
    }
}
