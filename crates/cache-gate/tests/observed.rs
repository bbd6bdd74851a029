//! Metrics and events. Needs the features `metrics` and `tracing`.
#![cfg(all(feature = "metrics", feature = "tracing"))]
#![expect(clippy::unwrap_used, reason = "a test that unwraps says what it expects by failing")]

use std::collections::BTreeMap;
use std::fmt::{Debug, Write};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cache_bucket::BucketBackend;
use cache_gate::{Admission, BreakerPolicy, Event, Gate, Item, Mend, Request, Reservation};
use cache_policy::ManualClock;
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Level, Subscriber};

/// Keeps the metrics that it is told.
#[derive(Default)]
struct Kept {
    values: Mutex<BTreeMap<String, Arc<AtomicU64>>>,
    described: Mutex<Vec<String>>,
}

impl Kept {
    fn value(&self, key: &Key) -> Arc<AtomicU64> {
        let mut labels: Vec<_> =
            key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        labels.sort();
        let name = format!("{}{{{}}}", key.name(), labels.join(","));
        Arc::clone(self.values.lock().unwrap().entry(name).or_default())
    }

    fn counter(&self, key: &str) -> u64 {
        self.values.lock().unwrap().get(key).unwrap_or_else(|| panic!("there is no {key}")).load(Relaxed)
    }

    fn gauge(&self, key: &str) -> f64 {
        f64::from_bits(self.counter(key))
    }
}

impl Recorder for Kept {
    fn describe_counter(&self, key: KeyName, _unit: Option<Unit>, _description: SharedString) {
        self.described.lock().unwrap().push(key.as_str().to_owned());
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

/// Writes a line for each event of at least `info`.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {}={value:?}", field.name()).unwrap();
    }
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target() == "hotcache" && *metadata.level() <= Level::INFO
    }

    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut fields = Fields(event.metadata().level().to_string());
        event.record(&mut fields);
        self.0.lock().unwrap().push(fields.0);
    }

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}

fn gate(clock: &ManualClock) -> Gate<BucketBackend> {
    let policy = BreakerPolicy::new(1, Duration::from_secs(1));
    let gate = Gate::builder().name("shop").statistics().breaker(policy).clock(clock.clone()).build();
    gate.add_event(Event::new("sale")).unwrap();
    gate.add_item(Item::new("tea", "sale", 2).limit(1)).unwrap();
    gate.set_ready(true);
    gate
}

fn hold(gate: &Gate<BucketBackend>, user: &str) -> Reservation<BucketBackend> {
    match gate.admit(&Request::new(user, "tea", 1)) {
        Ok(Admission::Held(held)) => held,
        other => panic!("{other:?}"),
    }
}

fn statistics_are_exported() {
    let gate = gate(&ManualClock::new());
    hold(&gate, "ann").commit().unwrap();
    let held = hold(&gate, "bob");
    assert!(gate.admit(&Request::new("cid", "tea", 1)).is_err());
    assert!(gate.admit(&Request::new("cid", "coffee", 1)).is_err());
    let kept = Kept::default();
    metrics::with_local_recorder(&kept, || {
        cache_gate::metrics::describe();
        gate.export_metrics();
    });
    assert_eq!(kept.counter("hotcache_gate_admitted_total{gate=shop}"), 2);
    assert_eq!(kept.counter("hotcache_gate_refused_total{gate=shop,reason=sold_out}"), 1);
    assert_eq!(kept.counter("hotcache_gate_refused_total{gate=shop,reason=unknown_item}"), 1);
    assert_eq!(kept.counter("hotcache_gate_refused_total{gate=shop,reason=blocked}"), 0);
    assert_eq!(kept.counter("hotcache_gate_reservations_total{end=committed,gate=shop}"), 1);
    let units = |state| kept.gauge(&format!("hotcache_gate_units{{gate=shop,item=tea,state={state}}}"));
    assert_eq!(["left", "held", "sold"].map(units), [0.0, 1.0, 1.0]);
    assert_eq!(kept.gauge("hotcache_gate_sold_out{gate=shop,item=tea}"), 1.0);
    assert_eq!(kept.gauge("hotcache_gate_in_flight{gate=shop}"), 1.0);
    assert_eq!(kept.gauge("hotcache_gate_entries{gate=shop,table=users}"), 2.0);
    assert_eq!(kept.gauge("hotcache_gate_breaker{gate=shop}"), 0.0);
    // Each metric is described, and is in the table of the module.
    let described = kept.described.lock().unwrap();
    let page = include_str!("../src/metrics.rs");
    for name in kept.values.lock().unwrap().keys() {
        let name = name.split('{').next().unwrap();
        assert!(described.iter().any(|described| described == name), "{name} is not described");
        assert!(page.contains(&format!("`{name}`")), "{name} is not in the table");
    }
    drop(held);
}

fn changes_of_mind_are_told_without_users() {
    let lines = Lines::default();
    let clock = ManualClock::new();
    tracing::subscriber::with_default(lines.clone(), || {
        let gate = gate(&clock);
        hold(&gate, "ann").commit().unwrap();
        let held = hold(&gate, "bob");
        assert!(gate.admit(&Request::new("cid", "tea", 1)).is_err());
        drop(held);
        gate.report(false);
        gate.report(true);
        gate.set_ready(false);
        gate.audit().compare([], Mend::Report);
        gate.end_event("sale").unwrap();
    });
    let lines = lines.0.lock().unwrap();
    let expected = [
        "INFO message=sold out item=\"tea\"",
        "INFO message=units came back item=\"tea\"",
        "WARN message=breaker opened failures=1",
        "INFO message=breaker closed",
        "WARN message=the books differ differences=1 mended=0",
        "INFO message=event ended event=\"sale\" items=1",
    ];
    assert_eq!(*lines, expected);
}

/// One after the other: whether an event is of interest is noted for all threads, by whoever comes first.
#[test]
fn metrics_and_events() {
    changes_of_mind_are_told_without_users();
    statistics_are_exported();
}
