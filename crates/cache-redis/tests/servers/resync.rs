//! What a mirror does while its server is away, and after.

use std::sync::Arc;
use std::time::Duration;

use cache_bucket::{BucketIntCache, BucketObjCache};
use cache_core::{IntCache, ObjCache};
use cache_redis::{State, Text, WhileResyncing};
use redis_testkit::{Fsync, Proxy, Redis};

use crate::common::{builder, mirror, ready, until, within};

#[tokio::test]
async fn changes_that_were_missed_are_found_by_the_next_load() {
    let redis = Redis::builder().append_only(Fsync::Always).start();
    for key in ["kept", "changed", "deleted"] {
        redis.command(&["SET", &format!("stock:{key}"), "1"]);
    }
    let proxy = Proxy::to(&redis);
    let mirror = ready(builder(&proxy.url())).await;
    proxy.cut();
    redis.command(&["SET", "stock:changed", "2"]);
    redis.command(&["DEL", "stock:deleted"]);
    redis.command(&["SET", "stock:new", "3"]);
    within(mirror.wait_for_sync()).await.unwrap();
    let seen = ["kept", "changed", "deleted", "new"].map(|key| mirror.cache().get(key));
    assert_eq!(seen, [Some(1), Some(2), None, Some(3)]);

    redis.kill_9();
    until("the mirror notices", || matches!(mirror.state(), State::Resyncing { .. })).await;
    assert_eq!(mirror.cache().get("new"), Some(3), "it serves what it has");
    redis.restart();
    redis.command(&["INCR", "stock:new"]);
    within(mirror.ready()).await.unwrap();
    within(mirror.wait_for_sync()).await.unwrap();
    assert_eq!(mirror.cache().get("new"), Some(4));
    assert_eq!(mirror.cache().len(), 3);
}

#[tokio::test]
async fn a_server_that_lost_its_data_empties_the_cache() {
    let redis = Redis::start();
    redis.command(&["SET", "stock:1", "1"]);
    let mirror = mirror(&redis).await;
    redis.kill_9();
    redis.restart();
    within(mirror.wait_for_sync()).await.unwrap();
    assert!(mirror.cache().is_empty());
}

#[tokio::test]
async fn a_flush_empties_the_cache_and_one_of_another_database_does_not() {
    let redis = Redis::start();
    let mirror = mirror(&redis).await;
    redis.command(&["SET", "stock:1", "1"]);
    within(mirror.wait_for_sync()).await.unwrap();
    let mut other = redis.connect();
    other.command(&["SELECT", "1"]).unwrap();
    other.command(&["SET", "stock:1", "5"]).unwrap();
    other.command(&["FLUSHDB"]).unwrap();
    within(mirror.wait_for_sync()).await.unwrap();
    assert_eq!(mirror.cache().get("1"), Some(1));
    redis.command(&["FLUSHALL"]);
    within(mirror.wait_for_sync()).await.unwrap();
    assert!(mirror.cache().is_empty());
}

#[tokio::test]
async fn staleness_grows_while_the_server_is_silent_and_reads_can_refuse() {
    let redis = Redis::start();
    let server = builder(&redis.url()).silence(Duration::from_millis(100));
    let mirror = ready(server.while_resyncing(WhileResyncing::Refuse)).await;
    assert!(mirror.read().is_ok());
    redis.pause();
    until("it is old", || mirror.staleness() > Some(Duration::from_millis(50))).await;
    assert!(mirror.fresh_within(Duration::from_millis(50)).is_err());
    until("the connection is given up", || matches!(mirror.state(), State::Resyncing { .. })).await;
    let stale = mirror.read().unwrap_err();
    assert!(stale.staleness.is_some() && stale.to_string().contains("Resyncing"), "{stale}");
    redis.resume();
    within(mirror.ready()).await.unwrap();
    assert!(mirror.read().is_ok());
}

#[tokio::test]
async fn a_mirror_may_begin_before_its_server() {
    let redis = Redis::start();
    redis.kill_9();
    let mirror = builder(&redis.url()).int(Arc::<BucketIntCache>::default()).spawn().unwrap();
    until("it tries", || mirror.last_error().is_some()).await;
    assert!(mirror.fresh_within(Duration::MAX).is_err_and(|stale| stale.staleness.is_none()));
    redis.restart();
    within(mirror.ready()).await.unwrap();
    assert_eq!(mirror.last_error(), None);
}

#[tokio::test]
async fn more_changes_than_may_wait_begin_the_load_again() {
    let redis = Redis::start();
    let proxy = Proxy::to(&redis);
    let mirror = ready(builder(&proxy.url()).max_dirty(10)).await;
    let mut writer = redis.connect();
    // Together, so that their pushes are too.
    writer.command(&["MULTI"]).unwrap();
    for n in 0..1_000 {
        writer.command(&["SET", &format!("stock:{n}"), "1"]).unwrap();
    }
    writer.command(&["EXEC"]).unwrap();
    within(mirror.wait_for_sync()).await.unwrap();
    assert_eq!(mirror.cache().len(), 1_000);
    // The first load saw none.
    assert!(mirror.progress().seen >= 1_000, "{:?}", mirror.progress());
}

#[tokio::test]
async fn keys_that_a_cache_has_from_before_are_swept() {
    let redis = Redis::start();
    redis.command(&["SET", "stock:1", "1"]);
    let cache: Arc<BucketIntCache> = Arc::default();
    cache.set("1", 7);
    cache.set("2", 7);
    let mirror = builder(&redis.url()).int(Arc::clone(&cache)).start().await.unwrap();
    within(mirror.ready()).await.unwrap();
    assert_eq!((cache.get("1"), cache.get("2")), (Some(1), None));
    mirror.stop().await;
    assert_eq!(mirror.state(), State::Stopped);
    assert!(mirror.ready().await.is_err());
}

#[tokio::test]
async fn two_mirrors_share_a_cache_if_prefixes_are_kept() {
    let redis = Redis::start();
    redis.command(&["SET", "stock:1", "1"]);
    redis.command(&["SET", "limit:1", "2"]);
    let cache: Arc<BucketIntCache> = Arc::default();
    let proxy = Proxy::to(&redis);
    let mut mirrors = Vec::new();
    for (prefix, url) in [("stock:", proxy.url()), ("limit:", redis.url())] {
        let server = cache_redis::Server::standalone(&url).unwrap();
        let builder = cache_redis::Mirror::builder(&server, prefix).keep_prefix(true);
        mirrors.push(builder.int(Arc::clone(&cache)).start().await.unwrap());
    }
    for mirror in &mirrors {
        within(mirror.ready()).await.unwrap();
    }
    assert_eq!((cache.get("stock:1"), cache.get("limit:1")), (Some(1), Some(2)));
    // One of them loads again, and leaves the keys of the other alone.
    proxy.cut();
    redis.command(&["DEL", "stock:1"]);
    within(mirrors[0].wait_for_sync()).await.unwrap();
    assert_eq!((cache.get("stock:1"), cache.get("limit:1")), (None, Some(2)));
    redis.command(&["FLUSHALL"]);
    redis.command(&["SET", "limit:1", "3"]);
    for mirror in &mirrors {
        within(mirror.wait_for_sync()).await.unwrap();
    }
    assert_eq!((cache.get("stock:1"), cache.get("limit:1")), (None, Some(3)));
}

#[tokio::test]
async fn large_values_are_loaded_though_the_server_limits_its_answers() {
    const KEYS: usize = 40;
    const BYTES: usize = 1 << 20;
    let redis = Redis::builder().config("client-output-buffer-limit", "normal 16mb 0 0").start();
    for n in 0..KEYS {
        redis.command(&["SETRANGE", &format!("stock:{n}"), &(BYTES - 1).to_string(), "x"]);
    }
    // Asked for together, they would be more than the server sends.
    let cache: Arc<BucketObjCache<String>> = Arc::default();
    let builder = builder(&redis.url()).longest_wait(Duration::from_millis(20));
    let mirror = builder.objects(Arc::clone(&cache), Text).start().await.unwrap();
    within(mirror.ready()).await.unwrap();
    assert_eq!(cache.len(), KEYS);
    assert_eq!(cache.get("7").map(|value| value.len()), Some(BYTES));
}
