//! Spans and events of loads and snapshots. Needs the feature `tracing`.
#![cfg(feature = "tracing")]
#![expect(clippy::unwrap_used, reason = "a test that unwraps says what it expects by failing")]

use std::fmt::{Debug, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::Duration;

use cache_bucket::BucketBackend;
use cache_policy::{Cache, ManualClock};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Writes a line for each span and event, and knows which span is entered.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<(Vec<String>, usize)>>);

struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {}={value:?}", field.name()).unwrap();
    }
}

impl Lines {
    fn push(&self, metadata: &Metadata<'_>, record: impl FnOnce(&mut Fields)) {
        assert_eq!(metadata.target(), "hotcache");
        let mut fields = Fields(metadata.level().to_string());
        if metadata.is_span() {
            fields.0.push_str(" span");
        }
        record(&mut fields);
        let mut state = self.0.lock().unwrap();
        let inside = if state.1 > 0 { "  " } else { "" };
        state.0.push(format!("{inside}{}", fields.0));
    }

    fn take(&self) -> Vec<String> {
        let mut state = self.0.lock().unwrap();
        assert_eq!(state.1, 0, "a span was not left");
        std::mem::take(&mut state.0)
    }
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "hotcache"
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.push(span.metadata(), |fields| span.record(fields));
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, event: &Event<'_>) {
        self.push(event.metadata(), |fields| event.record(fields));
    }

    fn enter(&self, _span: &Id) {
        self.0.lock().unwrap().1 += 1;
    }

    fn exit(&self, _span: &Id) {
        self.0.lock().unwrap().1 -= 1;
    }
}

const SPAN: &str = "DEBUG span cache=\"events\" refresh=false";
const LOADED: &str = "  DEBUG message=loaded";
const FAILED: &str = "  WARN message=the load failed";

fn cache() -> Cache<u32, str, BucketBackend> {
    Cache::builder().name("events").build()
}

#[test]
fn loads_and_failures() {
    let lines = Lines::default();
    tracing::subscriber::with_default(lines.clone(), || {
        let cache = cache();
        let _ = cache.get_or_load("a", || {
            tracing::info!(target: "hotcache", "in the loader");
            Ok::<u32, &str>(1)
        });
        assert_eq!(lines.take(), [SPAN, "  INFO message=in the loader", LOADED]);
        let _ = cache.get_or_load("a", || Ok::<u32, &str>(2));
        assert!(lines.take().is_empty(), "a hit is no load");
        let _ = cache.get_or_load("b", || Err::<u32, _>("no"));
        assert_eq!(lines.take(), [SPAN, FAILED]);
        let load = || cache.get_or_load("b", || -> Result<u32, &str> { cache_testkit::quiet_panic() });
        assert!(catch_unwind(AssertUnwindSafe(load)).is_err());
        assert_eq!(lines.take(), [SPAN, FAILED]);
        let _ = cache.get_or_load_many(&["a", "e", "f"], |keys| Ok::<_, &str>(vec![1; keys.len()]));
        assert_eq!(lines.take(), [SPAN, LOADED], "one load for all absent keys");
        let load = cache.get_or_load_async("c", async || {
            cache_testkit::yield_now().await;
            tracing::info!(target: "hotcache", "in the loader");
            Ok::<u32, &str>(1)
        });
        let _ = futures_executor::block_on(load);
        assert_eq!(lines.take(), [SPAN, "  INFO message=in the loader", LOADED]);

        let mut dropped = Box::pin(cache.get_or_load_async("d", async || {
            std::future::pending::<()>().await;
            Ok::<u32, &str>(1)
        }));
        assert!(dropped.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        assert_eq!(lines.take(), [SPAN]);
        drop(dropped);
        assert_eq!(lines.take(), [FAILED]);
    });
}

#[test]
fn refreshes() {
    let lines = Lines::default();
    tracing::subscriber::with_default(lines.clone(), || {
        let clock = ManualClock::new();
        let cache: Cache<u32, str, BucketBackend> = Cache::builder()
            .time_to_live(Duration::from_secs(10))
            .stale_for(Duration::from_secs(10))
            .clock(clock.clone())
            .build();
        cache.insert("a", 1);
        clock.advance(Duration::from_secs(11));
        assert_eq!(*cache.get_or_load("a", || Err::<u32, _>("no")).unwrap(), 1);
        assert_eq!(*cache.get_or_load("a", || Ok::<u32, &str>(2)).unwrap(), 2);
        assert_eq!(lines.take(), ["DEBUG span refresh=true", FAILED, "DEBUG span refresh=true", LOADED]);
    });
}

#[test]
#[cfg(feature = "serde")]
fn snapshots() {
    use cache_policy::snapshot::Snapshot;

    let lines = Lines::default();
    tracing::subscriber::with_default(lines.clone(), || {
        let cache = cache();
        cache.insert("a", 1);
        let mut bytes = Vec::new();
        let _ = cache.snapshot().write_to(&mut bytes).unwrap();
        let text = "INFO message=snapshot written cache=\"events\" kind=Cache entries=1 left_out=0";
        assert_eq!(lines.take(), [text]);
        let _ = cache.snapshot().read_from(&bytes[..]).unwrap();
        let text = "INFO message=snapshot restored cache=\"events\" kind=Cache inserted=0 present=1 expired=0 refused=0";
        assert_eq!(lines.take(), [text]);
        let ints = <BucketBackend as cache_core::Backend>::int::<str, _>(cache_core::Options::new());
        let _ = Snapshot::of_int(&ints).read_from(&bytes[..]).unwrap_err();
        let text = "WARN message=snapshot refused kind=IntCache error=this is a snapshot of Cache: expected one of IntCache";
        assert_eq!(lines.take(), [text]);
    });
}
