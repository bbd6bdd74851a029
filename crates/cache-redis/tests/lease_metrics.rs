//! Metrics of leases, under the names that their page lists.
#![cfg(feature = "metrics")]
#![expect(clippy::unwrap_used, reason = "a test that unwraps says what it expects by failing")]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cache_redis::Server;
use cache_redis::lease::{CommitError, End, Lease, Order, Stock};
use metrics::{
    Counter, CounterFn, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};
use redis_testkit::{Proxy, Redis};

/// The sum of each counter, and the number of records of each histogram, by name and labels.
#[derive(Clone, Default)]
struct Values(Arc<Mutex<HashMap<String, u64>>>);

impl Values {
    fn one(&self, key: &Key) -> Arc<One> {
        let labels: Vec<_> = key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        Arc::new(One(self.clone(), format!("{}{{{}}}", key.name(), labels.join(","))))
    }

    fn of(&self, name: &str) -> u64 {
        self.0.lock().unwrap().get(name).copied().unwrap_or(0)
    }
}

struct One(Values, String);

impl CounterFn for One {
    fn increment(&self, value: u64) {
        *self.0.0.lock().unwrap().entry(self.1.clone()).or_default() += value;
    }
    fn absolute(&self, _: u64) {}
}

impl HistogramFn for One {
    fn record(&self, _: f64) {
        self.increment(1);
    }
}

impl Recorder for Values {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.one(key))
    }
    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }
    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.one(key))
    }
}

/// The keeper is a task of this thread, so it has the recorder of this thread.
#[tokio::test]
async fn what_leases_do_is_counted() {
    let values = Values::default();
    let _recorder = metrics::set_default_local_recorder(&values);
    let redis = Redis::start();
    let proxy = Proxy::to(&redis);
    let server = Server::standalone(&redis.url()).unwrap();
    let stock = Stock::connect(&server, "t:", "sku:1").await.unwrap();
    stock.create(100, 2).await.unwrap();
    let through = Server::standalone(&proxy.url()).unwrap();
    let lease = || {
        let hour = Duration::from_secs(3_600);
        Lease::builder(&through, "t:", "sku:1").want(10).div(1).ttl(hour).grace(hour).linger(Duration::ZERO)
    };
    let first = lease().open().await.unwrap();
    let buy = async |order: &str, units| {
        first.take(units).await.unwrap().commit(Order::new(order).user("ann")).await.map(drop)
    };
    assert_eq!(buy("o1", 2).await, Ok(()));
    assert_eq!(buy("o2", 1).await, Err(CommitError::OverLimit));
    assert_eq!(values.of("hotcache_lease_granted_units_total{}"), 10);
    assert_eq!(values.of("hotcache_lease_orders_total{result=committed}"), 1);
    assert_eq!(values.of("hotcache_lease_orders_total{result=over_limit}"), 1);
    assert_eq!(values.of("hotcache_lease_commit_seconds{}"), 2);
    assert_eq!(values.of("hotcache_lease_failures_total{call=commit}"), 0);
    proxy.lose_next_answer();
    assert_eq!(buy("o3", 1).await, Err(CommitError::OverLimit));
    assert!(values.of("hotcache_lease_failures_total{call=commit}") > 0);

    // It is reaped by the next lease that is opened.
    redis.command(&["ZADD", "t:{sku:1}:leases", "0", first.id()]);
    let second = lease().grace(Duration::ZERO).open().await.unwrap();
    assert_eq!(values.of("hotcache_lease_reaped_total{}"), 1);
    assert_eq!(values.of("hotcache_lease_reaped_units_total{}"), 8);
    assert_eq!(buy("o4", 1).await, Err(CommitError::Ended(End::Fenced)));
    assert_eq!(values.of("hotcache_lease_orders_total{result=ended}"), 1);
    assert_eq!(first.ended().await, End::Fenced);
    assert_eq!(values.of("hotcache_lease_ended_total{reason=fenced}"), 1);
    second.close().await.unwrap();
    assert_eq!(values.of("hotcache_lease_ended_total{reason=closed}"), 1);
}
