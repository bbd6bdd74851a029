use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use cache_core::Backend;
use cache_policy::policy::Eviction;
use cache_policy::{Cache, Handle, ManualClock};
use cache_testkit::scale;

const THREADS: usize = 32;

/// Runs writers, and `check` beside them until all have ended.
fn beside_writers(write: impl Fn(usize) + Sync, check: impl Fn()) {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let writers: Vec<_> = (0..THREADS)
            .map(|thread| {
                let write = &write;
                scope.spawn(move || write(thread))
            })
            .collect();
        let done = &done;
        scope.spawn(move || {
            writers.into_iter().for_each(|writer| writer.join().unwrap());
            done.store(true, Ordering::Release);
        });
        while !done.load(Ordering::Acquire) {
            check();
        }
    });
}

pub(crate) fn entries_under_threads<B: Backend>() {
    let cache: Cache<u64, u64, B> = Cache::builder().max_entries(1_000).build();
    let rounds = scale(3_000) as u64;
    let write = |thread: usize| {
        for n in 0..rounds {
            let key = thread as u64 * rounds + n;
            cache.insert(&key, key);
            // Some keys of all threads, for replacements and hits.
            cache.insert(&(n % 100 + (1 << 40)), n);
            assert!(cache.get(&key).is_none_or(|value| *value == key));
        }
    };
    // Not counted by iteration: that is no snapshot, and sees keys that come after others went.
    let check = || {
        let entries = cache.len();
        assert!(entries <= 1_000 + THREADS, "{entries} entries: 1,000 are allowed, and one for each thread");
    };
    beside_writers(write, check);
    assert_eq!(cache.len(), 1_000);
    assert_eq!(cache.entries().len(), 1_000);
}

pub(crate) fn a_large_cache_stays_nearly_full<B: Backend>() {
    const MOST: usize = 16_384;
    for eviction in Eviction::ALL {
        let cache: Cache<u64, u64, B> = Cache::builder().max_entries(MOST).eviction(eviction).build();
        for n in 0..MOST as u64 * 2 {
            cache.insert(&n, n);
            let entries = cache.len();
            let least = (n as usize + 1).min(MOST - 7);
            assert!((least..=MOST).contains(&entries), "{entries} entries after {} inserts", n + 1);
        }
        assert_eq!(cache.entries().len(), cache.len());
    }
}

/// However small a cache is, it has what was stored last.
pub(crate) fn the_newest_entry_stays<B: Backend>() {
    for eviction in Eviction::ALL {
        for most in (1..=24).chain([99, 100]) {
            let cache: Cache<u64, u64, B> = Cache::builder().max_entries(most).eviction(eviction).build();
            for key in 0..most as u64 * 4 {
                cache.insert(&key, key);
                assert!(cache.contains(&key), "{eviction:?}, {most} entries: {key} left at once");
            }
        }
    }
}

/// A cache that is as large as its keys are many loses none of them to writes of present keys.
pub(crate) fn replacements_evict_nothing<B: Backend>() {
    const MOST: u64 = 8_192;
    let cache: Cache<u64, u64, B> = Cache::builder().max_entries(MOST as usize).statistics().build();
    (0..MOST).for_each(|key| _ = cache.insert(&key, key));
    let rounds = scale(30_000) as u64;
    thread::scope(|scope| {
        for thread in 0..4 {
            let cache = &cache;
            scope.spawn(move || {
                for n in 0..rounds {
                    cache.insert(&((n * 7 + thread * 1_000) % MOST), n);
                }
            });
        }
    });
    assert_eq!(cache.statistics().unwrap().evicted, 0);
    assert_eq!(cache.len() as u64, MOST);
}

/// While a listener runs, others may fill the room that was made: the entries that it is about have all left by then.
pub(crate) fn a_listener_runs_after_the_removals<B: Backend>() {
    const MOST: usize = 8_192;
    type Shared<B> = Arc<Mutex<Option<Arc<Cache<u64, u64, B>>>>>;
    let (shared, most): (Shared<B>, Arc<AtomicUsize>) = Default::default();
    let (fills, notes) = (Arc::clone(&shared), Arc::clone(&most));
    let cache: Cache<u64, u64, B> = Cache::builder()
        .max_entries(MOST)
        .listener(move |_: &Handle<u64, u64>, _| {
            let Some(cache) = fills.lock().unwrap().take() else { return };
            (0..7).for_each(|n| _ = cache.insert(&(1_000_000 + n), n));
            notes.store(cache.entries().len(), Ordering::SeqCst);
        })
        .build();
    let cache = Arc::new(cache);
    (0..MOST as u64).for_each(|key| _ = cache.insert(&key, key));
    *shared.lock().unwrap() = Some(Arc::clone(&cache));
    cache.insert(&2_000_000, 0);
    let most = most.load(Ordering::SeqCst);
    assert!((MOST - 8..=MOST + 1).contains(&most), "{most} entries");
}

pub(crate) fn weights_under_threads<B: Backend>() {
    const MOST: u64 = 10_000;
    let cache: Cache<u32, u64, B> =
        Cache::builder().max_weight(MOST).weigher(|_key, value: &u32| *value).build();
    let rounds = scale(1_000) as u64;
    let write = |thread: usize| {
        for n in 0..rounds {
            cache.insert(&(thread as u64 * rounds + n), (n % 100) as u32);
            cache.insert(&(n % 50 + (1 << 40)), (n % 7) as u32);
        }
    };
    let most = MOST + THREADS as u64 * 100;
    beside_writers(write, || assert!(cache.weight() <= most, "a weight of {}", cache.weight()));
    assert!(cache.weight() <= MOST);
    let sum: u64 = cache.entries().iter().map(|value| u64::from(**value)).sum();
    assert_eq!(sum, cache.weight());
    assert!(sum > MOST - 200, "only {sum} of {MOST} are used");
}

pub(crate) fn too_heavy_is_refused<B: Backend>() {
    let cache: Cache<u32, str, B> =
        Cache::builder().max_weight(10).weigher(|_key, value: &u32| *value).statistics().build();
    cache.insert("a", 4);
    cache.insert("b", 5);
    assert_eq!(*cache.insert("c", 11), 11);
    assert!(!cache.contains("c") && cache.contains("a") && cache.contains("b"));
    // The old value must not stay in its place.
    cache.insert("a", 11);
    assert!(!cache.contains("a"));
    assert_eq!((cache.weight(), cache.len()), (5, 1));
    assert!(cache.update("b", |_| Some(12)).is_ok());
    assert!(!cache.contains("b"));
    assert_eq!(*cache.get_or_load("d", || Ok::<_, ()>(13)).unwrap(), 13);
    assert!(!cache.contains("d"));
    assert_eq!((cache.weight(), cache.len()), (0, 0));
    // One heavy entry makes room for itself.
    (0..10_u8).for_each(|n| _ = cache.insert(&n.to_string(), 1));
    cache.insert("all", 10);
    assert_eq!((cache.weight(), cache.len()), (10, 1));
}

pub(crate) fn nothing_fits_into_nothing<B: Backend>() {
    let cache: Cache<u32, str, B> = Cache::builder().max_entries(0).build();
    cache.insert("a", 4);
    assert!(!cache.contains("a") && cache.is_empty());
    let cache: Cache<u32, str, B> = Cache::builder().max_entries(1).build();
    cache.insert("a", 4);
    cache.insert("b", 4);
    assert_eq!(cache.len(), 1);
}

/// The nodes of thousands of entries that left are in the way of one that has to leave.
pub(crate) fn what_left_is_not_in_the_way<B: Backend>() {
    let cache: Cache<u32, u64, B> =
        Cache::builder().max_weight(4_000).weigher(|_key, value: &u32| *value).build();
    for round in 0..3 {
        let key = |n: u64| round * 10_000 + n;
        (0..3_900).for_each(|n| _ = cache.insert(&key(n), 1));
        (0..3_899).for_each(|n| _ = cache.remove(&key(n)));
        // Too much at once, with one node of a valid entry behind all the others.
        cache.insert(&key(9_000), 2_000);
        cache.insert(&key(9_001), 2_000);
        assert!(cache.weight() <= 4_000, "a weight of {} after {round} rounds", cache.weight());
    }
}

pub(crate) fn what_is_hot_stays<B: Backend>() {
    let cache: Cache<u64, u64, B> = Cache::builder().max_entries(1_000).build();
    for n in 0..100_000_u64 {
        let hot = n % 100;
        if cache.get(&hot).is_none() {
            assert!(n < 2_000, "the hot key {hot} was evicted by request {n}");
            cache.insert(&hot, hot);
        }
        cache.insert(&(n + 1_000), n);
    }
    assert_eq!(cache.len(), 1_000);
}

pub(crate) fn expired_entries_leave_first<B: Backend>() {
    let clock = ManualClock::new();
    let cache: Cache<u64, u64, B> = Cache::builder().max_entries(1_000).clock(clock.clone()).build();
    for key in 0..1_000 {
        let lifetime = if key % 2 == 0 { Duration::MAX } else { Duration::from_secs(1) };
        cache.insert_with_ttl(&key, key, lifetime);
    }
    clock.advance(Duration::from_secs(1));
    (1_000..1_500).for_each(|key| _ = cache.insert(&key, key));
    let kept = (0..1_000).filter(|key| cache.contains(key)).count();
    assert!(kept > 450, "{kept} of 500 valid entries are left, while others were past their time");
}

pub(crate) fn every_policy_keeps_the_bound<B: Backend>() {
    for eviction in Eviction::ALL {
        let cache: Cache<u64, u64, B> = Cache::builder().max_entries(500).eviction(eviction).build();
        for n in 0..5_000_u64 {
            let key = n * n % 1_777;
            cache.get_or_load(&key, || Ok::<_, ()>(key)).unwrap();
            if n % 3 == 0 {
                cache.remove(&(key / 2));
            }
            assert!(cache.len() <= 500, "{}: {}", eviction.name(), cache.len());
        }
        assert!(cache.entries().iter().all(|value| **value == *value.key()));
        assert_eq!(cache.entries().len(), cache.len());
    }
}
