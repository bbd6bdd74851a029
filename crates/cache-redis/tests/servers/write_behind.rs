//! Every delta reaches Redis exactly once, whatever becomes of answers, connections and the server.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use cache_bucket::BucketIntCache;
use cache_core::IntCache;
use cache_redis::feed::Log;
use cache_redis::writer::{Failure, QueueError, WriteBehind, Writer};
use cache_redis::{Outcome, Server};
use redis_testkit::{Fsync, PATIENCE, Proxy, Redis, until};

type Cache = BucketIntCache<u64>;
type Behind = WriteBehind<u64, Cache>;

const KEYS: u64 = 50;

async fn writer(url: &str) -> Writer {
    let server =
        Server::standalone(url).expect("the testkit's URLs are valid").timeout(Duration::from_secs(2));
    Writer::connect(&server, &Log::of("s:").expect("the prefix is valid"))
        .await
        .expect("the server can be used")
}

async fn behind(url: &str) -> Behind {
    WriteBehind::builder(writer(url).await, Arc::default()).interval(Duration::ZERO).start()
}

async fn flush(behind: &Behind) -> Result<(), cache_redis::writer::FlushError> {
    tokio::time::timeout(PATIENCE, behind.flush()).await.expect("a flush must not hang")
}

/// What the server has under a key.
fn value(redis: &Redis, key: u64) -> Option<i64> {
    let reply = redis.command(&["GET", &format!("s:{key}")]);
    (!reply.is_nil()).then(|| reply.int())
}

/// The oracle: the keys whose sums differ from those of the cache, which has every delta once.
fn wrong(redis: &Redis, cache: &Cache) -> Vec<(u64, Option<i64>, Option<i64>)> {
    let keys = (0..KEYS).map(|key| (key, cache.get(&key), value(redis, key)));
    keys.filter(|(_, expected, found)| expected != found).collect()
}

/// Adds to all keys at full speed while a thread does `faults`.
async fn add_during(redis: &Arc<Redis>, behind: &Behind, faults: impl FnOnce(&Redis) + Send + 'static) {
    let server = Arc::clone(redis);
    let faults = thread::spawn(move || faults(&server));
    let mut steps = 0;
    while !faults.is_finished() || steps < KEYS {
        behind.add(&(steps % KEYS), 1).await.expect("a few ones do not overflow");
        steps += 1;
        if steps % 7 == 0 {
            tokio::task::yield_now().await;
        }
    }
    faults.join().expect("the faults do not panic");
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_all_kinds_arrive_merged() {
    let redis = Redis::start();
    redis.command(&["SET", "s:5", "100"]);
    let behind = behind(&redis.url()).await;
    redis.pause();
    assert_eq!(behind.add(&1, 5).await, Ok(5));
    assert_eq!(behind.add(&1, -2).await, Ok(3));
    behind.set(&2, 7).await.unwrap();
    assert_eq!(behind.add(&2, 1).await, Ok(8));
    behind.set(&3, 7).await.unwrap();
    assert_eq!(behind.del(&3).await, Ok(true));
    assert_eq!(behind.del(&4).await, Ok(false));
    assert_eq!(behind.add(&4, 9).await, Ok(9));
    // Another process counted before.
    assert_eq!(behind.add(&5, 1).await, Ok(1));
    redis.resume();
    flush(&behind).await.unwrap();
    let values: Vec<_> = (1..=5).map(|key| value(&redis, key)).collect();
    assert_eq!(values, [Some(3), Some(8), None, Some(9), Some(101)]);
    // The changes of a key that were made while the server was paused became one, except for the batch that was under way.
    assert!(redis.command(&["XLEN", "log:s:"]).int() <= 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_whose_answer_is_lost_counts_once() {
    let redis = Redis::start();
    let proxy = Proxy::to(&redis);
    let behind = behind(&proxy.url()).await;
    for _ in 0..20 {
        proxy.lose_next_answer();
        for key in 0..KEYS {
            behind.add(&key, 1).await.unwrap();
        }
        flush(&behind).await.unwrap();
        assert!(!proxy.is_losing(), "an answer must have been lost");
    }
    assert_eq!(wrong(&redis, behind.cache()), []);
    assert_eq!(value(&redis, 0), Some(20));
}

/// The negative control: without a sequence number, an addition that is repeated after its answer was lost counts twice. The
/// oracle sees that.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_sequence_number_it_counts_twice() {
    let redis = Redis::start();
    let proxy = Proxy::to(&redis);
    let writer = writer(&proxy.url()).await;
    let cache = Cache::default();
    // The server learns the script.
    cache.set(&0, writer.add(&0, 1).await.unwrap());
    for round in 0..20 {
        proxy.lose_next_answer();
        cache.add(&(round % KEYS), 1);
        while let Err(error) = writer.add(&(round % KEYS), 1).await {
            assert_eq!(error.outcome(), Outcome::Unknown, "{error}");
        }
    }
    assert_eq!(wrong(&redis, &cache).len(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_are_killed_again_and_again_lose_and_double_nothing() {
    let redis = Arc::new(Redis::start());
    let behind = behind(&redis.url()).await;
    add_during(&redis, &behind, |redis| {
        let mut connection = redis.connect();
        let mut kills = 0;
        until("some connections were killed", || {
            let killed = connection.command(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
            kills += killed.expect("this connection is spared").int();
            kills >= 50
        });
    })
    .await;
    flush(&behind).await.unwrap();
    assert_eq!(wrong(&redis, behind.cache()), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_and_restarted_has_every_delta_once() {
    let redis = Arc::new(Redis::builder().append_only(Fsync::Always).start());
    let behind = behind(&redis.url()).await;
    add_during(&redis, &behind, |redis| {
        for round in 0..8 {
            let before = redis.command(&["XLEN", "log:s:"]).int();
            until("batches were written", || redis.command(&["XLEN", "log:s:"]).int() > before + 20 + round);
            redis.kill_9();
            redis.restart();
        }
    })
    .await;
    flush(&behind).await.unwrap();
    assert_eq!(wrong(&redis, behind.cache()), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_server_makes_a_batch_only_once_though_it_was_sent_twice() {
    let redis = Redis::start();
    let server = Server::standalone(&redis.url()).unwrap().timeout(Duration::from_millis(200));
    let writer = Writer::connect(&server, &Log::of("s:").unwrap()).await.unwrap();
    let behind: Behind = WriteBehind::new(writer, Arc::default());
    behind.add(&1, 1).await.unwrap();
    flush(&behind).await.unwrap();
    redis.pause();
    behind.add(&1, 1).await.unwrap();
    until("the call has timed out", || {
        behind.last_error().is_some_and(|error| error.outcome() == Outcome::Unknown)
    });
    // What was sent waits in the socket, and so does what is sent again.
    thread::sleep(Duration::from_millis(500));
    redis.resume();
    flush(&behind).await.unwrap();
    assert_eq!(value(&redis, 1), Some(2));
    assert_eq!(behind.last_error(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_change_is_reported_once_also_if_the_answer_was_lost() {
    let redis = Redis::start();
    let proxy = Proxy::to(&redis);
    let behind = behind(&proxy.url()).await;
    redis.command(&["SET", "s:7", "many"]);
    for lose in [false, true] {
        if lose {
            proxy.lose_next_answer();
        }
        // In one batch.
        redis.pause();
        behind.add(&7, 1).await.unwrap();
        behind.add(&8, 1).await.unwrap();
        redis.resume();
        let error = flush(&behind).await.unwrap_err();
        assert!(!proxy.is_losing());
        let [Failure::Refused { key, reason }] = &error.failures[..] else { panic!("{error:?}") };
        assert!(key == b"7" && reason.contains("not an integer"), "{error}");
        flush(&behind).await.unwrap();
    }
    assert_eq!((value(&redis, 8), behind.cache().get(&7)), (Some(2), Some(2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_takes_no_writes_for_a_while_has_them_later() {
    let redis = Redis::start();
    let behind = behind(&redis.url()).await;
    behind.add(&1, 1).await.unwrap();
    flush(&behind).await.unwrap();
    redis.command(&["CONFIG", "SET", "maxmemory", "1"]);
    behind.add(&1, 1).await.unwrap();
    until("it was refused", || behind.last_error().is_some_and(|error| error.to_string().contains("OOM")));
    assert_eq!(value(&redis, 1), Some(1));
    redis.command(&["CONFIG", "SET", "maxmemory", "0"]);
    flush(&behind).await.unwrap();
    assert_eq!(value(&redis, 1), Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_refuses_or_waits() {
    let redis = Redis::start();
    let writer = writer(&redis.url()).await;
    let behind: Arc<Behind> = Arc::new(WriteBehind::builder(writer, Arc::default()).max_keys(2).start());
    redis.pause();
    behind.add(&0, 1).await.unwrap();
    until("the first batch is under way", || behind.waiting() == 0);
    behind.add_now(&1, 1).unwrap();
    behind.add_now(&2, 1).unwrap();
    let full = Err(QueueError::Full { keys: 2 });
    assert_eq!(behind.add_now(&3, 1), full);
    assert_eq!(behind.del_now(&0), full.map(|_| true));
    assert_eq!((behind.cache().get(&3), behind.cache().get(&0)), (None, Some(1)));
    // A key that waits already takes no room.
    assert_eq!(behind.add_now(&1, 1), Ok(2));
    let waiting = Arc::clone(&behind);
    let waiting = tokio::spawn(async move { waiting.add(&3, 1).await });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    redis.resume();
    let waited = tokio::time::timeout(PATIENCE, waiting).await.expect("there is room soon");
    assert_eq!(waited.unwrap(), Ok(1));
    flush(&behind).await.unwrap();
    assert_eq!(wrong(&redis, behind.cache()), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_told_is_reported_and_not_guessed() {
    let redis = Redis::start();
    let proxy = Proxy::to(&redis);
    let behind = behind(&proxy.url()).await;
    behind.add(&1, 1).await.unwrap();
    flush(&behind).await.unwrap();
    proxy.lose_next_answer();
    proxy.refuse(true);
    behind.add(&1, 1).await.unwrap();
    until("the answer is lost", || !proxy.is_losing() && behind.last_error().is_some());
    redis.command(&["FLUSHALL"]);
    proxy.refuse(false);
    let error = flush(&behind).await.unwrap_err();
    assert_eq!(error.failures, [Failure::Unknown { keys: vec![b"1".to_vec()] }]);
    assert_eq!(value(&redis, 1), None);
    // It goes on under another name.
    behind.add(&1, 1).await.unwrap();
    flush(&behind).await.unwrap();
    assert_eq!(value(&redis, 1), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_acknowledged_and_lost_is_reported() {
    let redis = Redis::start();
    let behind = behind(&redis.url()).await;
    for _ in 0..3 {
        behind.add(&1, 1).await.unwrap();
        flush(&behind).await.unwrap();
    }
    // It keeps nothing on disk.
    redis.kill_9();
    redis.restart();
    behind.add(&1, 1).await.unwrap();
    let error = flush(&behind).await.unwrap_err();
    assert!(
        matches!(error.failures[..], [Failure::Lost { batches: 3 } | Failure::Unknown { .. }]),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_it_discards_and_closing_it_does_not() {
    let redis = Redis::start();
    for close in [false, true] {
        let behind = behind(&redis.url()).await;
        redis.pause();
        behind.add(&1, 1).await.unwrap();
        until("the first batch is under way", || behind.waiting() == 0);
        behind.add(&2, 1).await.unwrap();
        if close {
            redis.resume();
            tokio::time::timeout(PATIENCE, behind.close()).await.expect("it ends").unwrap();
            assert_eq!(value(&redis, 2), Some(1));
        } else {
            drop(behind);
            redis.resume();
            // Time enough for a task that goes on.
            tokio::time::sleep(Duration::from_millis(100)).await;
            assert_eq!(value(&redis, 2), None);
        }
    }
}

/// A script that stops after its first write is not undone.
#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_stops_in_the_middle_is_not_run_again() {
    let redis = Redis::start();
    let behind = behind(&redis.url()).await;
    behind.add(&1, 1).await.unwrap();
    flush(&behind).await.unwrap();
    // No id is left for another entry.
    let last = u64::MAX;
    redis.command(&["XSETID", "log:s:", &format!("{last}-{last}")]);
    behind.add(&1, 1).await.unwrap();
    let error = flush(&behind).await.unwrap_err();
    assert_eq!(error.failures, [Failure::Unknown { keys: vec![b"1".to_vec()] }]);
    assert_eq!(value(&redis, 1), Some(2));
    // It goes on under another name.
    redis.command(&["DEL", "log:s:"]);
    behind.add(&1, 1).await.unwrap();
    flush(&behind).await.unwrap();
    assert_eq!(value(&redis, 1), Some(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_that_lacks_a_command_changes_nothing_until_it_is_allowed() {
    for command in ["pttl", "xadd", "xinfo", "hset", "get"] {
        let redis = Redis::builder().acl(&format!("shop on >secret ~* +@all -{command}")).start();
        let behind = behind(&redis.url_of("shop", "secret")).await;
        behind.add(&1, 1).await.unwrap();
        until("it was refused", || behind.last_error().is_some());
        let error = behind.last_error().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains(command), "{command}: {error}");
        assert_eq!(value(&redis, 1), None, "{command}");
        redis.command(&["ACL", "SETUSER", "shop", &format!("+{command}")]);
        flush(&behind).await.unwrap();
        assert_eq!(value(&redis, 1), Some(1), "{command}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_writer_looks_at_few_of_the_old_names() {
    let redis = Redis::start();
    for name in 0..500 {
        redis.command(&["HSET", "log:s::writers", &format!("old{name}"), "7 1000"]);
    }
    let behind = behind(&redis.url()).await;
    behind.add(&1, 1).await.unwrap();
    flush(&behind).await.unwrap();
    // It removed 20, and added itself.
    assert_eq!(redis.command(&["HLEN", "log:s::writers"]).int(), 481);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interval_without_an_end_does_not_end_the_task() {
    let redis = Redis::start();
    let writer = writer(&redis.url()).await;
    let behind: Behind = WriteBehind::builder(writer, Arc::default()).interval(Duration::MAX).start();
    behind.add(&1, 1).await.unwrap();
    flush(&behind).await.unwrap();
    // Time enough for a task that panics.
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(behind.add_now(&1, 1), Ok(2));
}

#[test]
fn nobody_waits_for_a_task_that_has_ended() {
    let redis = Redis::start();
    let runtime = || tokio::runtime::Runtime::new().expect("a runtime can be made");
    let first = runtime();
    let behind: Behind = first.block_on(async {
        WriteBehind::builder(writer(&redis.url()).await, Arc::default()).max_keys(1).start()
    });
    redis.pause();
    first.block_on(behind.add(&1, 1)).unwrap();
    until("the first batch is under way", || behind.waiting() == 0);
    first.block_on(behind.add(&2, 1)).unwrap();
    drop(first);
    redis.resume();
    runtime().block_on(async {
        let waiting = tokio::time::timeout(PATIENCE, behind.add(&3, 1)).await;
        assert_eq!(waiting.expect("it must not hang"), Err(QueueError::Stopped));
        assert_eq!(behind.cache().get(&3), None);
        for _ in 0..2 {
            let error = flush(&behind).await.unwrap_err();
            assert_eq!(error.failures, [Failure::Stopped { keys: 2 }]);
        }
    });
}
