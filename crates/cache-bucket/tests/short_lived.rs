//! Short-lived threads. The test has a process of its own, so that no other thread's pins count.

use std::sync::Arc;
use std::thread;

use cache_bucket::{BucketIntCache, BucketObjCache};
use cache_core::{IntCache, ObjCache};
use cache_testkit::{Counted, Ledger, scale};

/// The number of threads at a time.
const TOGETHER: usize = 8;
/// The number of writes of each thread.
const WRITES: usize = 40;

/// Thousands of threads each end with garbage in their bags. When the last has ended all of it is dropped, whichever
/// cache it was of, without a call.
#[test]
fn threads_that_end_leave_nothing_behind() {
    let rounds = scale(500);
    let ledger = Ledger::new(rounds * TOGETHER * WRITES);
    for round in 0..rounds {
        let caches: [BucketObjCache<Counted>; 3] = Default::default();
        let sums = BucketIntCache::<u64>::default();
        thread::scope(|scope| {
            let threads: Vec<_> = (0..TOGETHER)
                .map(|thread| {
                    let (caches, sums, ledger) = (&caches, &sums, &ledger);
                    scope.spawn(move || {
                        for write in 0..WRITES {
                            let key = format!("key {}", (thread + write) % 5);
                            caches[write % 3].set(&key, Arc::new(ledger.object()));
                            sums.add(&(write as u64), 1);
                        }
                        caches[0].del("key 0");
                    })
                })
                .collect();
            // A scope does not wait for what threads do after their closures.
            threads.into_iter().for_each(|thread| thread.join().expect("it does not panic"));
        });
        let kept: usize = caches.iter().map(|cache| cache.len()).sum();
        assert_eq!(ledger.made() - ledger.dropped(), kept, "round {round}");
        assert_eq!(sums.len(), WRITES);
    }
    assert_eq!(ledger.made(), ledger.dropped());
}
