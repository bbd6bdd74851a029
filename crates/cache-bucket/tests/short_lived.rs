//! Threads that come and go. In a process of its own, so that nobody else's pins count.

use std::sync::Arc;
use std::thread;

use cache_bucket::{BucketBackend, BucketIntCache, BucketObjCache};
use cache_core::{Backend, IntCache, ObjCache};
use cache_testkit::{Counted, Ledger, scale};

/// Threads at a time.
const TOGETHER: usize = 8;
/// What each thread writes.
const WRITES: usize = 40;

/// Thousands of threads, each ending with things in its hands: all of those are dropped by one call, as nothing is in
/// flight, and by nobody but the process's one reclaimer, whichever of the caches they were of.
#[test]
fn threads_that_end_leave_nothing_behind() {
    let rounds = scale(500);
    let ledger = Ledger::new(rounds * TOGETHER * WRITES);
    for round in 0..rounds {
        let caches: [BucketObjCache<Counted>; 3] = Default::default();
        let sums = BucketIntCache::<u64>::default();
        // What threads do after their closure has ended, `scope` does not wait for.
        thread::scope(|scope| {
            for thread in 0..TOGETHER {
                let (caches, sums, ledger) = (&caches, &sums, &ledger);
                scope.spawn(move || {
                    for write in 0..WRITES {
                        let key = format!("key {}", (thread + write) % 5);
                        caches[write % 3].set(&key, Arc::new(ledger.object()));
                        sums.add(&(write as u64), 1);
                    }
                    caches[0].del("key 0");
                });
            }
        });
        let kept: usize = caches.iter().map(|cache| cache.len()).sum();
        BucketBackend::reclaim();
        assert_eq!(ledger.made() - ledger.dropped(), kept, "round {round}");
        assert_eq!(sums.len(), WRITES);
    }
    BucketBackend::reclaim();
    assert_eq!(ledger.settle_within::<BucketBackend>(ledger.made(), std::time::Duration::ZERO), Ok(()));
}
