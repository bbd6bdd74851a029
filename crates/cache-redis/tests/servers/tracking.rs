//! Mirrors that follow one server by its invalidations.
#![expect(clippy::unwrap_used, reason = "a test that unwraps says what it expects by failing")]

use std::time::Duration;

use cache_core::IntCache;
use redis_testkit::Redis;

use crate::common::oracle::{Writer, check_for};
use crate::common::{builder, mirror, ready, until, within};

#[tokio::test]
async fn keys_are_loaded_and_changes_are_followed() {
    let redis = Redis::start();
    for n in 0..2_500 {
        redis.command(&["SET", &format!("stock:{n}"), &n.to_string()]);
    }
    redis.command(&["SET", "other", "1"]);
    let mirror = mirror(&redis).await;
    assert_eq!(mirror.cache().len(), 2_500);
    assert_eq!(mirror.cache().get("2499"), Some(2499));
    redis.command(&["INCRBY", "stock:7", "3"]);
    redis.command(&["DEL", "stock:8"]);
    redis.command(&["SET", "stock:new", "-1"]);
    within(mirror.wait_for_sync()).await.unwrap();
    assert_eq!(mirror.cache().get("7"), Some(10));
    assert_eq!(mirror.cache().get("8"), None);
    assert_eq!(mirror.cache().get("new"), Some(-1));
    assert!(mirror.fresh_within(Duration::from_secs(60)).is_ok());
    mirror.stop().await;
    redis.command(&["SET", "stock:9", "0"]);
    assert_eq!(mirror.cache().get("9"), Some(9));
}

/// Ends the mirror's connection.
fn kill_clients(redis: &Redis) {
    let list = redis.command(&["CLIENT", "LIST"]);
    for line in list.text().lines() {
        let field = |name: &str| line.split(' ').find_map(|field| field.strip_prefix(name));
        // `B` is a client that tracks by broadcast.
        if field("flags=").is_some_and(|flags| flags.contains('B')) {
            redis.command(&["CLIENT", "KILL", "ID", field("id=").unwrap()]);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_wrong_at_rest_and_nothing_is_older_than_the_mirror_says() {
    let redis = Redis::start();
    let writer = Writer::start(&redis, 300, 1);
    let mirror = mirror(&redis).await;
    let mut checks = 0;
    for round in 0..12 {
        match round % 4 {
            0 => kill_clients(&redis),
            1 => writer.flush(),
            2 => {
                redis.pause();
                std::thread::sleep(Duration::from_millis(150));
                redis.resume();
            }
            _ => {}
        }
        let (more, wrong) = check_for(&writer, &mirror, Duration::from_millis(300));
        assert!(wrong.is_empty(), "round {round}: {wrong:#?}");
        checks += more;
        writer.pause();
        within(mirror.wait_for_sync()).await.unwrap();
        let wrong = writer.wrong(&mirror);
        assert!(wrong.is_empty(), "round {round}: {} keys are wrong: {wrong:#?}", wrong.len());
        writer.resume();
    }
    println!("{} writes, {checks} checks", writer.writes());
    assert!(checks > 1_000 && writer.writes() > 1_000);
    until("the mirror is ready again", || mirror.last_error().is_none()).await;
}

/// Loads a server that is written to with a bug planted, until the oracle finds something wrong at rest.
async fn is_caught(bug: &str) -> bool {
    for seed in 1..=10 {
        let redis = Redis::start();
        let writer = Writer::start(&redis, 5_000, seed);
        let mirror = ready(builder(&redis.url()).seeded(bug)).await;
        if bug == "no-sweep" {
            writer.flush();
        }
        writer.pause();
        within(mirror.wait_for_sync()).await.unwrap();
        let wrong = writer.wrong(&mirror);
        if !wrong.is_empty() {
            println!("{bug}: {} keys are wrong, such as {}", wrong.len(), wrong[0]);
            return true;
        }
    }
    false
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tracking_that_is_armed_after_the_load_is_caught() {
    assert!(is_caught("load-then-track").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_that_is_dropped_while_its_key_is_fetched_is_caught() {
    assert!(is_caught("clean-on-reply").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deletions_that_were_missed_are_caught() {
    assert!(is_caught("no-sweep").await);
}
