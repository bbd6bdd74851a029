//! Thousands of short-lived threads, on caches that share one domain.

use std::sync::Arc;
use std::thread;

use cache_bucket::{BucketIntCache, BucketObjCache};
use cache_core::{IntCache, ObjCache};
use cache_testkit::Random;

use crate::progress::Progress;

/// The number of waves of [`TOGETHER`] threads, each started and awaited.
pub(crate) const WAVES: u64 = 500;
const TOGETHER: u64 = 40;
/// The number of operations of each thread: enough to retire objects, too few to free them itself.
const OPERATIONS: u64 = 200;

/// Runs `waves` waves, and checks that no add of an ended thread is lost.
pub(crate) fn run(waves: u64, seed: u64) {
    let mut progress = Progress::new("short-lived threads");
    let sums = BucketIntCache::<str>::default();
    let objects: [BucketObjCache<u64>; 8] = Default::default();
    for wave in 0..waves {
        thread::scope(|scope| {
            for thread in 0..TOGETHER {
                let (sums, objects) = (&sums, &objects);
                let seed = seed ^ (wave * TOGETHER + thread) << 20;
                scope.spawn(move || one(sums, objects, seed));
            }
        });
        let mut sum = 0;
        sums.for_each(&mut |_, value| sum += value);
        assert_eq!(sum as u64, (wave + 1) * TOGETHER * OPERATIONS, "adds were lost with their threads");
        progress.tell((wave + 1) as f64 / waves as f64, &format!("{} threads", (wave + 1) * TOGETHER));
    }
    println!("short-lived threads: {} of them, no add lost", waves * TOGETHER);
}

fn one(sums: &BucketIntCache<str>, objects: &[BucketObjCache<u64>; 8], seed: u64) {
    let mut random = Random::new(seed);
    // This cache lives no longer than its thread.
    let own = BucketIntCache::<u64>::default();
    for step in 0..OPERATIONS {
        let number = random.below(500);
        let key = format!("{number:>width$}", width = number % 100);
        sums.add(&key, 1);
        own.add(&(step / 2), 1);
        let cache = &objects[random.below(objects.len())];
        match random.below(3) {
            0 => _ = cache.del(&key),
            1 => cache.set(&key, Arc::new(number as u64)),
            _ => assert!(cache.get(&key).is_none_or(|object| *object == number as u64)),
        }
    }
    assert_eq!(own.len() as u64, OPERATIONS / 2);
}
