//! Keys that clients make up do not fill the memory. A test program of its own, as it counts all bytes of the process.

use std::borrow::Borrow;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use cache_bucket::BucketBackend;
use cache_core::{Backend, Key, ObjCache, ObjCacheExt, Options};
use cache_policy::{Cache, Rate, RateLimiter, Verdict};
use cache_testkit::scale;
use hotcache_bench_alloc::live_bytes;

fn made_up_keys<B: Backend>(keys: usize) {
    let cache: Cache<u64, str, B> = Cache::builder().max_entries(1_000).build();
    // A tenth of them has to fill the cache, and more.
    let keys = scale(keys).max(20_000) as u64;
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

/// Bytes an entry that a full cache takes beyond an unbounded map whose oldest entries are deleted, ghosts and queues included.
///
/// The least of several of each: a bucket table doubles early if one bucket gets far more keys than others, which depends on
/// the seed of its hasher.
fn overhead<K: Key + ?Sized>(name: impl Fn(u64) -> K::Owned) -> f64 {
    const ENTRIES: u64 = 20_000;
    let unbounded = || {
        let map = BucketBackend::obj::<u64, K, _>(Options::new());
        for key in 0..3 * ENTRIES {
            map.insert(name(key).borrow(), key);
            if let Some(oldest) = key.checked_sub(ENTRIES) {
                map.del(name(oldest).borrow());
            }
        }
        map
    };
    let bounded = || {
        let cache = Cache::<u64, K, BucketBackend>::builder().max_entries(ENTRIES as usize).build();
        (0..3 * ENTRIES).for_each(|key| _ = cache.insert(name(key).borrow(), key));
        cache
    };
    (least_bytes(bounded) - least_bytes(unbounded)) as f64 / ENTRIES as f64
}

/// The least number of bytes that one of several things takes.
fn least_bytes<T>(make: impl Fn() -> T) -> i64 {
    let bytes = |_| {
        BucketBackend::reclaim();
        let before = live_bytes() as i64;
        let made = make();
        BucketBackend::reclaim();
        let bytes = live_bytes() as i64 - before;
        drop(made);
        bytes
    };
    (0..4).map(bytes).min().unwrap_or(0)
}

fn an_entry_costs_what_the_docs_say() {
    let integers = overhead::<u64>(|key| key);
    let texts = overhead::<str>(|key| Key::to_owned_key(&*format!("{key:08}")));
    assert!(integers <= 50.0, "{integers:.1} bytes an entry with keys of 8 bytes: at most 50 are promised");
    // The entry's own copy of the key takes 24 bytes instead of 8.
    assert!(texts <= 66.0, "{texts:.1} bytes an entry with keys of text: at most 66 are promised");
    println!("overhead of an entry: {integers:.1} bytes with u64 keys, {texts:.1} with text of 8 bytes");
}

/// Bytes that a client takes in a limiter, all included.
fn a_client_costs_what_the_docs_say() {
    const CLIENTS: u32 = 20_000;
    let limiter = || {
        let limiter = RateLimiter::<IpAddr, BucketBackend>::builder().build_limiter();
        let rate = Rate::new(1, Duration::from_secs(3_600));
        for client in 0..CLIENTS {
            let client = IpAddr::from(Ipv4Addr::from_bits(client));
            assert!(limiter.allow(&client, rate).is_ok_and(Verdict::is_allowed));
        }
        limiter
    };
    let bytes = least_bytes(limiter) as f64 / f64::from(CLIENTS);
    println!("a client of a limiter: {bytes:.1} bytes");
    assert!(bytes <= 180.0, "{bytes:.1} bytes a client: at most 180 are promised");
}

#[test]
fn memory_is_bounded() {
    an_entry_costs_what_the_docs_say();
    a_client_costs_what_the_docs_say();
    made_up_keys::<cache_rwlock::RwLockBackend>(50_000);
    made_up_keys::<cache_dashmap::DashMapBackend>(50_000);
    made_up_keys::<cache_scc::SccBackend>(50_000);
    made_up_keys::<cache_papaya::PapayaBackend>(50_000);
    made_up_keys::<BucketBackend>(1_000_000);
    made_up_keys::<cache_flurry::FlurryBackend>(50_000);
}
