//! A sandbox that is entered after the first use of a cache, and refuses `membarrier` from then on.
//!
//! The test has a process of its own, which stays in the sandbox.
#![cfg(all(target_os = "linux", not(portable), not(miri)))]

mod sandbox;

use std::io;
use std::sync::{Arc, Barrier};
use std::thread;

use cache_bucket::{BucketIntCache, BucketObjCache};
use cache_core::{IntCache, ObjCache};
use cache_testkit::{Counted, Ledger, scale};
use hotcache_bench_alloc::live_bytes;
use libc::{EPERM, SYS_membarrier};

/// Garbage is freed and tables grow as before, once the threads that pinned without fences have used a cache again or
/// have ended.
#[test]
fn a_barrier_that_is_refused_later_is_done_without() {
    let writes = scale(20_000);
    let ledger = Ledger::new(2 * writes + 1);
    let cache = BucketObjCache::<Counted>::default();
    let replace = |writes| (0..writes).for_each(|_| cache.set("a", Arc::new(ledger.object())));
    let (used, refused) = (Barrier::new(3), Barrier::new(3));
    replace(1);
    thread::scope(|scope| {
        let ends = scope.spawn(|| {
            replace(1);
            used.wait();
            refused.wait();
        });
        let comes_back = scope.spawn(|| {
            replace(1);
            used.wait();
            refused.wait();
            replace(writes);
        });
        used.wait();
        sandbox::refuse_membarrier();
        // SAFETY: the call takes three integers.
        let answer = unsafe { libc::syscall(SYS_membarrier, 0, 0, 0) };
        assert_eq!((answer, io::Error::last_os_error().raw_os_error()), (-1, Some(EPERM)));
        refused.wait();
        ends.join().expect("it does not panic");
        comes_back.join().expect("it does not panic");
    });
    replace(writes - 2);
    let garbage = ledger.made() - ledger.dropped() - 1;
    assert!(garbage <= 256, "{garbage} objects");
    let before = live_bytes();
    let ints = BucketIntCache::<u64>::default();
    (0..200_000).for_each(|key| ints.set(&key, 1));
    // Some more writes, which finish the last growth and free its old generation.
    (0..20_000).for_each(|key| {
        ints.del(&key);
        ints.set(&key, 2);
    });
    // Twice what a full table takes for each key, which leaves no room for earlier generations.
    let bytes = live_bytes() - before;
    assert!(bytes < 200_000 * 2 * 34, "{bytes} bytes");
    assert_eq!((ints.get(&7), ints.get(&77_777), ints.len()), (Some(2), Some(1), 200_000));
    drop((ints, cache));
    assert_eq!(ledger.made(), ledger.dropped());
}
