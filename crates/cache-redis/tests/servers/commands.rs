//! Commands that fail: what is known of them.

use std::time::Duration;

use cache_redis::{Error, Outcome, Script, Server};
use redis::cmd;
use redis_testkit::{Proxy, Redis};

use crate::common::within;

fn incr() -> redis::Cmd {
    let mut incr = cmd("INCR");
    incr.arg("n");
    incr
}

#[tokio::test]
async fn a_command_whose_answer_is_lost_is_unknown_and_not_repeated() {
    let redis = Redis::start();
    let proxy = Proxy::to(&redis);
    let commands = Server::standalone(&proxy.url()).unwrap().commands().await.unwrap();
    proxy.lose_next_answer();
    let error = within(commands.query::<i64>(&incr())).await.unwrap_err();
    assert!(matches!(error, Error::Unknown { .. }), "{error:?}");
    assert_eq!(error.outcome(), Outcome::Unknown);
    assert_eq!(redis.command(&["GET", "n"]).int(), 1, "it was done, once");
    // The next one has a connection of its own.
    assert_eq!(within(commands.query::<i64>(&incr())).await, Ok(2));
}

#[tokio::test]
async fn a_command_that_cannot_be_sent_is_not_done() {
    let redis = Redis::start();
    let commands = Server::standalone(&redis.url()).unwrap().commands().await.unwrap();
    redis.kill_9();
    let error = loop {
        // The first may have been sent before the end of the connection was seen.
        match within(commands.query::<i64>(&incr())).await.unwrap_err() {
            Error::Unknown { .. } => {}
            error => break error,
        }
    };
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    assert_eq!(error.outcome(), Outcome::NotDone);
    redis.restart();
    let first = async {
        loop {
            match commands.query::<i64>(&incr()).await {
                Ok(value) => break value,
                Err(error) => assert_eq!(error.outcome(), Outcome::NotDone),
            }
        }
    };
    assert_eq!(within(first).await, 1);
}

#[tokio::test]
async fn a_command_whose_time_is_up_is_unknown() {
    let redis = Redis::start();
    let server = Server::standalone(&redis.url()).unwrap().timeout(Duration::from_millis(100));
    let commands = server.commands().await.unwrap();
    let mut id = cmd("CLIENT");
    id.arg("ID");
    let before: i64 = commands.query(&id).await.unwrap();
    redis.pause();
    let error = within(commands.query::<i64>(&incr())).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Unknown, "{error:?}");
    redis.resume();
    redis_testkit::until("it is done after all", || redis.command(&["EXISTS", "n"]).int() == 1);
    // The connection may be one that leads nowhere any more.
    assert_ne!(within(commands.query::<i64>(&id)).await, Ok(before));
}

#[tokio::test]
async fn refusals_say_why() {
    let redis = Redis::start();
    let commands = Server::standalone(&redis.url()).unwrap().commands().await.unwrap();
    redis.command(&["RPUSH", "list", "1"]);
    let error = commands.query::<i64>(cmd("INCR").arg("list")).await.unwrap_err();
    assert!(matches!(&error, Error::Refused { code, .. } if code == "WRONGTYPE"), "{error:?}");
    assert!(!error.is_transient());
    let error = commands.query::<i64>(cmd("SET").arg("text").arg("many")).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Done, "{error:?}");
    // The connection is as good as before.
    assert_eq!(commands.query::<String>(cmd("GET").arg("text")).await.as_deref(), Ok("many"));
}

#[tokio::test]
async fn a_script_that_the_server_forgot_is_sent_again() {
    let redis = Redis::start();
    let commands = Server::standalone(&redis.url()).unwrap().commands().await.unwrap();
    let add = Script::new("return redis.call('INCRBY', KEYS[1], ARGV[1])");
    assert_eq!(commands.invoke::<i64>(&add.key("n").arg(2)).await, Ok(2));
    redis.command(&["SCRIPT", "FLUSH"]);
    assert_eq!(commands.invoke::<i64>(&add.key("n").arg(2)).await, Ok(4));
    assert_eq!(commands.invoke::<i64>(&add.key("n").arg(2)).await, Ok(6));
}

#[tokio::test]
async fn callers_that_wait_for_one_attempt_share_its_error() {
    let redis = Redis::start();
    let commands = Server::standalone(&redis.url()).unwrap().commands().await.unwrap();
    redis.kill_9();
    let refused =
        async { while matches!(commands.query::<i64>(&incr()).await, Err(Error::Unknown { .. })) {} };
    within(refused).await;
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..1_000 {
        let commands = commands.clone();
        callers.spawn(async move { commands.query::<i64>(&incr()).await.unwrap_err() });
    }
    // One after the other, with a wait of up to a second each, would take too long.
    let errors = within(callers.join_all()).await;
    assert_eq!(errors.len(), 1_000);
}
