//! A reader that stays in a closure. The test has a process of its own, because the reader delays the reclamation of
//! every cache.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use cache_bucket::{BucketBackend, BucketIntCache, BucketObjCache};
use cache_core::{Backend, IntCache, ObjCacheExt};
use hotcache_bench_alloc::live_bytes;

/// While a reader stays in a closure, only memory waits for it, and only until it leaves.
#[test]
fn a_reader_that_stays_delays_nobody() {
    let before = live_bytes();
    let pinned = BucketObjCache::<u8>::default();
    pinned.insert("a", 1);
    let (inside, leave) = (AtomicBool::new(false), AtomicBool::new(false));
    let cache = BucketIntCache::<u64>::default();
    thread::scope(|scope| {
        scope.spawn(|| {
            pinned.with("a", |_| {
                inside.store(true, Ordering::SeqCst);
                while !leave.load(Ordering::SeqCst) {
                    thread::yield_now();
                }
            });
        });
        while !inside.load(Ordering::SeqCst) {
            thread::yield_now();
        }
        // Grows through several sizes, none of which can be moved out.
        for key in 0..30_000 {
            assert_eq!(cache.add(&key, 1), 1);
            assert_eq!(cache.add(&(key / 2), 1), 2 + i64::from(key / 2 * 2 + 1 == key));
        }
        for key in (0..30_000).step_by(3) {
            assert!(cache.del(&key));
            assert!(!cache.del(&key));
        }
        let mut count = 0;
        cache.for_each(&mut |key, _| {
            assert_ne!(key % 3, 0);
            count += 1;
        });
        assert_eq!(count, cache.len());
        leave.store(true, Ordering::SeqCst);
    });
    for key in 30_000..33_000 {
        cache.set(&key, 0);
    }
    for key in 0..30_000 {
        let expected = if key % 3 == 0 { None } else { Some(1 + 2 * i64::from(key < 15_000)) };
        assert_eq!(cache.get(&key), expected, "{key}");
    }
    drop((cache, pinned));
    BucketBackend::reclaim();
    // Two records of the domain, and what the test harness keeps.
    let left = live_bytes() - before;
    assert!(left < 16 << 10, "{left} bytes are left");
}
