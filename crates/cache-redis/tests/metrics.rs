//! Metrics of mirrors.
#![cfg(feature = "metrics")]
#![expect(clippy::unwrap_used, reason = "a test that unwraps says what it expects by failing")]

#[path = "servers/common/mod.rs"]
mod common;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use cache_bucket::BucketIntCache;
use cache_redis::writer::WriteBehind;
use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};
use redis_testkit::Redis;

use self::common::{builder, ready, within};

/// The last value of each metric, by name and label.
#[derive(Clone, Default)]
struct Values(Arc<Mutex<HashMap<String, f64>>>);

struct One(Values, String);

impl One {
    fn set(&self, value: f64) {
        self.0.0.lock().unwrap().insert(self.1.clone(), value);
    }
}

impl CounterFn for One {
    fn increment(&self, _: u64) {}
    fn absolute(&self, value: u64) {
        self.set(value as f64);
    }
}

impl GaugeFn for One {
    fn increment(&self, _: f64) {}
    fn decrement(&self, _: f64) {}
    fn set(&self, value: f64) {
        One::set(self, value);
    }
}

impl Values {
    fn one(&self, key: &Key) -> Arc<One> {
        let labels: Vec<_> = key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        Arc::new(One(self.clone(), format!("{}{{{}}}", key.name(), labels.join(","))))
    }
}

impl Recorder for Values {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.one(key))
    }
    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.one(key))
    }
    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

#[tokio::test]
async fn a_mirror_is_exported_under_its_name() {
    let redis = Redis::start();
    redis.command(&["SET", "stock:1", "1"]);
    redis.command(&["SET", "stock:2", "many"]);
    let mirror = ready(builder(&redis.url()).name("stock")).await;
    let values = Values::default();
    metrics::with_local_recorder(&values, || {
        cache_redis::metrics::describe();
        mirror.export_metrics();
    });
    let values = values.0.lock().unwrap();
    let value = |name: &str| values[&format!("hotcache_mirror_{name}{{mirror=stock}}")];
    assert!(value("staleness_seconds") >= 0.0);
    assert_eq!(value("ready"), 1.0);
    assert_eq!(value("waiting"), 0.0);
    assert_eq!(value("applied_total"), 1.0);
    assert_eq!(value("sessions_total"), 1.0);
    assert_eq!(value("undecodable_total"), 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn write_behind_is_exported_under_its_name() {
    let redis = Redis::start();
    let server = cache_redis::Server::standalone(&redis.url()).unwrap();
    let log = cache_redis::feed::Log::of("stock:").unwrap();
    let writer = cache_redis::writer::Writer::connect(&server, &log).await.unwrap();
    let behind = WriteBehind::<str, BucketIntCache>::new(writer, Arc::default());
    redis.command(&["SET", "stock:2", "many"]);
    behind.add("1", 1).await.unwrap();
    within(behind.flush()).await.unwrap();
    behind.add("2", 1).await.unwrap();
    within(behind.flush()).await.unwrap_err();
    let values = Values::default();
    metrics::with_local_recorder(&values, || behind.export_metrics("stock"));
    let values = values.0.lock().unwrap();
    let value = |name: &str| values[&format!("hotcache_write_behind_{name}{{writer=stock}}")];
    let all = ["waiting", "batches_total", "retries_total", "failures_total"].map(value);
    assert_eq!(all, [0.0, 2.0, 0.0, 1.0]);
}
