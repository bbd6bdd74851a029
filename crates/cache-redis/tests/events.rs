//! Events of mirrors. One test, as it listens to the whole process.
#![cfg(feature = "tracing")]
#![expect(clippy::unwrap_used, reason = "a test that unwraps says what it expects by failing")]

#[path = "servers/common/mod.rs"]
mod common;

use std::sync::{Arc, Mutex};

use cache_bucket::BucketIntCache;
use cache_redis::feed::{Log, RedisFeed};
use cache_redis::writer::{WriteBehind, Writer};
use cache_redis::{Mirror, Server};
use redis_testkit::Redis;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};

use self::common::{builder, ready, until, within};

/// Writes down each event.
#[derive(Clone, Default)]
struct Events(Arc<Mutex<Vec<String>>>);

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.push_str(&format!(" {}={value:?}", field.name()));
    }
}

impl Subscriber for Events {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target() == "hotcache"
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        let mut text = Text(event.metadata().level().to_string());
        event.record(&mut text);
        self.0.lock().unwrap().push(text.0);
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_told_of_without_keys() {
    let events = Events::default();
    tracing::subscriber::set_global_default(events.clone()).unwrap();
    let redis = Redis::start();
    redis.command(&["SET", "stock:secret", "private"]);
    let mirror = ready(builder(&redis.url())).await;
    redis.kill_9();
    until("the session ends", || mirror.last_error().is_some()).await;
    redis.restart();
    within(mirror.ready()).await.unwrap();
    let server = Server::standalone(&redis.url()).unwrap();
    let log = Log::of("orders:").unwrap();
    let feed = RedisFeed::new(&server, &log).unwrap();
    let builder = Mirror::builder(&server, log.prefix()).follow(feed);
    let follower = builder.int(Arc::<BucketIntCache>::default()).start().await.unwrap();
    within(follower.ready()).await.unwrap();
    let writer = Writer::connect(&server, &log).await.unwrap();
    let behind = WriteBehind::<str, BucketIntCache>::new(writer, Arc::default());
    redis.command(&["SET", "orders:secret", "private"]);
    behind.add("secret", 1).await.unwrap();
    within(behind.flush()).await.unwrap_err();
    redis.kill_9();
    behind.add("secret", 1).await.unwrap();
    until("the batch is tried again", || behind.last_error().is_some()).await;
    behind.add("secret", 1).await.unwrap();
    drop(behind);

    let events = events.0.lock().unwrap();
    let has = |parts: &[&str]| events.iter().any(|event| parts.iter().all(|part| event.contains(part)));
    assert!(has(&["INFO", "session began", "mirror=\"stock:\"", "server=\"127.0.0.1:"]), "{events:#?}");
    assert!(has(&["INFO", "everything is loaded", "took="]), "{events:#?}");
    assert!(has(&["WARN", "session ended", "error="]), "{events:#?}");
    assert!(has(&["WARN", "cannot be mirrored", "reason=\"not an integer\""]), "{events:#?}");
    assert!(has(&["INFO", "session began", "mirror=\"orders:\"", "server=\"change log\""]), "{events:#?}");
    assert!(has(&["INFO", "everything is loaded", "server=\"change log\""]), "{events:#?}");
    assert!(has(&["ERROR", "failed for good", "reason=\"refused\"", "count=1"]), "{events:#?}");
    assert!(has(&["WARN", "tried again", "error="]), "{events:#?}");
    assert!(has(&["WARN", "discarded", "waiting=1"]), "{events:#?}");
    assert!(!events.iter().any(|event| event.contains("secret") || event.contains("private")), "{events:#?}");
}
