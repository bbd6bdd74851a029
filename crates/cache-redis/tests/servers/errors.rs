//! Each kind of bad input is its own error, which says what to do.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use cache_core::IntCache;
use cache_redis::{Error, Mirror, Outcome, Reason, Server, State};
use redis_testkit::{Cluster, Redis};

use crate::common;
use crate::common::{Stock, builder, until, within};

async fn start(url: &str) -> Result<Stock, Error> {
    within(builder(url).int(Arc::default()).start()).await
}

/// Checks that an error names what to do.
fn says(error: &Error, what: &str) {
    assert!(error.to_string().contains(what), "`{error}` does not say `{what}`");
}

#[tokio::test]
async fn a_url_of_nothing_is_refused() {
    says(&Server::standalone("localhost:6379").unwrap_err(), "redis://");
    let port = {
        let redis = Redis::start();
        redis.stop();
        redis.port()
    };
    let error = start(&format!("redis://127.0.0.1:{port}")).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    says(&error, "check the address");
    assert!(error.is_transient());
    assert_eq!(error.outcome(), Outcome::NotDone);
}

#[tokio::test]
async fn a_wrong_password_is_refused() {
    let redis = Redis::builder().password("right").start();
    assert!(start(&redis.url()).await.is_ok());
    for url in [redis.url_of("default", "wrong"), redis.url().replace("right", ""), no_login(&redis)] {
        let error = start(&url).await.unwrap_err();
        assert!(matches!(error, Error::WrongPassword { .. }), "{url}: {error:?}");
        says(&error, "redis://user:password@host");
        assert!(!error.is_transient());
    }
}

fn no_login(redis: &Redis) -> String {
    format!("redis://127.0.0.1:{}", redis.port())
}

#[tokio::test]
async fn a_replica_is_refused() {
    let primary = Redis::start();
    let replica = Redis::builder().replica_of(&primary).start();
    replica.wait_for_sync();
    let error = start(&replica.url()).await.unwrap_err();
    assert!(matches!(error, Error::NotPrimary { .. }), "{error:?}");
    says(&error, "name the primary");
    // It is followed once it is promoted.
    let mirror = builder(&replica.url()).int(Arc::<cache_bucket::BucketIntCache>::default()).spawn().unwrap();
    until("the replica is refused", || mirror.last_error().is_some()).await;
    replica.promote();
    within(mirror.ready()).await.unwrap();
}

#[tokio::test]
async fn a_primary_that_is_demoted_is_left() {
    let (one, two) = (Redis::start(), Redis::start());
    two.command(&["SET", "stock:1", "7"]);
    let mirror = common::mirror(&one).await;
    one.replica_of(&two);
    until("the mirror notices", || matches!(mirror.last_error(), Some(Error::NotPrimary { .. }))).await;
    assert!(matches!(mirror.state(), State::Resyncing { .. }));
    one.promote();
    within(mirror.ready()).await.unwrap();
    assert_eq!(mirror.cache().get("1"), Some(7));
}

#[tokio::test]
async fn tracking_that_the_acl_refuses_is_its_own_error() {
    let redis = Redis::builder().acl("shop on >secret ~* +@all -client|tracking").start();
    let error = start(&redis.url_of("shop", "secret")).await.unwrap_err();
    assert!(matches!(error, Error::TrackingRefused { .. }), "{error:?}");
    says(&error, "+client|tracking");
}

#[tokio::test]
async fn commands_and_keys_that_the_acl_refuses_are_named() {
    let redis = Redis::builder().acl("shop on >secret ~* +@all -info").start();
    let error = start(&redis.url_of("shop", "secret")).await.unwrap_err();
    assert!(matches!(&error, Error::NotPermitted { command, .. } if command == "info"), "{error:?}");
    says(&error, "ACL SETUSER");

    let redis = Redis::builder().acl("shop on >secret ~other:* +@all").start();
    redis.command(&["SET", "stock:1", "1"]);
    let mirror = start(&redis.url_of("shop", "secret")).await.unwrap();
    let error = within(mirror.ready()).await.unwrap_err();
    assert!(matches!(error, Error::NotPermitted { .. }), "{error:?}");
}

#[tokio::test]
async fn a_cluster_is_no_standalone_server_and_the_other_way_round() {
    let cluster = Cluster::start(3);
    let error = start(&cluster.urls()[0]).await.unwrap_err();
    assert!(matches!(error, Error::WrongTopology { .. }), "{error:?}");
    says(&error, "Server::cluster");

    let redis = Redis::start();
    let server = Server::cluster([redis.url()]).unwrap();
    let cache: Arc<cache_bucket::BucketIntCache> = Arc::default();
    let error = within(Mirror::builder(&server, "stock:").int(cache).start()).await.unwrap_err();
    assert!(matches!(error, Error::WrongTopology { .. }), "{error:?}");
    says(&error, "Server::standalone");
}

#[tokio::test]
async fn options_out_of_range_are_refused() {
    let builder = builder("redis://localhost").page(0).int(Arc::<cache_bucket::BucketIntCache>::default());
    assert!(matches!(builder.spawn(), Err(Error::InvalidOption { option: "page", .. })));
    let max = Duration::MAX;
    for (expected, builder) in [
        ("heartbeat", common::builder("redis://localhost").heartbeat(max)),
        (
            "heartbeat",
            common::builder("redis://localhost").heartbeat(Duration::from_secs(1 << 33)).silence(max),
        ),
        ("silence", common::builder("redis://localhost").silence(max)),
        ("longest_wait", common::builder("redis://localhost").longest_wait(Duration::ZERO)),
        ("longest_wait", common::builder("redis://localhost").longest_wait(max)),
    ] {
        let result = builder.int(Arc::<cache_bucket::BucketIntCache>::default()).spawn();
        assert!(
            matches!(&result, Err(Error::InvalidOption { option, .. }) if *option == expected),
            "{result:?}"
        );
    }
    assert!(Server::sentinel(["redis://localhost"], "").is_err());
    assert!(Server::cluster(["redis://localhost/1"]).is_err());
    assert!(Server::cluster([""; 0]).is_err());
}

#[tokio::test]
async fn what_is_no_integer_is_reported_with_its_key_and_stops_nothing() {
    let redis = Redis::start();
    redis.command(&["SET", "stock:good", "1"]);
    redis.command(&["SET", "stock:text", "many"]);
    redis.command(&["SET", "stock:large", "9223372036854775808"]);
    redis.command(&["RPUSH", "stock:list", "1"]);
    redis.command(&["HSET", "stock:hash", "a", "1"]);
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hear = Arc::clone(&heard);
    let mirror = builder(&redis.url())
        .on_undecodable(move |one| hear.lock().unwrap().push(one.key.clone()))
        .int(Arc::<cache_bucket::BucketIntCache>::default())
        .start()
        .await
        .unwrap();
    within(mirror.ready()).await.unwrap();
    until("all are reported", || mirror.undecodable().0 == 4).await;
    let reason_of = |key: &str| {
        let (_, last) = mirror.undecodable();
        last.into_iter().rfind(|one| one.key == key).map(|one| one.reason)
    };
    assert!(matches!(reason_of("stock:text"), Some(Reason::NotAnInteger { value }) if value == "many"));
    assert!(matches!(reason_of("stock:large"), Some(Reason::OutOfRange { .. })));
    assert!(matches!(reason_of("stock:list"), Some(Reason::WrongType { found }) if found == "list"));
    assert!(matches!(reason_of("stock:hash"), Some(Reason::WrongType { found }) if found == "hash"));
    assert_eq!(mirror.cache().len(), 1);
    assert_eq!(heard.lock().unwrap().len(), 4);

    // A good value that becomes bad leaves the cache, and comes back.
    redis.command(&["SET", "stock:good", "1.5"]);
    within(mirror.wait_for_sync()).await.unwrap();
    assert_eq!(mirror.cache().get("good"), None);
    assert!(matches!(reason_of("stock:good"), Some(Reason::NotAnInteger { .. })));
    redis.command(&["DEL", "stock:good"]);
    redis.command(&["RPUSH", "stock:good", "1"]);
    until("the list is reported", || matches!(reason_of("stock:good"), Some(Reason::WrongType { .. }))).await;
    redis.command(&["SET", "stock:good", "2"]);
    within(mirror.wait_for_sync()).await.unwrap();
    assert_eq!(mirror.cache().get("good"), Some(2));
}
