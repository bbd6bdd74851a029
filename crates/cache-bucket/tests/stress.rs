//! Many threads on few keys, while the table grows and shrinks.

use std::collections::HashMap;
use std::sync::Arc;
use std::thread;

use cache_bucket::{BucketBackend, BucketIntCache, BucketObjCache};
use cache_core::{IntCache, ObjCache, ObjCacheExt};
use cache_testkit::{Counted, Ledger, Random, scale, together};

#[test]
fn one_thread_agrees_with_a_hash_map() {
    let cache = BucketIntCache::<str>::default();
    let mut model = HashMap::new();
    let mut random = 1_u64;
    for round in 0..200_000_u32 {
        random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        // The keys come in waves, so that the table grows and shrinks.
        let keys = if round / 50_000 % 2 == 0 { 20_000 } else { 200 };
        let number = random >> 33;
        let mut key = (number % keys).to_string();
        key = key.repeat(1 + (number % keys) as usize % 23);
        match random >> 20 & 7 {
            0 | 1 => {
                cache.set(&key, i64::from(round));
                model.insert(key, i64::from(round));
            }
            2 | 3 => {
                let value = model.entry(key.clone()).or_insert(0);
                *value += 3;
                assert_eq!(cache.add(&key, 3), *value);
            }
            4 if round / 50_000 % 2 == 0 => {
                assert_eq!(cache.del(&key), model.remove(&key).is_some());
            }
            5 if round / 50_000 % 2 == 1 => {
                if let Some(key) = model.keys().next().cloned() {
                    assert!(cache.del(&key));
                    model.remove(&key);
                }
            }
            _ => assert_eq!(cache.get(&key), model.get(&key).copied()),
        }
        if round % 20_000 == 0 {
            let mut seen = HashMap::new();
            cache.for_each(&mut |key, value| assert_eq!(seen.insert(key.to_owned(), value), None));
            assert_eq!(seen, model);
            assert_eq!(cache.len(), model.len());
        }
    }
}

/// Every add must be in the sum in the end, whatever the table did meanwhile.
#[test]
fn no_add_is_lost_while_the_table_grows() {
    const THREADS: usize = 4;
    const KEYS: usize = 3_000;
    for _ in 0..10 {
        let cache = BucketIntCache::<str>::default();
        together(THREADS, |thread| {
            for round in 0..KEYS * 4 {
                // Each thread has its own stride, over a range that widens.
                let key = (round * (2 * thread + 1)) % (round + 1) % KEYS;
                cache.add(&format!("key {key}"), 1);
            }
        });
        let mut sum = 0;
        cache.for_each(&mut |_, value| sum += value);
        assert_eq!(sum, (THREADS * KEYS * 4) as i64);
    }
}

/// Keys behind a pointer are freed while other threads compare them, and no thread notices.
#[test]
fn long_keys_come_and_go() {
    let cache = BucketIntCache::<str>::default();
    together(4, |thread| {
        let mut random = Random::new(thread as u64);
        for _ in 0..scale(20_000) {
            let number = random.below(20);
            let key = number.to_string().repeat(100);
            match random.below(3) {
                0 => cache.set(&key, number as i64),
                1 => _ = cache.del(&key),
                _ => assert!(cache.get(&key).is_none_or(|value| value == number as i64)),
            }
        }
    });
    cache.for_each(&mut |key, value| assert_eq!(key, value.to_string().repeat(100)));
}

#[test]
fn objects_are_dropped_once_and_all_of_them() {
    const THREADS: usize = 4;
    const ROUNDS: usize = 20_000;
    let ledger = Ledger::new(THREADS * ROUNDS);
    let cache = BucketObjCache::<Counted>::default();
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (cache, ledger) = (&cache, &ledger);
            scope.spawn(move || {
                let mut random = Random::new(thread as u64);
                for _ in 0..ROUNDS {
                    let key = random.below(1024).to_string().repeat(30);
                    match random.below(4) {
                        0 => drop(cache.del(&key)),
                        1 => drop(cache.get(&key)),
                        2 => drop(cache.get_or_insert(&key, Arc::new(ledger.object()))),
                        _ => cache.insert(&key, ledger.object()),
                    }
                }
            });
        }
    });
    // Other tests of this process pin, too, so it may take some attempts.
    let settle = |kept| ledger.settle_at::<BucketBackend>(ledger.made() - kept);
    assert_eq!(settle(cache.len()), Ok(()));
    cache.retain(&mut |key, _| key.starts_with('1'));
    assert_eq!(settle(cache.len()), Ok(()));
    drop(cache);
    assert_eq!(settle(0), Ok(()));
}
