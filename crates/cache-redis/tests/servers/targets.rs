//! What a mirror can write to.
#![expect(clippy::unwrap_used, reason = "a test that unwraps says what it expects by failing")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cache_bucket::{BucketBackend, BucketIntCache, BucketObjCache};
use cache_core::{IntCache, ObjCache};
use cache_policy::{Cache, Counters, ManualClock};
use cache_redis::{CodecError, Mirror, Reason, Server, Text};
use redis_testkit::Redis;

use crate::common::{until, within};

fn server(redis: &Redis) -> Server {
    Server::standalone(&redis.url()).unwrap()
}

#[tokio::test]
async fn objects_are_made_by_a_codec() {
    let redis = Redis::start();
    redis.command(&["SET", "title:1", "Flash sale"]);
    redis.connect().command(&[&b"SET"[..], b"title:2", b"\xff"]).unwrap();
    let titles: Arc<BucketObjCache<String>> = Arc::default();
    let mirror =
        Mirror::builder(&server(&redis), "title:").objects(Arc::clone(&titles), Text).start().await.unwrap();
    within(mirror.ready()).await.unwrap();
    assert_eq!(titles.get("1").as_deref().map(String::as_str), Some("Flash sale"));
    assert!(titles.get("2").is_none());
    let (_, last) = mirror.undecodable();
    assert!(matches!(&last[0].reason, Reason::Codec { error } if error.contains("utf-8")), "{last:?}");
    redis.command(&["SET", "title:2", "Sold out"]);
    within(mirror.wait_for_sync()).await.unwrap();
    assert_eq!(titles.get("2").as_deref().map(String::as_str), Some("Sold out"));
}

#[cfg(feature = "json")]
#[tokio::test]
async fn objects_are_read_from_json() {
    let redis = Redis::start();
    redis.command(&["SET", "seats:1", "[1, 2]"]);
    let seats: Arc<BucketObjCache<Vec<u32>, u64>> = Arc::default();
    let builder = Mirror::builder(&server(&redis), "seats:").objects(Arc::clone(&seats), cache_redis::Json);
    let mirror = builder.start().await.unwrap();
    within(mirror.ready()).await.unwrap();
    assert_eq!(*seats.get(&1).unwrap(), [1, 2]);
}

#[tokio::test]
async fn keys_may_be_integers() {
    let redis = Redis::start();
    redis.command(&["SET", "black:7", "1"]);
    redis.command(&["SET", "black:007", "1"]);
    let list: Arc<BucketIntCache<u64>> = Arc::default();
    list.set(&8, 1);
    let mirror = Mirror::builder(&server(&redis), "black:").int(Arc::clone(&list)).start().await.unwrap();
    within(mirror.ready()).await.unwrap();
    assert_eq!(list.keys(), [7]);
    let (_, last) = mirror.undecodable();
    assert_eq!((last[0].key.as_str(), &last[0].reason), ("black:007", &Reason::Key));
}

#[tokio::test]
async fn any_cache_that_was_chosen_at_run_time_will_do() {
    let redis = Redis::start();
    redis.command(&["SET", "stock:1", "1"]);
    let cache: Arc<dyn IntCache> = Arc::new(BucketIntCache::<str>::default());
    let mirror = Mirror::builder(&server(&redis), "stock:").int(cache).start().await.unwrap();
    within(mirror.ready()).await.unwrap();
    assert_eq!(mirror.read().unwrap().get("1"), Some(1));
}

#[tokio::test]
async fn entries_of_a_cache_live_as_long_as_in_redis() {
    let redis = Redis::start();
    redis.command(&["SET", "title:short", "a", "PX", "60000"]);
    redis.command(&["SET", "title:long", "b"]);
    let clock = ManualClock::new();
    // Its own time to live does not count.
    let cache: Cache<String, str, BucketBackend> =
        Cache::builder().time_to_live(Duration::from_secs(1)).clock(clock.clone()).build();
    let cache = Arc::new(cache);
    let mirror =
        Mirror::builder(&server(&redis), "title:").cache(Arc::clone(&cache), Text).start().await.unwrap();
    within(mirror.ready()).await.unwrap();
    let left = cache.ttl("short").unwrap();
    assert!(left <= Duration::from_secs(60) && left > Duration::from_secs(1), "{left:?}");
    assert_eq!(cache.ttl("long"), Some(Duration::MAX));
    redis.command(&["PEXPIRE", "title:long", "50000"]);
    within(mirror.wait_for_sync()).await.unwrap();
    assert!(cache.ttl("long").unwrap() <= Duration::from_secs(50));
    clock.advance(Duration::from_secs(55));
    assert!(cache.get("long").is_none() && cache.get("short").is_some());
    // What Redis itself expires leaves too, when Redis deletes it.
    redis.command(&["PEXPIRE", "title:short", "1"]);
    until("Redis expires it", || cache.is_empty() || !cache.contains("short")).await;
}

#[tokio::test]
async fn counters_that_are_full_refuse_more_keys() {
    let redis = Redis::start();
    let counters: Counters<u64, BucketBackend> = Counters::builder().max_keys(2).build();
    let counters = Arc::new(counters);
    let mirror =
        Mirror::builder(&server(&redis), "bought:").counters(Arc::clone(&counters)).start().await.unwrap();
    within(mirror.ready()).await.unwrap();
    for user in ["1", "2", "3"] {
        redis.command(&["INCR", &format!("bought:{user}")]);
        within(mirror.wait_for_sync()).await.unwrap();
    }
    assert_eq!([1, 2, 3].map(|user| counters.get(&user)), [Some(1), Some(1), None]);
    assert_eq!(mirror.undecodable().1[0].reason, Reason::Full);
    redis.command(&["FLUSHALL"]);
    within(mirror.wait_for_sync()).await.unwrap();
    assert!(counters.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mirror_that_was_stopped_writes_no_more() {
    let redis = Redis::start();
    redis.command(&["SET", "n:1", "1"]);
    let (begun, mut begins) = tokio::sync::mpsc::unbounded_channel();
    let writes = Arc::new(AtomicUsize::new(0));
    let ended = Arc::clone(&writes);
    let codec = move |bytes: &[u8]| -> Result<u32, CodecError> {
        begun.send(()).unwrap();
        std::thread::sleep(Duration::from_millis(300));
        ended.fetch_add(1, Ordering::AcqRel);
        Ok(std::str::from_utf8(bytes)?.parse()?)
    };
    let cache: Arc<BucketObjCache<u32>> = Arc::default();
    let mirror = Mirror::builder(&server(&redis), "n:").objects(Arc::clone(&cache), codec).spawn().unwrap();
    within(begins.recv()).await.unwrap();
    within(mirror.stop()).await;
    assert_eq!(writes.load(Ordering::Acquire), 1);
    assert_eq!(cache.get("1").as_deref(), Some(&1));
}

#[tokio::test]
async fn a_codec_that_panics_ends_the_session_and_not_the_program() {
    let redis = Redis::start();
    redis.command(&["SET", "n:1", "1"]);
    let codec = |bytes: &[u8]| -> Result<u32, CodecError> {
        assert!(bytes != b"bad", "a value that the codec does not stand");
        Ok(std::str::from_utf8(bytes)?.parse()?)
    };
    let cache: Arc<BucketObjCache<u32>> = Arc::default();
    let mirror = Mirror::builder(&server(&redis), "n:").objects(cache, codec).start().await.unwrap();
    within(mirror.ready()).await.unwrap();
    redis.command(&["SET", "n:1", "bad"]);
    until("the panic is reported", || {
        mirror.last_error().is_some_and(|error| error.to_string().contains("panic"))
    })
    .await;
    redis.command(&["SET", "n:1", "2"]);
    within(mirror.ready()).await.unwrap();
    within(mirror.wait_for_sync()).await.unwrap();
    assert_eq!(mirror.cache().get("1").as_deref(), Some(&2));
}
