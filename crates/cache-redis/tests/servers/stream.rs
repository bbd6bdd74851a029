//! Mirrors that follow a change log: equal at rest, never older than they say, and never back in time.
#![expect(clippy::unwrap_used, reason = "a test that unwraps says what it expects by failing")]

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cache_bucket::{BucketBackend, BucketIntCache};
use cache_core::IntCache;
use cache_policy::Cache;
use cache_redis::feed::{Log, RedisFeed};
use cache_redis::writer::{Write, WriteBehind, Writer};
use cache_redis::{Error, Mirror, MirrorBuilder, Reason, Server, State, Text};
use redis_testkit::{Cluster, Fsync, Proxy, Redis, Sentinels};
use tokio::task::JoinHandle;

use crate::common;
use crate::common::{Stock, until, within};

fn log() -> Log {
    Log::of("stock:").unwrap()
}

fn standalone(url: &str) -> Server {
    Server::standalone(url).unwrap()
}

/// A builder of mirrors in stream mode.
fn builder(server: &Server, log: &Log) -> MirrorBuilder {
    Mirror::builder(server, log.prefix()).follow(RedisFeed::new(server, log).unwrap())
}

async fn ready(builder: MirrorBuilder) -> Stock {
    common::ready(builder).await
}

async fn mirror(url: &str) -> Stock {
    ready(builder(&standalone(url), &log())).await
}

async fn writer(server: &Server, log: &Log) -> Writer {
    Writer::connect(server, log).await.unwrap()
}

/// What a server has under the prefix.
fn content(redis: &Redis, prefix: &str) -> BTreeMap<String, i64> {
    let keys = redis.command(&["KEYS", &format!("{prefix}*")]);
    let keys = keys.array().iter().map(|key| key.text().to_owned());
    keys.filter_map(|key| {
        let value = redis.command(&["GET", &key]);
        (!value.is_nil()).then(|| (key[prefix.len()..].to_owned(), value.int()))
    })
    .collect()
}

fn cached(mirror: &Stock) -> BTreeMap<String, i64> {
    let mut all = BTreeMap::new();
    mirror.cache().for_each(&mut |key: &str, value| _ = all.insert(key.to_owned(), value));
    all
}

/// Waits until the mirror has everything that was written before, and compares.
async fn assert_equal(redis: &Redis, mirror: &Stock) {
    within(mirror.wait_for_sync()).await.unwrap();
    assert_eq!(cached(mirror), content(redis, "stock:"));
}

const KEYS: u64 = 300;

/// Writes growing values to many keys, and checks a mirror against those that were acknowledged.
struct Load {
    writer: Writer,
    /// The values of each key, with a time when they were known to be in Redis.
    history: Mutex<HashMap<u64, Vec<(Instant, i64)>>>,
    stop: AtomicBool,
}

impl Load {
    async fn start(server: &Server, log: &Log) -> (Arc<Self>, JoinHandle<()>) {
        let writer = writer(server, log).await;
        let load = Arc::new(Self { writer, history: Mutex::default(), stop: AtomicBool::new(false) });
        let running = Arc::clone(&load);
        let task = tokio::spawn(async move { running.run().await });
        until("all keys were written", || load.history.lock().unwrap().len() as u64 == KEYS).await;
        (load, task)
    }

    async fn run(&self) {
        let mut value = 0_i64;
        while !self.stop.load(Ordering::Acquire) {
            let batch: Vec<_> =
                (0..20).map(|step| ((value as u64 + step * 7) % KEYS, value + step as i64 + 1)).collect();
            value += 20;
            let writes: Vec<_> = batch.iter().map(|(key, value)| Write::set_int(key, *value)).collect();
            // Values whose answer is lost are no part of the history. They may be seen all the same.
            if self.writer.apply(&writes).await.is_ok() {
                let now = Instant::now();
                let mut history = self.history.lock().unwrap();
                batch.into_iter().for_each(|(key, value)| history.entry(key).or_default().push((now, value)));
            }
            // About 10,000 changes a second. A mirror in a debug build does not read many more.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Looks at all keys: none may be older than the mirror says, or than it was in an earlier look.
    fn check(&self, mirror: &Stock, newest: &mut HashMap<u64, i64>) -> Result<(), String> {
        for key in 0..KEYS {
            let now = Instant::now();
            let staleness = mirror.staleness();
            let seen = mirror.cache().get(&key.to_string());
            let before = newest.get(&key).copied();
            if before > seen {
                return Err(format!("key {key} went back from {before:?} to {seen:?}"));
            }
            newest.extend(seen.map(|seen| (key, seen)));
            let Some(fresh) = staleness.and_then(|staleness| now.checked_sub(staleness)) else { continue };
            let history = self.history.lock().unwrap();
            let acknowledged =
                history[&key].iter().rev().find(|(at, _)| *at <= fresh).map(|(_, value)| *value);
            if acknowledged > seen {
                return Err(format!("key {key} is {seen:?}, but was {acknowledged:?} {staleness:?} ago"));
            }
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mirror_has_what_was_there_and_what_is_written() {
    let redis = Redis::start();
    let server = standalone(&redis.url());
    let writer = writer(&server, &log()).await;
    writer.set_int("a", 1).await.unwrap();
    writer.set_int("b", 1).await.unwrap();
    // Keys that were there before the log.
    redis.command(&["SET", "stock:c", "7"]);
    redis.command(&["SET", "other", "7"]);
    let mirror = mirror(&redis.url()).await;
    assert_eq!(cached(&mirror), content(&redis, "stock:"));
    assert_eq!(mirror.cache().get("c"), Some(7));
    writer.add("a", 5).await.unwrap();
    writer.del("b").await.unwrap();
    writer.set_int("d", 9).await.unwrap();
    within(mirror.wait_for_sync()).await.unwrap();
    let seen = ["a", "b", "c", "d"].map(|key| mirror.cache().get(key));
    assert_eq!(seen, [Some(6), None, Some(7), Some(9)]);

    within(mirror.stop()).await;
    writer.set_int("a", 0).await.unwrap();
    assert_eq!((mirror.cache().get("a"), mirror.state()), (Some(6), State::Stopped));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_may_begin_after_the_mirror() {
    let redis = Redis::start();
    redis.command(&["SET", "stock:a", "1"]);
    let mirror = mirror(&redis.url()).await;
    assert_eq!(mirror.cache().get("a"), Some(1));
    let writer = writer(&standalone(&redis.url()), &log()).await;
    writer.add("a", 1).await.unwrap();
    writer.set_int("b", 5).await.unwrap();
    assert_equal(&redis, &mirror).await;
}

/// Loads while everything changes, with the usual mirror and one with a planted bug.
async fn load_beside_writes(bug: Option<&str>) -> Result<(), String> {
    let redis = Redis::start();
    let server = standalone(&redis.url());
    let (load, task) = Load::start(&server, &log()).await;
    let mut newest = HashMap::new();
    for _ in 0..5 {
        // Small pages, so that a load takes long.
        let mut builder = builder(&server, &log()).page(3);
        if let Some(bug) = bug {
            builder = builder.seeded(bug);
        }
        let mirror = ready(builder).await;
        load.check(&mirror, &mut newest)?;
    }
    let mirror = ready(builder(&server, &log()).page(10)).await;
    load.stop.store(true, Ordering::Release);
    task.await.unwrap();
    assert_equal(&redis, &mirror).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_load_beside_writes_misses_nothing() {
    load_beside_writes(None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_was_begun_again_while_the_mirror_was_away_is_not_gone_on_with() {
    let redis = Redis::start();
    let proxy = Proxy::to(&redis);
    let writer = writer(&standalone(&redis.url()), &log()).await;
    writer.set_int("a", 1).await.unwrap();
    let mirror = mirror(&proxy.url()).await;
    proxy.refuse(true);
    proxy.cut();
    redis.command(&["FLUSHALL"]);
    // Longer than it was.
    writer.apply(&vec![Write::set_int("b", 1); 5]).await.unwrap();
    proxy.refuse(false);
    assert_equal(&redis, &mirror).await;
}

/// The negative control.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn loading_first_and_following_afterwards_is_caught() {
    load_beside_writes(Some("load-then-track")).await.unwrap_err();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_older_than_said_or_goes_back_while_connections_are_lost() {
    let redis = Arc::new(Redis::start());
    let server = standalone(&redis.url());
    let proxy = Proxy::to(&redis);
    let (load, task) = Load::start(&server, &log()).await;
    let mirror = mirror(&proxy.url()).await;
    let mut newest = HashMap::new();
    for round in 0..30 {
        match round % 6 {
            2 => proxy.cut(),
            4 => _ = redis.command(&["XTRIM", "log:stock:", "MAXLEN", "0"]),
            5 => proxy.stall(),
            _ => {}
        }
        for _ in 0..10 {
            load.check(&mirror, &mut newest).unwrap();
            tokio::task::yield_now().await;
        }
        proxy.resume();
        until("the mirror is ready", || mirror.state() == State::Ready).await;
    }
    load.stop.store(true, Ordering::Release);
    task.await.unwrap();
    assert_equal(&redis, &mirror).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_is_trimmed_past_the_mirror_makes_it_load_again() {
    let redis = Redis::start();
    let proxy = Proxy::to(&redis);
    let writer = writer(&standalone(&redis.url()), &log()).await;
    for (keep, gone) in [("10", "a"), ("0", "b")] {
        writer.set_int(gone, 1).await.unwrap();
        let mirror = mirror(&proxy.url()).await;
        assert_eq!(mirror.cache().get(gone), Some(1));
        proxy.stall();
        writer.del(gone).await.unwrap();
        for key in 0..50 {
            writer.set_int(&key, 1).await.unwrap();
        }
        redis.command(&["XTRIM", "log:stock:", "MAXLEN", keep]);
        // What was answered before is not sent again: the mirror must ask.
        proxy.cut();
        proxy.resume();
        until("it has noticed", || mirror.cache().get(gone).is_none()).await;
        assert_equal(&redis, &mirror).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_lost_connection_nothing_is_loaded_again() {
    let redis = Redis::start();
    let proxy = Proxy::to(&redis);
    let writer = writer(&standalone(&redis.url()), &log()).await;
    let writes: Vec<_> = (0..500).map(|key: i64| Write::set_int(&key, key)).collect();
    writer.apply(&writes).await.unwrap();
    let mirror = mirror(&proxy.url()).await;
    let loaded = mirror.progress().applied;
    assert_eq!(loaded, 500);
    for round in 1..=5 {
        proxy.cut();
        writer.add("1", 1).await.unwrap();
        writer.del(&round).await.unwrap();
        assert_equal(&redis, &mirror).await;
    }
    // Five additions, of which one is to a key that was deleted.
    assert_eq!(mirror.progress().applied, loaded + 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_loses_its_data_or_its_log_is_followed() {
    let redis = Redis::builder().append_only(Fsync::Always).start();
    let server = standalone(&redis.url()).timeout(Duration::from_secs(2));
    let writer = writer(&server, &log()).await;
    writer.set_int("a", 1).await.unwrap();
    let mirror = mirror(&redis.url()).await;

    redis.kill_9();
    until("it has noticed", || matches!(mirror.state(), State::Resyncing { .. })).await;
    assert_eq!(mirror.cache().get("a"), Some(1), "it serves what it has");
    redis.restart();
    within(async { while writer.add("a", 1).await.is_err() {} }).await;
    assert_equal(&redis, &mirror).await;

    redis.command(&["DEL", "log:stock:"]);
    // Behind the log's back: only a load finds it.
    redis.command(&["SET", "stock:b", "1"]);
    until("it has loaded again", || mirror.cache().get("b") == Some(1)).await;

    writer.set_int("c", 1).await.unwrap();
    assert_equal(&redis, &mirror).await;
    redis.command(&["FLUSHALL"]);
    until("the cache is empty", || mirror.cache().is_empty()).await;
    writer.set_int("d", 1).await.unwrap();
    assert_equal(&redis, &mirror).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_that_do_not_decode_are_reported_and_do_not_stop_the_rest() {
    let redis = Redis::start();
    let writer = writer(&standalone(&redis.url()), &log()).await;
    writer.set("loaded", "many", None).await.unwrap();
    redis.command(&["LPUSH", "stock:list", "1"]);
    writer.set_int("good", 1).await.unwrap();
    let mirror = mirror(&redis.url()).await;
    let (count, found) = mirror.undecodable();
    let reasons: HashMap<_, _> = found.into_iter().map(|one| (one.key, one.reason)).collect();
    assert_eq!(count, 2);
    assert_eq!(reasons["stock:loaded"], Reason::NotAnInteger { value: "many".to_owned() });
    assert_eq!(reasons["stock:list"], Reason::WrongType { found: "list".to_owned() });

    writer.set("good", "9223372036854775808", None).await.unwrap();
    writer.set("bytes", &b"\xff"[..], None).await.unwrap();
    writer.apply(&[Write::set(&b"\xfe"[..], "1")]).await.unwrap();
    writer.set_int("loaded", 5).await.unwrap();
    within(mirror.wait_for_sync()).await.unwrap();
    let (count, found) = mirror.undecodable();
    assert_eq!(count, 5);
    assert!(found.iter().any(|one| one.reason == Reason::Key), "{found:?}");
    assert_eq!(found[2].reason, Reason::OutOfRange { value: "9223372036854775808".to_owned() });
    // What is no integer any more is not left as it was.
    let seen = ["good", "loaded", "bytes", "list"].map(|key| mirror.cache().get(key));
    assert_eq!(seen, [None, Some(5), None, None]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_expire_whether_they_were_loaded_or_followed() {
    let redis = Redis::start();
    let server = standalone(&redis.url());
    let writer = writer(&server, &log()).await;
    let (hour, soon) = (Some(Duration::from_secs(3600)), Some(Duration::from_millis(400)));
    writer.set("loaded, long", "x", hour).await.unwrap();
    writer.set("loaded, soon", "x", soon).await.unwrap();
    let cache: Arc<Cache<String, str, BucketBackend>> = Arc::new(Cache::builder().build());
    let mirror = builder(&server, &log()).cache(Arc::clone(&cache), Text).start().await.unwrap();
    within(mirror.ready()).await.unwrap();
    writer.set("followed, long", "x", hour).await.unwrap();
    writer.set("followed, soon", "x", soon).await.unwrap();
    writer.set("for ever", "x", None).await.unwrap();
    within(mirror.wait_for_sync()).await.unwrap();
    let has = |key: &str| cache.get(key).is_some();
    until("they have expired", || !has("loaded, soon") && !has("followed, soon")).await;
    assert!(has("loaded, long") && has("followed, long") && has("for ever"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_cluster_a_log_moves_with_its_keys() {
    let cluster = Cluster::start(3);
    let server = Server::cluster(cluster.urls()).unwrap();
    let log = Log::of("stock:{a}:").unwrap();
    let writer = writer(&server, &log).await;
    writer.set_int("x", 1).await.unwrap();
    let mirror = ready(builder(&server, &log)).await;
    assert_eq!(mirror.cache().get("x"), Some(1));
    let from = cluster.owner_of(log.prefix());
    let to = (from + 1) % 3;
    cluster.move_slot(cluster.slot_of(log.prefix()), from, to);
    writer.set_int("x", 2).await.unwrap();
    writer.set_int("y", 5).await.unwrap();
    until("the mirror follows", || mirror.cache().get("y") == Some(5)).await;
    within(mirror.ready()).await.unwrap();
    let expected: BTreeMap<_, _> = [("x".to_owned(), 2), ("y".to_owned(), 5)].into();
    assert_eq!(cached(&mirror), expected);
    assert_eq!(content(cluster.node(to), log.prefix()), expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_cluster_nothing_is_loaded_while_keys_are_on_their_way() {
    let cluster = Cluster::start(3);
    let server = Server::cluster(cluster.urls()).unwrap();
    let log = Log::of("stock:{a}:").unwrap();
    let writer = writer(&server, &log).await;
    writer.set_int("x", 1).await.unwrap();
    writer.set_int("y", 2).await.unwrap();
    let (from, slot) = (cluster.owner_of(log.prefix()), cluster.slot_of(log.prefix()));
    let to = (from + 1) % 3;
    cluster.begin_move(slot, from, to);
    cluster.migrate("stock:{a}:x", from, to);
    let cache = Arc::<BucketIntCache>::default();
    cache.set("x", 1);
    let mirror = builder(&server, &log).int(Arc::clone(&cache)).spawn().unwrap();
    until("it has tried", || mirror.last_error().is_some() || mirror.state() == State::Ready).await;
    assert!(mirror.last_error().unwrap().to_string().contains("slots are moving"));
    assert_eq!(mirror.cache().get("x"), Some(1));
    cluster.move_slot(slot, from, to);
    within(mirror.ready()).await.unwrap();
    assert_eq!(cached(&mirror), [("x".to_owned(), 1), ("y".to_owned(), 2)].into());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_promoted_replica_is_followed() {
    let group = Sentinels::start();
    let server = Server::sentinel(group.urls(), group.name()).unwrap().timeout(Duration::from_secs(1));
    let writer = writer(&server, &log()).await;
    writer.set_int("a", 1).await.unwrap();
    let mirror = ready(builder(&server, &log())).await;
    group.fail_over();
    let promoted = group.primary();
    within(async {
        while writer.add("a", 1).await.is_err() || promoted.command(&["XLEN", "log:stock:"]).int() < 2 {}
    })
    .await;
    until("the mirror follows", || mirror.cache().get("a") == Some(content(promoted, "stock:")["a"])).await;
    within(mirror.ready()).await.unwrap();
    writer.set_int("b", 5).await.unwrap();
    assert_equal(promoted, &mirror).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_work_is_refused() {
    let redis = Redis::start();
    let server = standalone(&redis.url());
    let feed = RedisFeed::new(&server, &log()).unwrap();
    let other = Mirror::builder(&server, "stocks:").int(Arc::<BucketIntCache>::default()).follow(feed);
    let error = other.start().await.unwrap_err();
    assert!(
        matches!(&error, Error::InvalidOption { option: "prefix", reason } if reason.contains("`stock:`")),
        "{error}"
    );

    redis.command(&["SET", "log:stock:", "1"]);
    let error = builder(&server, &log()).int(Arc::<BucketIntCache>::default()).start().await.unwrap_err();
    assert!(matches!(&error, Error::Refused { code, .. } if code == "WRONGTYPE"), "{error}");
    // Once that is mended, the mirror goes on by itself.
    let mirror = builder(&server, &log()).int(Arc::<BucketIntCache>::default()).spawn().unwrap();
    until("it has tried", || mirror.last_error().is_some()).await;
    redis.command(&["DEL", "log:stock:"]);
    until("it is ready", || mirror.state() == State::Ready).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_longest_silence_is_allowed() {
    let redis = Redis::start();
    let writer = writer(&standalone(&redis.url()), &log()).await;
    // A log that begins later would be another history, and another session.
    writer.set_int("a", 5).await.unwrap();
    let day = Duration::from_secs(86_400);
    let mirror = ready(builder(&standalone(&redis.url()), &log()).silence(day)).await;
    assert_eq!(mirror.cache().get("a"), Some(5));
    writer.set_int("a", 6).await.unwrap();
    until("the change is seen", || mirror.cache().get("a") == Some(6)).await;
    // It was not loaded by another session.
    assert_eq!(mirror.last_error(), None);
}

/// The rights of a user, in the page on operations.
fn documented_rights(user: &str) -> String {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/operations.md");
    let page = std::fs::read_to_string(page).unwrap();
    let start = format!("ACL SETUSER {user} ");
    let (_, rest) = page.split_once(&start).expect("the page names this user");
    let end = rest.find("ACL SETUSER").into_iter().chain(rest.find("```")).min().unwrap_or(rest.len());
    format!("{user} {}", rest[..end].split_whitespace().collect::<Vec<_>>().join(" "))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rights_that_the_page_on_operations_lists_are_enough() {
    let redis =
        Redis::builder().acl(&documented_rights("follower")).acl(&documented_rights("writer")).start();
    redis.command(&["RPUSH", "stock:list", "1"]);
    redis.command(&["HSET", "log:stock::writers", "old", "7 1000"]);
    let server = standalone(&redis.url_of("writer", "secret"));
    let direct = writer(&server, &log()).await;
    direct.add("a", 1).await.unwrap();
    direct.set("b", "5", Some(Duration::from_secs(3600))).await.unwrap();
    let cache: Arc<Cache<String, str, BucketBackend>> = Arc::new(Cache::builder().build());
    let follower = standalone(&redis.url_of("follower", "secret"));
    let mirror = builder(&follower, &log()).cache(Arc::clone(&cache), Text).start().await.unwrap();
    within(mirror.ready()).await.unwrap();
    assert_eq!(cache.get("b").as_deref().map(String::as_str), Some("5"));
    let behind = WriteBehind::<str, _>::new(direct.clone(), Arc::new(BucketIntCache::<str>::default()));
    behind.add("a", 5).await.unwrap();
    within(behind.flush()).await.unwrap();
    until("the addition is seen", || cache.get("a").as_deref().map(String::as_str) == Some("6")).await;
    direct.del("a").await.unwrap();
    until("the deletion is seen", || cache.get("a").is_none()).await;
    // The heartbeat asks, too.
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(mirror.last_error(), None);
    assert_eq!(redis.command(&["HEXISTS", "log:stock::writers", "old"]).int(), 0);
}
