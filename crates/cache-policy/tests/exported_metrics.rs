//! Statistics through the `metrics` facade. Needs the feature `metrics`.
#![cfg(feature = "metrics")]

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cache_bucket::BucketBackend;
use cache_policy::{Cache, Counters, ManualClock};
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};

/// Keeps what it is told.
#[derive(Default)]
struct Kept {
    values: Mutex<BTreeMap<String, Arc<AtomicU64>>>,
    described: Mutex<BTreeMap<String, Option<Unit>>>,
}

impl Kept {
    fn value(&self, key: &Key) -> Arc<AtomicU64> {
        let mut labels: Vec<_> =
            key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        labels.sort();
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(values.entry(format!("{}{{{}}}", key.name(), labels.join(","))).or_default())
    }

    fn counter(&self, key: &str) -> Option<u64> {
        let values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        values.get(key).map(|value| value.load(Relaxed))
    }

    fn gauge(&self, key: &str) -> Option<f64> {
        self.counter(key).map(f64::from_bits)
    }
}

impl Recorder for Kept {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, _description: SharedString) {
        self.described.lock().unwrap_or_else(PoisonError::into_inner).insert(key.as_str().to_owned(), unit);
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.describe_counter(key, unit, description);
    }

    fn describe_histogram(&self, key: KeyName, _unit: Option<Unit>, _description: SharedString) {
        panic!("there is no histogram: {key:?}");
    }

    fn register_counter(&self, key: &Key, _metadata: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.value(key))
    }

    fn register_gauge(&self, key: &Key, _metadata: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.value(key))
    }

    fn register_histogram(&self, key: &Key, _metadata: &Metadata<'_>) -> Histogram {
        panic!("there is no histogram: {key:?}");
    }
}

#[test]
fn statistics_are_exported() {
    let clock = ManualClock::new();
    let cache: Cache<u32, u64, BucketBackend> = Cache::builder()
        .name("events")
        .max_weight(100)
        .weigher(|_key, value: &u32| *value)
        .clock(clock.clone())
        .statistics()
        .listener(|_entry, _cause| cache_testkit::quiet_panic())
        .build();
    let kept = Kept::default();
    metrics::with_local_recorder(&kept, || {
        cache_policy::metrics::describe();
        cache.export_metrics();
        assert_eq!(kept.counter("hotcache_hits_total{cache=events}"), Some(0));

        cache.insert_with_ttl(&1, 10, Duration::from_secs(1));
        let _ = (cache.get(&1), cache.get(&1), cache.get(&2));
        let _ = cache.get_or_load(&3, || Ok::<u32, &str>(30));
        let _ = cache.get_or_load(&4, || Err::<u32, _>("no"));
        cache.insert(&3, 31);
        cache.remove(&3);
        cache.insert(&5, 200);
        clock.advance(Duration::from_secs(1));
        cache.maintain(100);
        cache.insert(&6, 7);
        cache.export_metrics();
    });
    let counters = [
        ("hits_total{cache=events}", 2),
        ("misses_total{cache=events}", 3),
        ("loads_total{cache=events,result=ok}", 1),
        ("loads_total{cache=events,result=error}", 1),
        ("removals_total{cache=events,cause=expired}", 1),
        ("removals_total{cache=events,cause=evicted}", 1),
        ("removals_total{cache=events,cause=replaced}", 1),
        ("removals_total{cache=events,cause=removed}", 1),
        ("listener_panics_total{cache=events}", 4),
    ];
    for (key, value) in counters {
        assert_eq!(kept.counter(&format!("hotcache_{key}")), Some(value), "{key}");
    }
    assert!(kept.counter("hotcache_load_nanoseconds_total{cache=events}") > Some(0));
    assert_eq!(kept.gauge("hotcache_entries{cache=events}"), Some(1.0));
    assert_eq!(kept.gauge("hotcache_weight{cache=events}"), Some(7.0));

    // Each metric has a description, and each description a metric.
    let values = kept.values.lock().unwrap_or_else(PoisonError::into_inner);
    let mut names: Vec<_> = values.keys().filter_map(|key| key.split('{').next()).collect();
    names.dedup();
    let described = kept.described.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(names.iter().copied().eq(described.keys()), "{names:?} {described:?}");
    assert_eq!(described["hotcache_load_nanoseconds_total"], Some(Unit::Nanoseconds));
}

#[test]
fn what_is_not_counted_is_not_exported() {
    let cache: Cache<u32, u64, BucketBackend> = Cache::new();
    cache.insert(&1, 1);
    let counters: Counters<u64, BucketBackend> = Counters::builder().name("attempts").build();
    counters.add(&1, 1).expect("there is no bound");
    let kept = Kept::default();
    metrics::with_local_recorder(&kept, || {
        cache.export_metrics();
        counters.export_metrics();
    });
    assert_eq!(kept.gauge("hotcache_entries{cache=unnamed}"), Some(1.0));
    assert_eq!(kept.gauge("hotcache_entries{cache=attempts}"), Some(1.0));
    assert_eq!(kept.counter("hotcache_hits_total{cache=unnamed}"), None);
}
