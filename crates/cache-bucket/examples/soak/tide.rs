//! The tide: other keys, which come and go by the thousand and so make a table move its entries.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use cache_testkit::Random;

/// The number of keys that come at once: enough to grow a table from one bucket to a thousand.
const HEIGHTS: [u64; 4] = [50, 500, 4_000, 20_000];

/// The operations of a tide on a cache.
pub(crate) struct Shore<'a> {
    pub(crate) insert: &'a (dyn Fn(u64) + Sync),
    pub(crate) remove: &'a (dyn Fn(u64) + Sync),
    pub(crate) shrink: &'a (dyn Fn() + Sync),
}

/// Runs the tide on a thread of its own while `body` runs; also returns how often all keys had come.
pub(crate) fn beside<R>(shore: &Shore<'_>, seed: u64, body: impl FnOnce() -> R) -> (R, u64) {
    let stop = AtomicBool::new(false);
    let goes_on = || !stop.load(Ordering::Relaxed);
    thread::scope(|scope| {
        let tide = scope.spawn(|| {
            let mut random = Random::new(seed);
            let mut floods = 0;
            while goes_on() {
                let height = HEIGHTS[random.below(HEIGHTS.len())];
                let mut come = 0;
                while come < height && goes_on() {
                    (shore.insert)(come);
                    come += 1;
                    // Without this, on few cores, other threads would hardly see the tide halfway.
                    if come % 64 == 0 {
                        thread::yield_now();
                    }
                }
                floods += u64::from(come == height);
                (0..come).for_each(|key| (shore.remove)(key));
                // The table also shrinks by itself, but not to the last bucket.
                if random.one_in(2) {
                    (shore.shrink)();
                }
            }
            floods
        });
        let result = body();
        stop.store(true, Ordering::Relaxed);
        (result, tide.join().expect("a cache panicked under the tide"))
    })
}
