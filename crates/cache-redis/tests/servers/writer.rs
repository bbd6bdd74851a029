//! Writes reach their keys and the change log together, and what cannot work is refused before anything is written.

use std::sync::Arc;
use std::time::Duration;

use cache_bucket::BucketIntCache;
use cache_core::IntCache;
use cache_redis::feed::{Log, Position};
use cache_redis::writer::{Applied, Write, WriteThrough, Writer};
use cache_redis::{Error, Outcome, Server};
use redis_testkit::{Cluster, Proxy, Redis, Reply};

fn server(redis: &Redis) -> Server {
    Server::standalone(&redis.url()).expect("the testkit's URLs are valid")
}

async fn writer(redis: &Redis) -> Writer {
    let log = Log::of("s:").expect("the prefix is valid");
    Writer::connect(&server(redis), &log).await.expect("the server can be used")
}

/// An entry of the log: its id, and the fields `k`, `o`, `v` and `e`.
#[derive(Debug, PartialEq, Eq)]
struct Entry {
    epoch: u64,
    number: u64,
    fields: [String; 4],
}

fn entries(redis: &Redis) -> Vec<Entry> {
    let entry = |reply: &Reply| {
        let [id, fields] = reply.array() else { panic!("an entry is an id and its fields: {reply:?}") };
        let id: Vec<_> =
            id.text().split('-').map(|part| part.parse().expect("its parts are numbers")).collect();
        let [epoch, number] = id[..] else { panic!("an id has two parts: {id:?}") };
        let fields: Vec<_> = fields.array().iter().map(|field| field.text().to_owned()).collect();
        let [k, key, o, operation, v, value, e, expires] =
            <[String; 8]>::try_from(fields).expect("an entry has four fields");
        assert_eq!([k, o, v, e], ["k", "o", "v", "e"]);
        Entry { epoch, number, fields: [key, operation, value, expires] }
    };
    redis.command(&["XRANGE", "log:s:", "-", "+"]).array().iter().map(entry).collect()
}

/// The keys, operations and values in the log, whose numbers must be dense and from 1.
fn logged(redis: &Redis) -> Vec<(String, String, String)> {
    let entries = entries(redis);
    for (index, entry) in entries.iter().enumerate() {
        assert_eq!((entry.epoch, entry.number), (entries[0].epoch, index as u64 + 1), "ids must be dense");
    }
    entries
        .into_iter()
        .map(|entry| entry.fields)
        .map(|[key, operation, value, _]| (key, operation, value))
        .collect()
}

fn row(key: &str, operation: &str, value: &str) -> (String, String, String) {
    (key.to_owned(), operation.to_owned(), value.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_is_in_its_key_and_in_the_log() {
    let redis = Redis::start();
    let writer = writer(&redis).await;
    assert_eq!(writer.set_int("a", 5).await, Ok(Position::new(1)));
    assert_eq!(writer.add("a", -7).await, Ok(-2));
    assert_eq!(writer.add("b", 3).await, Ok(3));
    assert_eq!(writer.set("c", "größer, \"quoted\"\n\0", None).await, Ok(Position::new(4)));
    assert_eq!(writer.del("b").await, Ok(true));
    // Nothing changes, so nothing is logged.
    assert_eq!(writer.del("b").await, Ok(false));
    assert_eq!(redis.command(&["GET", "s:a"]).text(), "-2");
    assert_eq!(redis.command(&["GET", "s:c"]).text(), "größer, \"quoted\"\n\0");
    assert_eq!(redis.command(&["EXISTS", "s:b"]).int(), 0);
    let expected = [
        row("a", "s", "5"),
        row("a", "s", "-2"),
        row("b", "s", "3"),
        row("c", "s", "größer, \"quoted\"\n\0"),
        row("b", "d", ""),
    ];
    assert_eq!(logged(&redis), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn integers_are_exact_and_bounded() {
    let redis = Redis::start();
    let writer = writer(&redis).await;
    let large = (1 << 53) + 1;
    writer.set_int("a", large).await.unwrap();
    assert_eq!(writer.add("a", 2).await, Ok(large + 2));
    writer.set_int("max", i64::MAX - 1).await.unwrap();
    assert_eq!(writer.add("max", 1).await, Ok(i64::MAX));
    assert_eq!(writer.add("min", i64::MIN).await, Ok(i64::MIN));
    let count = logged(&redis).len();
    let overflow = writer.add("max", 1).await.unwrap_err();
    assert!(matches!(&overflow, Error::Refused { reason, .. } if reason.contains("overflow")), "{overflow}");
    writer.set("text", "many", None).await.unwrap();
    let text = writer.add("text", 1).await.unwrap_err();
    assert!(matches!(&text, Error::Refused { reason, .. } if reason.contains("not an integer")), "{text}");
    redis.command(&["LPUSH", "s:list", "1"]);
    let list = writer.add("list", 1).await.unwrap_err();
    assert!(matches!(&list, Error::Refused { code, .. } if code == "WRONGTYPE"), "{list}");
    assert_eq!(overflow.outcome(), Outcome::NotDone);
    assert_eq!(logged(&redis).len(), count + 1);
    assert_eq!(redis.command(&["GET", "s:max"]).int(), i64::MAX);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_change_does_not_stop_the_others() {
    let redis = Redis::start();
    let writer = writer(&redis).await;
    redis.command(&["SET", "s:text", "many"]);
    let writes = [
        Write::set_int("a", 1),
        Write::add("text", 1),
        Write::insert("a", "2"),
        Write::insert("b", "2"),
        Write::add("a", 5),
    ];
    let applied = writer.apply(&writes).await.unwrap();
    let written = |number, sum| Applied::Written { position: Position::new(number), sum };
    assert_eq!(applied[0], written(1, None));
    assert!(matches!(&applied[1], Applied::Refused { reason } if reason.contains("not an integer")));
    assert_eq!(applied[2..], [Applied::Unchanged, written(2, None), written(3, Some(6))]);
    assert_eq!(logged(&redis), [row("a", "s", "1"), row("b", "s", "2"), row("a", "s", "6")]);
    assert_eq!(writer.apply(&[]).await, Ok(Vec::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_has_the_time_of_expiry() {
    let redis = Redis::start();
    let writer = writer(&redis).await;
    let hour = Duration::from_secs(3600);
    let now = || redis.command(&["TIME"]).array()[0].int() * 1000;
    let before = now();
    writer.set("a", "1", Some(hour)).await.unwrap();
    writer.apply(&[Write::insert("b", "1").time_to_live(hour)]).await.unwrap();
    // It goes on.
    writer.add("a", 1).await.unwrap();
    writer.set_int("a", 7).await.unwrap();
    let after = now() + 1000;
    let expires: Vec<i64> = entries(&redis).iter().map(|entry| entry.fields[3].parse().unwrap()).collect();
    for expires in &expires[..3] {
        assert!((before + 3_600_000..=after + 3_600_000).contains(expires), "{before} {expires} {after}");
    }
    assert_eq!(expires[3..], [0]);
    assert!(redis.command(&["PTTL", "s:b"]).int() > 3_000_000);
    assert_eq!(redis.command(&["PTTL", "s:a"]).int(), -1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_if_the_log_cannot_be() {
    let redis = Redis::start();
    let writer = writer(&redis).await;
    redis.command(&["SET", "log:s:", "1"]);
    let error = writer.set_int("a", 1).await.unwrap_err();
    assert!(error.to_string().contains("the change log log:s: is a string"), "{error}");
    assert_eq!(redis.command(&["EXISTS", "s:a"]).int(), 0);
    redis.command(&["DEL", "log:s:"]);

    writer.set_int("a", 1).await.unwrap();
    redis.command(&["CONFIG", "SET", "maxmemory", "1"]);
    let error = writer.add("a", 1).await.unwrap_err();
    assert!(matches!(&error, Error::Refused { code, .. } if code == "OOM"), "{error}");
    redis.command(&["CONFIG", "SET", "maxmemory", "0"]);
    assert_eq!(redis.command(&["GET", "s:a"]).int(), 1);
    assert_eq!(logged(&redis).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_begun_again_has_a_later_epoch() {
    let redis = Redis::start();
    let (first, second) = (writer(&redis).await, writer(&redis).await);
    let mut epochs = Vec::new();
    for round in 1..=3 {
        assert_eq!(first.set_int("a", round).await, Ok(Position::new(1)));
        // A writer that knows of no epoch, or of an earlier one, goes on in the present one.
        assert_eq!(second.set_int("a", round).await, Ok(Position::new(2)));
        assert_eq!(first.set_int("a", round).await, Ok(Position::new(3)));
        epochs.push(entries(&redis)[0].epoch);
        assert_eq!(logged(&redis).len(), 3);
        // An empty log is not a new one.
        redis.command(&["XTRIM", "log:s:", "MAXLEN", "0"]);
        assert_eq!(second.set_int("a", round).await, Ok(Position::new(4)));
        redis.command(&["DEL", "log:s:"]);
    }
    assert!(epochs.is_sorted_by(|a, b| a < b), "{epochs:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_keeps_about_as_many_entries_as_it_is_told() {
    let redis = Redis::start();
    let writer = writer(&redis).await.log_length(200);
    let writes: Vec<_> = (0..100).map(|key: i64| Write::set_int(&key, 0)).collect();
    for _ in 0..20 {
        writer.apply(&writes).await.unwrap();
    }
    let length = redis.command(&["XLEN", "log:s:"]).int();
    assert!((200..=400).contains(&length), "{length}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_wants_one_slot() {
    let cluster = Cluster::start(3);
    let server = Server::cluster(cluster.urls()).unwrap();
    let error = Writer::connect(&server, &Log::of("s:").unwrap()).await.unwrap_err();
    assert!(error.to_string().contains("`s:{1}:`"), "{error}");
    // Each tag has its own node, or may have.
    for tag in ["a", "b", "c", "d"] {
        let prefix = format!("s:{{{tag}}}:");
        let writer = Writer::connect(&server, &Log::of(&prefix).unwrap()).await.unwrap();
        assert_eq!(writer.add("{x}", 1).await, Ok(1));
        assert_eq!(writer.add("{y}", 1).await, Ok(1));
        let owner = cluster.node(cluster.owner_of(&prefix));
        assert_eq!(owner.command(&["GET", &format!("{prefix}{{x}}")]).int(), 1);
        assert_eq!(owner.command(&["XLEN", &format!("log:{prefix}")]).int(), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_is_refused() {
    let primary = Redis::start();
    let replica = Redis::builder().replica_of(&primary).start();
    let error = Writer::connect(&server(&replica), &Log::of("s:").unwrap()).await.unwrap_err();
    assert!(matches!(error, Error::NotPrimary { .. }), "{error}");
}

#[cfg(feature = "csv")]
#[tokio::test(flavor = "multi_thread")]
async fn lines_of_counters_are_imported_or_none() {
    use cache_policy::csv::Csv;
    use cache_redis::writer::ImportError;

    let redis = Redis::start();
    let writer = writer(&redis).await;
    let good: String = (1..=1200).map(|line| format!("sku:{line},{}\n", line * 2)).collect();
    let bad = format!("{good}sku:1201,many\n");
    let error = writer.import_csv::<str>(&Csv::new(), bad.as_bytes()).await.unwrap_err();
    assert!(
        matches!(&error, ImportError::Csv(_)) && error.to_string().starts_with("line 1201, column 2"),
        "{error}"
    );
    assert_eq!(redis.command(&["DBSIZE"]).int(), 0);

    assert_eq!(writer.import_csv::<str>(&Csv::new(), good.as_bytes()).await.unwrap(), 1200);
    assert_eq!(redis.command(&["GET", "s:sku:1200"]).int(), 2400);
    assert_eq!(logged(&redis).len(), 1200);
    // Stock that went down does not go up again.
    let keep = Csv::new().header(true).keep_present(true);
    assert_eq!(writer.import_csv::<str>(&keep, &b"key,value\nsku:1,9\nnew,9\n"[..]).await.unwrap(), 1);
    assert_eq!(redis.command(&["GET", "s:sku:1"]).int(), 2);
    assert_eq!(redis.command(&["GET", "s:new"]).int(), 9);
    assert_eq!(writer.import_csv::<u64>(&Csv::new(), &b"7,1\n"[..]).await.unwrap(), 1);
    assert_eq!(redis.command(&["GET", "s:7"]).int(), 1);

    redis.kill_9();
    let error = writer.import_csv::<str>(&Csv::new(), good.as_bytes()).await.unwrap_err();
    assert!(matches!(error, ImportError::Server { done: 0, .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cache_that_is_written_through_ends_up_equal() {
    let redis = Redis::start();
    let cache = Arc::new(BucketIntCache::<u64>::default());
    let through = Arc::new(WriteThrough::new(writer(&redis).await, Arc::clone(&cache)));
    let tasks = (0..16_u64).map(|task| {
        let through = Arc::clone(&through);
        tokio::spawn(async move {
            for step in 0..50 {
                let key = (task + step) % 3;
                match (task + step) % 7 {
                    0 => through.set(&key, i64::try_from(step).unwrap_or(0)).await,
                    1 => through.del(&key).await.map(drop),
                    _ => through.add(&key, 1).await.map(drop),
                }
                .unwrap();
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    for key in 0..3 {
        let reply = redis.command(&["GET", &format!("s:{key}")]);
        let in_redis = (!reply.is_nil()).then(|| reply.int());
        assert_eq!(cache.get(&key), in_redis, "key {key}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cache_is_written_only_after_redis_acknowledged() {
    let redis = Redis::start();
    let proxy = Proxy::to(&redis);
    let log = Log::of("s:").unwrap();
    let writer = Writer::connect(&Server::standalone(&proxy.url()).unwrap(), &log).await.unwrap();
    let through = WriteThrough::new(writer, Arc::new(BucketIntCache::<str>::default()));
    assert_eq!(through.add("a", 1).await, Ok(1));
    proxy.lose_next_answer();
    let error = through.add("a", 1).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Unknown, "{error}");
    assert_eq!(through.cache().get("a"), Some(1));
    // The next answer brings the cache in step.
    assert_eq!(through.add("a", 1).await, Ok(3));
    assert_eq!(through.cache().get("a"), Some(3));

    redis.command(&["SET", "s:text", "many"]);
    assert_eq!(through.add("text", 1).await.unwrap_err().outcome(), Outcome::NotDone);
    assert_eq!(through.cache().get("text"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_that_are_too_large_for_redis_count_as_the_largest() {
    let redis = Redis::start();
    let writer = writer(&redis).await.log_length(u64::MAX);
    assert_eq!(writer.add("a", 1).await, Ok(1));
    let ten_thousand_years = Duration::from_secs(10_000 * 365 * 24 * 3600);
    for life in [Duration::MAX, Duration::from_millis(u64::MAX), ten_thousand_years] {
        let writes = [Write::add("a", 1), Write::set("b", "1").time_to_live(life)];
        let applied = writer.apply(&writes).await.unwrap();
        assert!(matches!(applied[1], Applied::Written { .. }), "{applied:?}");
        let years = redis.command(&["PTTL", "s:b"]).int() / (365 * 24 * 3_600_000);
        assert!((99..=100).contains(&years), "{years}");
    }
    assert_eq!(redis.command(&["GET", "s:a"]).int(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_addition_in_the_last_moment_of_a_key_is_not_for_ever() {
    let redis = Redis::start();
    let writer = writer(&redis).await;
    for _ in 0..20 {
        writer.set("a", "1000", Some(Duration::from_millis(3))).await.unwrap();
        while writer.add("a", 1).await.unwrap() > 1000 {}
    }
    for entry in entries(&redis) {
        let [_, _, value, expires] = &entry.fields;
        // Those that are lower count from 0: the key had expired.
        assert_eq!(value.parse::<i64>().unwrap() < 1000, expires == "0", "{entry:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_that_lacks_a_command_writes_nothing() {
    for command in ["xadd", "xinfo", "get", "pttl"] {
        let redis = Redis::builder().acl(&format!("shop on >secret ~* +@all -{command}")).start();
        let server = Server::standalone(&redis.url_of("shop", "secret")).unwrap();
        let writer = Writer::connect(&server, &Log::of("s:").unwrap()).await.unwrap();
        let error = writer.add("a", 1).await.unwrap_err();
        assert!(matches!(&error, Error::NotPermitted { command: named, .. } if named == command), "{error}");
        assert_eq!(error.outcome(), Outcome::NotDone);
        assert_eq!(redis.command(&["EXISTS", "s:a"]).int(), 0, "{command}");
    }
}
