//! Servers come up, go down when told so, and never outlive the test.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::{env, panic, thread};

use redis_testkit::{Cluster, Connection, Fsync, Proxy, Redis, Sentinels, StartError, until};

/// Set for the child process that is to be killed.
const VICTIM: &str = "REDIS_TESTKIT_VICTIM";

/// Whether a process exists, and is no zombie.
fn is_alive(pid: u32) -> bool {
    let state =
        Command::new("ps").args(["-o", "stat=", "-p", &pid.to_string()]).output().expect("ps can be run");
    let state = String::from_utf8_lossy(&state.stdout);
    !state.trim().is_empty() && !state.starts_with('Z')
}

#[test]
fn a_server_answers_and_is_gone_after_its_handle() {
    let redis = Redis::start();
    let (pid, dir) = (redis.pid(), redis.dir().to_owned());
    assert_eq!(redis.command(&["SET", "k", "v"]).text(), "OK");
    assert_eq!(redis.command(&["GET", "k"]).text(), "v");
    assert_eq!(redis.info("process_id"), pid.to_string());
    assert!(is_alive(pid) && dir.exists());
    drop(redis);
    assert!(!is_alive(pid) && !dir.exists());
}

#[test]
fn a_panic_takes_the_server_along() {
    let pid = thread::spawn(|| {
        let redis = Redis::start();
        let pid = redis.pid();
        // Not a panic with a message, which would be printed.
        panic::resume_unwind(Box::new(pid));
    });
    let pid = *pid.join().unwrap_err().downcast::<u32>().unwrap();
    assert!(!is_alive(pid));
}

#[test]
fn a_killed_test_leaves_no_server() {
    if env::var_os(VICTIM).is_some() {
        let redis = Redis::start();
        redis.pause();
        println!("\nvictim {} {}", redis.pid(), redis.dir().display());
        loop {
            thread::park();
        }
    }
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "a_killed_test_leaves_no_server", "--nocapture"])
        .env(VICTIM, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines.map(Result::unwrap).find(|line| line.starts_with("victim ")).unwrap();
    let mut words = line.split(' ').skip(1);
    let (pid, dir) = (words.next().unwrap().parse().unwrap(), Path::new(words.next().unwrap()));
    assert!(is_alive(pid) && dir.exists());
    child.kill().unwrap();
    child.wait().unwrap();
    until("the guard has killed the server", || !is_alive(pid));
    until("the guard has removed the directory", || !dir.exists());
}

#[test]
fn a_restart_keeps_the_port_and_what_was_persisted() {
    let redis = Redis::builder().append_only(Fsync::Always).start();
    let (port, pid) = (redis.port(), redis.pid());
    redis.command(&["SET", "k", "1"]);
    redis.kill_9();
    assert!(!redis.is_running() && !is_alive(pid));
    redis.restart();
    assert_eq!((redis.port(), redis.command(&["GET", "k"]).int()), (port, 1));
    redis.stop();
    assert!(!redis.is_running());
    redis.restart();
    assert_eq!(redis.command(&["GET", "k"]).int(), 1);

    let forgetful = Redis::start();
    forgetful.command(&["SET", "k", "1"]);
    forgetful.restart();
    assert!(forgetful.command(&["GET", "k"]).is_nil());
}

#[test]
fn a_paused_server_answers_once_it_goes_on() {
    let redis = Redis::start();
    let mut connection = redis.connect();
    redis.pause();
    connection.send(&["PING"]).unwrap();
    assert!(redis.is_running());
    redis.resume();
    assert_eq!(connection.receive().unwrap().text(), "PONG");
}

#[test]
fn users_and_passwords_do_not_lock_the_test_out() {
    let redis = Redis::builder().password("secret").acl("reader on >pw ~app:* +get").start();
    assert_eq!(redis.url(), format!("redis://:secret@127.0.0.1:{}", redis.port()));
    assert_eq!(redis.command(&["SET", "k", "v"]).text(), "OK");
    let mut reader = Connection::open(redis.port()).unwrap();
    assert!(reader.command(&["GET", "app:1"]).unwrap().is_error());
    assert_eq!(reader.command(&["AUTH", "reader", "pw"]).unwrap().text(), "OK");
    assert!(reader.command(&["GET", "app:1"]).unwrap().is_nil());
    assert!(reader.command(&["GET", "k"]).unwrap().is_error());
}

#[test]
fn a_failed_start_shows_the_log() {
    let error = Redis::builder().config("no-such-setting", "1").try_start().unwrap_err();
    assert!(matches!(error, StartError::Ended { .. }));
    assert!(error.to_string().contains("no-such-setting"), "{error}");
}

#[test]
fn a_replica_follows_and_can_be_promoted() {
    let primary = Redis::builder().password("secret").start();
    primary.command(&["SET", "k", "1"]);
    let replica = Redis::builder().replica_of(&primary).start();
    replica.wait_for_sync();
    assert_eq!(replica.command(&["GET", "k"]).int(), 1);
    replica.promote();
    assert_eq!(replica.info("role"), "master");
    replica.replica_of(&primary);
    assert_eq!(replica.info("role"), "slave");
}

#[test]
fn a_cluster_moves_a_slot_with_its_keys() {
    let cluster = Cluster::start(3);
    let from = cluster.owner_of("k");
    let to = (from + 1) % 3;
    assert_eq!(cluster.command("k", &["SET", "k", "1"]).text(), "OK");
    cluster.move_slot(cluster.slot_of("k"), from, to);
    assert_eq!(cluster.owner_of("k"), to);
    assert_eq!(cluster.node(to).command(&["GET", "k"]).int(), 1);
    assert!(cluster.node(from).command(&["GET", "k"]).is_error());
}

#[test]
fn sentinels_promote_the_replica() {
    let group = Sentinels::start();
    assert_eq!(group.primary().port(), group.server(0).port());
    group.server(0).command(&["SET", "k", "1"]);
    group.fail_over();
    assert_eq!(group.primary().port(), group.server(1).port());
    assert_eq!(group.server(1).command(&["GET", "k"]).int(), 1);
}

#[test]
fn a_proxy_stalls_and_cuts() {
    let redis = Redis::start();
    let proxy = Proxy::to(&redis);
    let mut client = Connection::open(proxy.port()).unwrap();
    proxy.stall();
    client.send(&["INCR", "k"]).unwrap();
    until("the command was done", || !redis.command(&["GET", "k"]).is_nil());
    proxy.resume();
    assert_eq!(client.receive().unwrap().int(), 1);
    proxy.cut();
    assert!(client.command(&["PING"]).is_err());
    assert_eq!(Connection::open(proxy.port()).unwrap().command(&["PING"]).unwrap().text(), "PONG");
}
