use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use cache_core::Backend;
use cache_policy::{Cache, Cause, Handle, ManualClock};
use cache_testkit::{Ledger, scale};

/// What a listener was told: how often, of each value.
type Told = Arc<Mutex<HashMap<u64, Vec<Cause>>>>;

fn telling(told: &Told) -> impl Fn(&Handle<u64, u64>, Cause) + Send + Sync + 'static {
    let told = Arc::clone(told);
    move |value, cause| told.lock().unwrap().entry(**value).or_default().push(cause)
}

pub(crate) fn causes_are_told<B: Backend>() {
    let told = Told::default();
    let clock = ManualClock::new();
    let cache: Cache<u64, u64, B> =
        Cache::builder().max_entries(3).listener(telling(&told)).clock(clock.clone()).statistics().build();
    cache.insert(&1, 10);
    cache.insert(&1, 11);
    cache.remove(&1);
    cache.insert_with_ttl(&2, 20, Duration::from_secs(1));
    clock.advance(Duration::from_secs(1));
    cache.remove(&2);
    cache.insert(&3, 30);
    cache.insert(&4, 40);
    cache.clear();
    (5..9).for_each(|key| _ = cache.insert(&key, key * 10));
    let told = told.lock().unwrap();
    assert_eq!(told[&10], [Cause::Replaced]);
    assert_eq!(told[&11], [Cause::Removed]);
    assert_eq!(told[&20], [Cause::Expired]);
    assert_eq!(told[&30], [Cause::Removed]);
    assert_eq!(told[&40], [Cause::Removed]);
    let evicted: Vec<_> = told.iter().filter(|(value, _)| **value >= 50).collect();
    assert!(matches!(&evicted[..], [(_, causes)] if **causes == [Cause::Evicted]), "{evicted:?}");
    let stats = cache.statistics().unwrap();
    assert_eq!((stats.replaced, stats.removed, stats.expired, stats.evicted), (1, 3, 1, 1));
}

/// All that removes entries at once: replacement, removal, update, eviction, expiry, and clear.
pub(crate) fn one_call_for_each_entry<B: Backend>() {
    const THREADS: u64 = 8;
    let told = Told::default();
    let clock = ManualClock::new();
    let cache: Cache<u64, u64, B> = Cache::builder()
        .max_entries(200)
        .time_to_live(Duration::from_secs(100))
        .listener(telling(&told))
        .clock(clock.clone())
        .build();
    let rounds = scale(5_000) as u64;
    let updated: Mutex<Vec<u64>> = Mutex::default();
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (cache, clock, updated) = (&cache, &clock, &updated);
            scope.spawn(move || {
                let mut random = thread + 1;
                for n in 0..rounds {
                    random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                    let key = (random >> 33) % 400;
                    let value = thread * rounds + n;
                    match (random >> 60) % 8 {
                        0 => _ = cache.remove(&key),
                        1 => {
                            let value = value + (1 << 40);
                            if cache.update(&key, |_| Some(value)).is_ok() {
                                updated.lock().unwrap().push(value);
                            }
                        }
                        2 => _ = cache.remove_if(&key, |value| value % 2 == 0),
                        3 if n % 64 == 0 => clock.advance(Duration::from_secs(30)),
                        4 if n % 512 == 0 => cache.clear(),
                        _ => {
                            cache.insert(&key, value);
                            updated.lock().unwrap().push(value);
                        }
                    }
                }
            });
        }
    });
    let mut present = HashMap::new();
    clock.advance(Duration::ZERO);
    cache.for_each(|_key, value| _ = present.insert(*value, ()));
    // What is past its time is in the map, and was not told of yet.
    clock.advance(Duration::from_secs(1_000));
    cache.maintain(1_000_000);
    assert_eq!(cache.len(), 0);
    let told = told.lock().unwrap();
    let mut stored = updated.into_inner().unwrap();
    stored.sort_unstable();
    for value in &stored {
        let causes = told.get(value).map_or(&[][..], Vec::as_slice);
        assert_eq!(causes.len(), 1, "value {value} left once, and the listener was told {causes:?}");
    }
    assert_eq!(told.len(), stored.len(), "the listener was told of values that were never stored");
    assert!(present.keys().all(|value| told[value] == [Cause::Expired]));
}

pub(crate) fn values_are_dropped_once<B: Backend>() {
    let rounds = scale(2_000);
    let ledger = Ledger::new(8 * rounds);
    {
        let cache: Cache<cache_testkit::Counted, u64, B> = Cache::builder().max_entries(100).build();
        thread::scope(|scope| {
            for thread in 0..4_u64 {
                let (cache, ledger) = (&cache, &ledger);
                scope.spawn(move || {
                    for n in 0..rounds as u64 {
                        let held = cache.insert(&(n * (thread + 1) % 300), ledger.object());
                        cache.remove(&(n % 50));
                        assert!(held.is_alive());
                        assert!(cache.get(&(n % 300)).is_none_or(|value| value.is_alive()));
                    }
                });
            }
        });
    }
    ledger.settle::<B>().unwrap();
}

/// A key is stored again and again, while others evict all the time: the newest value is never evicted in the name of an
/// older one, so it leaves with a cause of its own.
pub(crate) fn an_old_entry_is_never_evicted_for_a_new_one<B: Backend>() {
    let told = Told::default();
    let cache: Cache<u64, u64, B> = Cache::builder().max_entries(8).listener(telling(&told)).build();
    let rounds = scale(5_000) as u64;
    thread::scope(|scope| {
        scope.spawn(|| (0..rounds).for_each(|n| _ = cache.insert(&1, n)));
        scope.spawn(|| (0..rounds).for_each(|n| _ = cache.insert(&(2 + n % 64), n + (1 << 40))));
    });
    cache.clear();
    let told = told.lock().unwrap();
    assert_eq!(told.len() as u64, 2 * rounds);
    assert!(told.values().all(|causes| causes.len() == 1));
    assert_eq!((cache.len(), cache.weight()), (0, 0));
}

pub(crate) fn update_and_replace<B: Backend>() {
    let cache: Cache<u64, u64, B> = Cache::builder().max_entries(10).build();
    cache.insert(&1, 0);
    let rounds = scale(2_000) as u64;
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..rounds {
                    cache.update(&1, |value| Some(value + 1)).unwrap();
                }
            });
        }
    });
    assert_eq!(cache.get(&1).as_deref(), Some(&(4 * rounds)));
    assert_eq!(cache.len(), 1);
    let one = cache.get(&1).unwrap();
    assert!(cache.replace_if_same(&1, &one, 7).is_ok());
    assert_eq!(cache.replace_if_same(&1, &one, 8).unwrap_err(), 8);
    assert!(matches!(
        cache.update(&1, |_| None),
        Err(cache_core::UpdateError::Kept { current }) if *current == 7
    ));
    assert!(matches!(cache.update(&2, |_| None), Err(cache_core::UpdateError::Absent)));
    assert_eq!((cache.len(), cache.weight()), (1, 1));
}

pub(crate) fn clear_and_retain<B: Backend>() {
    let cache: Cache<u64, u64, B> = Cache::builder().max_entries(1_000).build();
    (0..500).for_each(|key| _ = cache.insert(&key, key));
    cache.retain(|_, value| value % 5 == 0);
    assert_eq!(cache.len(), 100);
    assert!(cache.entries().iter().all(|value| **value % 5 == 0));
    cache.clear();
    assert_eq!((cache.len(), cache.weight()), (0, 0));
    // What left makes room, and its nodes do not get in the way.
    (0..3_000).for_each(|key| _ = cache.insert(&key, key));
    assert_eq!(cache.len(), 1_000);
}
