use std::sync::Arc;
use std::thread;

use anyhow::{Result, bail};
use hotcache_bench_plan::Garbage;
use hotcache_report::Moment;

use super::KEY_LEN;
use super::subject::Tested;
use crate::keys::Keys;

/// Threads replace a few objects each, and end, a group at a time.
pub(super) fn measure(tested: &Tested<'_>) -> Result<Vec<Moment>> {
    let (count, _) = Garbage::SHORT_KEYS;
    let keys = Arc::new(Keys::render(0..count as u32, KEY_LEN));
    let shared = tested.build(count)?;
    shared.set(keys.all(), 0);
    let gauge = tested.gauge();
    let mut peak = gauge.look();
    let groups = tested.sizes.threads.div_ceil(Garbage::GROUP_THREADS) as i64;
    for group in 1..=groups {
        let threads: Vec<_> = (0..Garbage::GROUP_THREADS)
            .map(|_| {
                let (shared, keys) = (shared.clone(), Arc::clone(&keys));
                thread::spawn(move || {
                    keys.all().for_each(|key| shared.set_to(key, group, Garbage::SHORT_KEYS.1))
                })
            })
            .collect();
        // Joined one by one, which waits for what a thread does after its closure, too.
        for thread in threads {
            if thread.join().is_err() {
                bail!("a short-lived thread panicked");
            }
        }
        peak = peak.and(gauge.look());
    }
    let left = gauge.look();
    tested.expect("keys", shared.count(), count)?;
    tested.expect("the sum of all objects", shared.total(), groups * count as i64)?;
    Ok(vec![peak.named("peak"), left.named("left")])
}
