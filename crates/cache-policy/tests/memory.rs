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

/// Bytes an entry that a full cache takes beyond the unbounded map, ghosts and queues included, after churn.
fn overhead<K: cache_core::Key + ?Sized>(name: impl Fn(u64) -> K::Owned) -> f64 {
    use cache_bucket::BucketBackend;
    use cache_core::{ObjCacheExt, Options};
    use std::borrow::Borrow;

    const ENTRIES: u64 = 50_000;
    let before = live_bytes();
    let unbounded = BucketBackend::obj::<u64, K, _>(Options::new());
    (0..ENTRIES).for_each(|key| unbounded.insert(name(key).borrow(), key));
    BucketBackend::reclaim();
    let map = live_bytes() - before;
    drop(unbounded);
    BucketBackend::reclaim();

    let before = live_bytes();
    let cache = Cache::<u64, K, BucketBackend>::builder().max_entries(ENTRIES as usize).build();
    (0..3 * ENTRIES).for_each(|key| _ = cache.insert(name(key).borrow(), key));
    BucketBackend::reclaim();
    let whole = live_bytes() - before;
    (whole - map) as f64 / ENTRIES as f64
}

fn an_entry_costs_what_the_docs_say() {
    let integers = overhead::<u64>(|key| key);
    let texts = overhead::<str>(|key| cache_core::Key::to_owned_key(&*format!("{key:08}")));
    assert!(integers <= 64.0, "{integers:.1} bytes an entry with keys of 8 bytes: at most 64 are promised");
    assert!(texts <= 64.0, "{texts:.1} bytes an entry with keys of text: at most 64 are promised");
    println!("overhead of an entry: {integers:.1} bytes with u64 keys, {texts:.1} with text of 8 bytes");
}

#[test]
fn memory_is_bounded() {
    an_entry_costs_what_the_docs_say();
    made_up_keys::<cache_rwlock::RwLockBackend>(200_000);
    made_up_keys::<cache_dashmap::DashMapBackend>(200_000);
    made_up_keys::<cache_scc::SccBackend>(200_000);
    made_up_keys::<cache_papaya::PapayaBackend>(200_000);
    made_up_keys::<cache_bucket::BucketBackend>(1_000_000);
    made_up_keys::<cache_flurry::FlurryBackend>(200_000);
}
