//! Mirrors and commands of a cluster.
#![expect(clippy::unwrap_used, reason = "a test that unwraps says what it expects by failing")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread;
use std::time::Duration;

use cache_bucket::BucketIntCache;
use cache_core::IntCache;
use cache_redis::{Mirror, Script, Server};
use redis_testkit::{Cluster, Redis};

use crate::common::{Stock, until, within};

/// Keys enough for each primary to have some.
const KEYS: usize = 60;

fn server(cluster: &Cluster) -> Server {
    Server::cluster(cluster.urls()).unwrap()
}

fn set(cluster: &Cluster, key: usize, value: i64) {
    let key = format!("stock:{key}");
    cluster.command(&key, &["SET", &key, &value.to_string()]);
}

async fn mirror(cluster: &Cluster) -> Stock {
    let mirror = Mirror::builder(&server(cluster), "stock:")
        .int(Arc::<BucketIntCache>::default())
        .start()
        .await
        .unwrap();
    within(mirror.ready()).await.unwrap();
    mirror
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mirror_follows_every_primary_and_slots_that_move() {
    let cluster = Cluster::start(3);
    (0..KEYS).for_each(|key| set(&cluster, key, 1));
    let mirror = mirror(&cluster).await;
    assert_eq!(mirror.cache().len(), KEYS);
    let owners: BTreeSet<_> = (0..KEYS).map(|key| cluster.owner_of(&format!("stock:{key}"))).collect();
    assert_eq!(owners.len(), 3, "each primary has keys");

    (0..KEYS).for_each(|key| set(&cluster, key, 2));
    cluster.command("stock:7", &["DEL", "stock:7"]);
    within(mirror.wait_for_sync()).await.unwrap();
    assert!((0..KEYS).all(|key| mirror.cache().get(&key.to_string()) == (key != 7).then_some(2)));

    // The session of one primary is cut. The keys of the others stay, and what was missed is found.
    let node = cluster.node(cluster.owner_of("stock:1"));
    node.command(&["CLIENT", "KILL", "TYPE", "normal"]);
    set(&cluster, 1, 3);
    within(mirror.wait_for_sync()).await.unwrap();
    assert_eq!(mirror.cache().get("1"), Some(3));
    assert_eq!(mirror.cache().len(), KEYS - 1);

    // A slot moves with its keys while one of them is written to.
    let slot = cluster.slot_of("stock:2");
    let from = cluster.owner_of("stock:2");
    cluster.move_slot(slot, from, (from + 1) % 3);
    set(&cluster, 2, 9);
    within(mirror.wait_for_sync()).await.unwrap();
    assert_eq!(mirror.cache().get("2"), Some(9));
    cluster.command("stock:2", &["DEL", "stock:2"]);
    within(mirror.wait_for_sync()).await.unwrap();
    assert_eq!(mirror.cache().get("2"), None);
    assert_eq!(mirror.cache().len(), KEYS - 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_wrong_after_slots_moved_under_a_writer() {
    let cluster = Cluster::start(3);
    (0..KEYS).for_each(|key| set(&cluster, key, 0));
    let mirror = mirror(&cluster).await;
    let stop = AtomicBool::new(false);
    let written: Vec<_> = (0..KEYS).map(|_| AtomicI64::new(0)).collect();
    let commands = server(&cluster).commands().await.unwrap();
    let runtime = tokio::runtime::Handle::current();
    thread::scope(|scope| {
        // It follows slots that move, as any client of a cluster does.
        scope.spawn(|| {
            let mut value = 0;
            while !stop.load(Ordering::Acquire) {
                for (key, written) in written.iter().enumerate() {
                    value += 1;
                    let mut set = redis::cmd("SET");
                    set.arg(format!("stock:{key}")).arg(value);
                    if runtime.block_on(commands.query::<()>(&set)).is_ok() {
                        written.store(value, Ordering::Release);
                    }
                }
            }
        });
        for key in 0..4 {
            let key = format!("stock:{key}");
            let from = cluster.owner_of(&key);
            cluster.move_slot(cluster.slot_of(&key), from, (from + 1) % 3);
        }
        stop.store(true, Ordering::Release);
    });
    within(mirror.wait_for_sync()).await.unwrap();
    for (key, written) in written.iter().enumerate() {
        let (seen, last) = (mirror.cache().get(&key.to_string()), written.load(Ordering::Acquire));
        assert_eq!(seen, Some(last), "key {key}");
    }
}

/// Ends the sessions with a node, and runs a command before another session can begin.
fn cut_and_run(node: &Redis, command: &[&str]) {
    let mut connection = node.connect();
    for command in
        [&["MULTI"][..], &["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"], command, &["EXEC"]]
    {
        connection.send(command).unwrap();
    }
    let replies: Vec<_> = (0..4).map(|_| connection.receive().unwrap()).collect();
    assert!(replies[3].array().iter().all(|reply| !reply.is_error()), "{replies:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_deleted_unnoticed_is_asked_for_and_leaves() {
    let cluster = Cluster::start(3);
    (0..KEYS).for_each(|key| set(&cluster, key, 1));
    let mirror = mirror(&cluster).await;
    let owner = cluster.owner_of("stock:7");
    cut_and_run(cluster.node(owner), &["DEL", "stock:7"]);
    within(mirror.wait_for_sync()).await.unwrap();
    assert_eq!(mirror.cache().get("7"), None);
    assert_eq!(mirror.cache().len(), KEYS - 1);
    // A flush is of one node.
    cluster.node(owner).command(&["FLUSHALL"]);
    within(mirror.wait_for_sync()).await.unwrap();
    for key in 0..KEYS {
        let is_there = cluster.owner_of(&format!("stock:{key}")) != owner;
        assert_eq!(mirror.cache().get(&key.to_string()), is_there.then_some(1), "key {key}");
    }
}

/// Sessions that begin while a slot is on its way, and after a flush of its old node meanwhile.
async fn is_kept_on_its_way(planted: Option<&str>) -> bool {
    let cluster = Cluster::start(3);
    let key = "stock:7";
    cluster.command(key, &["SET", key, "5"]);
    let mut builder = Mirror::builder(&server(&cluster), "stock:").longest_wait(Duration::from_millis(100));
    if let Some(bug) = planted {
        builder = builder.seeded(bug);
    }
    let mirror = builder.int(Arc::<BucketIntCache>::default()).start().await.unwrap();
    within(mirror.ready()).await.unwrap();
    let (from, slot) = (cluster.owner_of(key), cluster.slot_of(key));
    let to = (from + 1) % 3;
    let source = cluster.node(from);
    cluster.begin_move(slot, from, to);
    cluster.migrate(key, from, to);

    // Each of these sessions begins when the key is elsewhere, and ends as it cannot be read.
    let sessions = || {
        let list = source.command(&["CLIENT", "LIST", "TYPE", "normal"]);
        let tracks =
            |line: &&str| line.split(' ').any(|field| field.starts_with("flags=") && field.contains('B'));
        list.text()
            .lines()
            .filter(tracks)
            .filter_map(|line| line.split(' ').next().map(str::to_owned))
            .collect()
    };
    let mut seen: BTreeSet<String> = sessions();
    let before = seen.len();
    cut_and_run(source, &["FLUSHALL"]);
    let mut is_kept = true;
    until("more sessions have begun", || {
        seen.extend(sessions());
        is_kept &= mirror.cache().get("7") == Some(5);
        !is_kept || seen.len() >= before + 2
    })
    .await;
    if !is_kept {
        return false;
    }
    // A flush during a session has the same question.
    let flushed = seen.len();
    until("more sessions have begun", || {
        source.command(&["FLUSHALL"]);
        seen.extend(sessions());
        is_kept &= mirror.cache().get("7") == Some(5);
        !is_kept || seen.len() > flushed
    })
    .await;

    cluster.move_slot(slot, from, to);
    within(mirror.wait_for_sync()).await.unwrap();
    is_kept &= mirror.cache().get("7") == Some(5);
    cluster.command(key, &["DEL", key]);
    within(mirror.wait_for_sync()).await.unwrap();
    assert_eq!(mirror.cache().get("7"), None);
    is_kept
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_on_its_way_is_not_swept() {
    assert!(is_kept_on_its_way(None).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sweep_that_does_not_ask_is_found() {
    assert!(!is_kept_on_its_way(Some("sweep-unasked")).await);
}

#[tokio::test]
async fn commands_and_scripts_find_the_node_of_their_key() {
    let cluster = Cluster::start(3);
    let commands = server(&cluster).commands().await.unwrap();
    let add = Script::new("return redis.call('INCRBY', KEYS[1], ARGV[1])");
    for key in 0..KEYS {
        let sum: i64 = commands.invoke(&add.key(format!("n:{key}")).arg(key)).await.unwrap();
        assert_eq!(sum, key as i64);
    }
    // A slot that moved is followed, and its script is unknown to the node.
    let from = cluster.owner_of("n:5");
    cluster.move_slot(cluster.slot_of("n:5"), from, (from + 1) % 3);
    let sum: i64 = commands.invoke(&add.key("n:5").arg(1)).await.unwrap();
    assert_eq!(sum, 6);
    let mut pipeline = redis::pipe();
    pipeline.cmd("INCR").arg("{a}1").cmd("INCR").arg("{a}2");
    assert_eq!(commands.query_all(&pipeline).await.unwrap().len(), 2);
    let error = commands.query::<()>(redis::cmd("MSET").arg("a").arg(1).arg("b").arg(2)).await.unwrap_err();
    assert!(error.to_string().contains("CROSSSLOT"), "{error}");
    until("the node is known", || cluster.owner_of("n:5") != from).await;
}
