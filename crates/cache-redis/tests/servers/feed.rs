//! A reader of the change log sees every change in order, or says that it cannot.

use std::future::Future;
use std::time::Duration;

use cache_redis::feed::{
    Change, ChangeFeed, Changed, FeedError, FeedReader, Log, Position, RedisFeed, RedisReader,
};
use cache_redis::writer::{Write, Writer};
use cache_redis::{Error, Server};
use redis_testkit::{Cluster, PATIENCE, Redis};

fn log() -> Log {
    Log::of("s:").expect("the prefix is valid")
}

fn server(redis: &Redis) -> Server {
    Server::standalone(&redis.url()).expect("the testkit's URLs are valid")
}

async fn writer(redis: &Redis) -> Writer {
    Writer::connect(&server(redis), &log()).await.expect("the server can be used")
}

async fn open(redis: &Redis) -> RedisReader {
    RedisFeed::new(&server(redis), &log())
        .expect("the log is valid")
        .open()
        .await
        .expect("the server can be used")
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it must not hang")
}

/// Reads until something comes.
async fn read(reader: &RedisReader, after: u64) -> Result<Vec<Change>, FeedError> {
    loop {
        let changes = soon(reader.read(Position::new(after), 100)).await?;
        if !changes.is_empty() {
            return Ok(changes);
        }
    }
}

fn set(number: u64, key: &str, value: &str) -> Change {
    let changed = Changed::Set { value: value.into(), time_to_live: None };
    Change::new(Position::new(number), key.into(), changed)
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_read_in_order_from_any_position() {
    let redis = Redis::start();
    let writer = writer(&redis).await;
    writer.set_int("a", 1).await.unwrap();
    let reader = open(&redis).await;
    assert_eq!(reader.last().await, Ok(Position::new(1)));
    writer.add("a", 1).await.unwrap();
    writer.set("b", "x\0", None).await.unwrap();
    writer.del("a").await.unwrap();
    let all = [
        set(1, "a", "1"),
        set(2, "a", "2"),
        set(3, "b", "x\0"),
        Change::new(Position::new(4), b"a".to_vec(), Changed::Deleted),
    ];
    assert_eq!(soon(reader.read(Position::START, 100)).await.unwrap(), all);
    assert_eq!(soon(reader.read(Position::START, 3)).await.unwrap(), all[..3]);
    assert_eq!(soon(reader.read(Position::new(2), 100)).await.unwrap(), all[2..]);
    assert_eq!(reader.last().await, Ok(Position::new(4)));
    assert_eq!(reader.is_last(Position::new(4)).await, Ok(true));
    assert_eq!(reader.is_last(Position::new(3)).await, Ok(false));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_waits_for_the_next_change() {
    let redis = Redis::start();
    let writer = writer(&redis).await;
    writer.set_int("a", 1).await.unwrap();
    let reader = open(&redis).await;
    // Nothing comes, and it ends by itself.
    assert_eq!(soon(reader.read(Position::new(1), 100)).await, Ok(Vec::new()));
    let (changes, written) = tokio::join!(read(&reader, 1), async {
        // The reader answers other questions while it waits.
        assert_eq!(reader.is_last(Position::new(1)).await, Ok(true));
        writer.set_int("a", 2).await
    });
    assert_eq!((changes, written), (Ok(vec![set(2, "a", "2")]), Ok(Position::new(2))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_trimmed_past_the_reader_is_a_gap() {
    let redis = Redis::start();
    let writer = writer(&redis).await;
    for value in 1..=10 {
        writer.set_int("a", value).await.unwrap();
    }
    let reader = open(&redis).await;
    redis.command(&["XTRIM", "log:s:", "MAXLEN", "5"]);
    let gap = |expected, found: Option<u64>| FeedError::Gap {
        expected: Position::new(expected),
        found: found.map(Position::new),
    };
    assert_eq!(soon(reader.read(Position::new(4), 100)).await, Err(gap(5, Some(6))));
    assert_eq!(reader.is_last(Position::new(4)).await, Err(gap(5, Some(6))));
    assert_eq!(soon(reader.read(Position::new(5), 100)).await.map(|changes| changes.len()), Ok(5));
    // An empty log does not look as if all had been read.
    redis.command(&["XTRIM", "log:s:", "MAXLEN", "0"]);
    assert_eq!(soon(reader.read(Position::new(9), 100)).await, Err(gap(10, None)));
    assert_eq!(reader.is_last(Position::new(9)).await, Err(gap(10, None)));
    assert_eq!(reader.is_last(Position::new(10)).await, Ok(true));
    assert_eq!(reader.last().await, Ok(Position::new(10)));
    writer.set_int("a", 11).await.unwrap();
    assert_eq!(read(&reader, 10).await, Ok(vec![set(11, "a", "11")]));
    assert_eq!(soon(reader.read(Position::new(9), 100)).await, Err(gap(10, Some(11))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_deleted_or_begun_again_is_another_one() {
    let redis = Redis::start();
    let writer = writer(&redis).await;
    for begin_again in [false, true] {
        writer.set_int("a", 1).await.unwrap();
        let reader = open(&redis).await;
        let last = reader.last().await.unwrap();
        redis.command(&["FLUSHALL"]);
        if begin_again {
            // Further than it was, so that only the epoch tells.
            let writes = vec![Write::set_int("a", 1); 3];
            writer.apply(&writes).await.unwrap();
        }
        let is_other = |error| matches!(error, FeedError::NewHistory { .. });
        assert!(is_other(soon(reader.read(last, 100)).await.unwrap_err()));
        assert!(is_other(reader.is_last(last).await.unwrap_err()));
        assert!(is_other(reader.last().await.unwrap_err()));
        assert_ne!(open(&redis).await.history(), reader.history());
        redis.command(&["FLUSHALL"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_waits_for_the_first_change_starts_again() {
    let redis = Redis::start();
    let writer = writer(&redis).await;
    let reader = open(&redis).await;
    assert_eq!(reader.last().await, Ok(Position::START));
    assert_eq!(reader.is_last(Position::START).await, Ok(true));
    let (changes, _) = tokio::join!(read(&reader, 0), writer.set_int("a", 1));
    assert!(matches!(changes, Err(FeedError::NewHistory { .. })), "{changes:?}");
    let reader = open(&redis).await;
    assert_eq!(read(&reader, 0).await, Ok(vec![set(1, "a", "1")]));
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_lost_connection_reading_goes_on_unless_the_server_is_another() {
    let redis = Redis::builder().append_only(redis_testkit::Fsync::Always).start();
    let writer = writer(&redis).await;
    writer.set_int("a", 1).await.unwrap();
    let reader = open(&redis).await;
    let (lost, _) = tokio::join!(read(&reader, 1), async {
        redis.command(&["CLIENT", "KILL", "TYPE", "normal"]);
    });
    let lost = lost.unwrap_err();
    assert!(lost.can_resume(), "{lost}");
    // The connection of the writer was killed, too.
    writer.set_int("a", 2).await.unwrap_or(Position::START);
    let again = open(&redis).await;
    assert_eq!(again.history(), reader.history());

    redis.kill_9();
    assert!(again.last().await.unwrap_err().can_resume());
    redis.restart();
    // It has the same log, but who knows what it lost.
    let other = open(&redis).await;
    assert!(other.last().await.unwrap() >= Position::new(1));
    assert_ne!(other.history(), reader.history());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_becomes_a_replica_ends_the_reading() {
    let (redis, primary) = (Redis::start(), Redis::start());
    writer(&redis).await.set_int("a", 1).await.unwrap();
    let reader = open(&redis).await;
    let (waiting, ()) = tokio::join!(read(&reader, 1), async {
        // Time for the read to block.
        tokio::time::sleep(Duration::from_millis(50)).await;
        redis.replica_of(&primary);
    });
    let error = waiting.unwrap_err();
    assert!(matches!(error, FeedError::NewHistory { .. }), "{error}");
    let feed = RedisFeed::new(&server(&redis), &log()).unwrap();
    assert!(matches!(feed.open().await, Err(Error::NotPrimary { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_a_replica_in_between_has_another_history() {
    let redis = Redis::start();
    writer(&redis).await.set_int("a", 1).await.unwrap();
    let reader = open(&redis).await;
    // Of a primary that it cannot reach, so that its data stays.
    redis.command(&["REPLICAOF", "127.0.0.1", "1"]);
    redis.promote();
    let noticed = async {
        while reader.is_last(Position::new(1)).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        reader.last().await
    };
    assert!(matches!(soon(noticed).await, Err(FeedError::NewHistory { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_of_others_are_named() {
    let redis = Redis::start();
    let writer = writer(&redis).await;
    writer.set_int("a", 1).await.unwrap();
    let reader = open(&redis).await;
    let epoch = redis.command(&["XREVRANGE", "log:s:", "+", "-"]).array()[0].array()[0].text().to_owned();
    let epoch = epoch.trim_end_matches("-1");
    redis.command(&["XADD", "log:s:", &format!("{epoch}-*"), "name", "value"]);
    let error = read(&reader, 1).await.unwrap_err();
    assert!(matches!(&error, FeedError::Malformed { id, .. } if *id == format!("{epoch}-2")), "{error}");
    // A stream with ids of another form.
    redis.command(&["DEL", "log:s:"]);
    redis.command(&["SET", "log:s:", "1"]);
    let feed = RedisFeed::new(&server(&redis), &log()).unwrap();
    let error = feed.open().await.unwrap_err();
    assert!(matches!(&error, Error::Refused { code, .. } if code == "WRONGTYPE"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_has_the_time_that_it_still_lives() {
    let redis = Redis::start();
    let writer = writer(&redis).await;
    writer.set("long", "1", Some(Duration::from_secs(3600))).await.unwrap();
    writer.set("short", "1", Some(Duration::from_millis(1))).await.unwrap();
    let reader = open(&redis).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    let changes = read(&reader, 0).await.unwrap();
    let Changed::Set { time_to_live: Some(left), .. } = changes[0].changed else { panic!("{changes:?}") };
    assert!(left <= Duration::from_secs(3600) && left > Duration::from_secs(3500), "{left:?}");
    assert_eq!(changes[1].changed, Changed::Deleted);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_cluster_the_node_with_the_log_is_found() {
    let cluster = Cluster::start(3);
    let server = Server::cluster(cluster.urls()).unwrap();
    assert!(RedisFeed::new(&server, &log()).is_err());
    for tag in ["a", "b", "c", "d"] {
        let log = Log::of(&format!("s:{{{tag}}}:")).unwrap();
        Writer::connect(&server, &log).await.unwrap().set_int("k", 7).await.unwrap();
        let reader = RedisFeed::new(&server, &log).unwrap().open().await.unwrap();
        assert_eq!(read(&reader, 0).await, Ok(vec![set(1, "k", "7")]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_begun_again_with_an_earlier_epoch_is_another_one() {
    let redis = Redis::start();
    writer(&redis).await.set_int("a", 1).await.unwrap();
    let reader = open(&redis).await;
    assert_eq!(reader.is_last(Position::new(1)).await, Ok(true));
    redis.command(&["DEL", "log:s:"]);
    // By a server whose clock went back.
    for id in ["5-1", "5-2"] {
        redis.command(&["XADD", "log:s:", id, "k", "a", "o", "s", "v", "2", "e", "0"]);
    }
    let other = reader.is_last(Position::new(1)).await;
    assert!(matches!(other, Err(FeedError::NewHistory { .. })), "{other:?}");
}
