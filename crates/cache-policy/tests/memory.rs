//! Keys that clients make up do not fill the memory. A test program of its own, as it counts all bytes of the process.

use cache_core::Backend;
use cache_policy::Cache;
use cache_testkit::scale;
use hotcache_bench_alloc::live_bytes;

fn made_up_keys<B: Backend>(keys: usize) {
    let cache: Cache<u64, str, B> = Cache::builder().max_entries(1_000).build();
    let keys = scale(keys) as u64;
    let mut most = 0;
    let mut settled = 0;
    for key in 0..keys {
        cache.insert(&format!("made up {key}"), key);
        if key % 1_000 == 0 {
            assert!(cache.len() <= 1_000);
            if key < keys / 10 {
                settled = settled.max(live_bytes());
            } else {
                most = most.max(live_bytes());
            }
        }
    }
    // Backends free what was removed a little later; the last tenth is like the first.
    assert!(
        most < settled + settled / 5 + 200_000,
        "{}: {settled} bytes with the first tenth of {keys} keys, and {most} later",
        B::NAME
    );
}

#[test]
fn made_up_keys_keep_memory_flat() {
    made_up_keys::<cache_rwlock::RwLockBackend>(200_000);
    made_up_keys::<cache_dashmap::DashMapBackend>(200_000);
    made_up_keys::<cache_scc::SccBackend>(200_000);
    made_up_keys::<cache_papaya::PapayaBackend>(200_000);
    made_up_keys::<cache_bucket::BucketBackend>(1_000_000);
    made_up_keys::<cache_flurry::FlurryBackend>(200_000);
}
