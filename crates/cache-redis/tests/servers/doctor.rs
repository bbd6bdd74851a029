//! The doctor finds what is wrong with a server, and nothing on one that is well.
#![expect(clippy::unwrap_used, reason = "a test that unwraps says what it expects by failing")]

use std::sync::Arc;
use std::time::Duration;

use cache_bucket::BucketIntCache;
use cache_core::IntCache;
use cache_redis::lease::{Lease, Order, Stock};
use cache_redis::{Mirror, Report, Server, Severity, doctor};
use redis_testkit::{Builder, Cluster, Fsync, PATIENCE, Redis};

async fn examine(url: &str, prefix: &str) -> Report {
    let report = doctor(&Server::standalone(url).unwrap(), prefix).await;
    println!("{report}");
    report
}

/// The severity of each finding of a check, and all of its text.
fn found(report: &Report, check: &str) -> (Option<Severity>, String) {
    let text: Vec<_> =
        report.of(check).map(|finding| format!("{} | {}", finding.found, finding.change)).collect();
    (report.of(check).map(|finding| finding.severity).max(), text.join("\n"))
}

fn well() -> Builder {
    Redis::builder()
        .append_only(Fsync::Always)
        .config("maxmemory", "1gb")
        .config("maxmemory-policy", "noeviction")
        .config("client-output-buffer-limit", "normal 256mb 64mb 60")
}

async fn put_stock(redis: &Redis, prefix: &str) {
    let server = Server::standalone(&redis.url()).unwrap();
    Stock::connect(&server, prefix, "sku:1").await.unwrap().create(10, 0).await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_well_has_notes_only() {
    let redis = well().start();
    put_stock(&redis, "shop:").await;
    let before = redis.command(&["DBSIZE"]).int();
    let report = examine(&redis.url(), "shop:").await;
    assert_eq!(report.worst(), Some(Severity::Note), "{report}");
    // That there is no replica.
    assert_eq!(report.findings.len(), 1, "{report}");
    // It has left nothing behind.
    assert_eq!(redis.command(&["DBSIZE"]).int(), before);
    assert_eq!(redis.info("tracking_clients"), "0");
}

#[tokio::test]
async fn bad_settings_are_found() {
    let bad = Redis::builder().config("maxmemory", "1gb").config("maxmemory-policy", "allkeys-lru");
    let redis = bad.config("timeout", "7").start();
    let report = examine(&redis.url(), "shop:").await;
    // Without a stock, less is at stake.
    assert_eq!(found(&report, "eviction").0, Some(Severity::Warning));
    assert_eq!(found(&report, "persistence").0, Some(Severity::Note));
    assert_eq!(found(&report, "keyspace").0, Some(Severity::Note));

    put_stock(&redis, "shop:").await;
    let report = examine(&redis.url(), "shop:").await;
    let (severity, text) = found(&report, "eviction");
    assert_eq!(severity, Some(Severity::Error));
    assert!(text.contains("allkeys-lru") && text.contains("noeviction"), "{text}");
    let (severity, text) = found(&report, "persistence");
    assert_eq!(severity, Some(Severity::Warning));
    assert!(text.contains("appendonly is no"), "{text}");
    let (severity, text) = found(&report, "output-buffers");
    assert_eq!(severity, Some(Severity::Warning));
    assert!(text.contains("no output-buffer limit"), "{text}");
    assert!(found(&report, "idle").1.contains("timeout is 7"));
    // The worst comes first.
    assert_eq!(report.findings[0].severity, Severity::Error);
    assert!(report.to_string().starts_with("error: eviction at 127.0.0.1:"), "{report}");

    redis.command(&["CONFIG", "SET", "client-output-buffer-limit", "normal 1mb 0 0"]);
    redis.command(&["CONFIG", "SET", "appendonly", "yes", "appendfsync", "everysec"]);
    redis.command(&["CONFIG", "SET", "maxmemory", "1"]);
    let report = examine(&redis.url(), "shop:").await;
    assert!(found(&report, "output-buffers").1.contains("1048576 bytes"));
    assert!(found(&report, "persistence").1.contains("everysec"));
    assert!(found(&report, "memory").1.contains("writes will be refused"));
}

#[tokio::test]
async fn keys_of_other_types_are_found() {
    let redis = well().start();
    redis.command(&["SET", "stock:1", "1"]);
    let report = examine(&redis.url(), "stock:").await;
    assert_eq!(report.of("types").count(), 0, "{report}");
    redis.command(&["HSET", "stock:2", "a", "1"]);
    redis.command(&["RPUSH", "stock:3", "a"]);
    redis.command(&["RPUSH", "elsewhere", "a"]);
    let (severity, text) = found(&examine(&redis.url(), "stock:").await, "types");
    assert_eq!(severity, Some(Severity::Warning));
    assert!(text.contains("hash, such as `stock:2`") && text.contains("list, such as `stock:3`"), "{text}");
    assert!(!text.contains("elsewhere"), "{text}");
    // Stocks among keys that are mirrored.
    put_stock(&redis, "stock:").await;
    let (_, text) = found(&examine(&redis.url(), "stock:").await, "types");
    assert!(text.contains("share this prefix"), "{text}");
}

#[tokio::test]
async fn missing_rights_are_found() {
    let all = "+@all -@dangerous +info +config|get +acl|whoami +acl|dryrun";
    let redis = well()
        .acl(&format!("app on >pw ~shop:* ~log:shop:* {all}"))
        .acl(&format!("logless on >pw ~shop:* {all}"))
        .acl(&format!("reader on >pw ~shop:* {all} -@write"))
        .acl("tracker on >pw ~shop:* +@all -client|tracking -acl|dryrun")
        .acl("silent on >pw ~shop:* +@all -eval -acl")
        .start();
    let rights =
        async |user: &str, prefix: &str| found(&examine(&redis.url_of(user, "pw"), prefix).await, "rights");
    assert_eq!(rights("app", "shop:").await, (None, String::new()));

    // Who follows no log needs none.
    let (severity, text) = rights("logless", "shop:").await;
    assert_eq!(severity, Some(Severity::Warning));
    assert!(text.contains("writers need: ") && text.contains("~log:shop:*"), "{text}");

    let (severity, text) = rights("reader", "shop:").await;
    assert_eq!(severity, Some(Severity::Error));
    assert!(text.contains("leases need: ") && text.contains("ZADD") && text.contains("+zadd"), "{text}");
    assert!(!text.contains("mirrors need"), "{text}");

    // Keys that are not its own.
    let (severity, text) = rights("app", "else:").await;
    assert_eq!(severity, Some(Severity::Error));
    assert!(text.contains("~else:*"), "{text}");

    let (severity, text) = rights("tracker", "shop:").await;
    assert_eq!(severity, Some(Severity::Error));
    assert!(text.contains("CLIENT TRACKING was refused"), "{text}");

    let (severity, text) = rights("silent", "shop:").await;
    assert_eq!(severity, Some(Severity::Error));
    assert!(text.contains("EVAL was refused") && text.contains("no write"), "{text}");
}

/// The rights of a user, as the page on operations names them.
fn rights_of(user: &str) -> String {
    let page = include_str!("../../../../docs/operations.md");
    let lines = page.lines().skip_while(|line| !line.starts_with(&format!("ACL SETUSER {user} ")));
    let all: Vec<_> = lines.take_while(|line| !line.starts_with("```")).collect();
    let all = all.join(" ").split("ACL SETUSER ").nth(1).unwrap().to_owned();
    all.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn the_rights_that_the_page_names_are_enough() {
    let redis = well().acl(&rights_of("shop")).acl(&rights_of("sale")).start();
    redis.command(&["SET", "shop:1", "7"]);
    let server = Server::standalone(&redis.url_of("shop", "secret")).unwrap();
    let mirror =
        Mirror::builder(&server, "shop:").int(Arc::<BucketIntCache>::default()).start().await.unwrap();
    tokio::time::timeout(PATIENCE, mirror.ready()).await.unwrap().unwrap();
    assert_eq!(mirror.cache().get("1"), Some(7));

    let server = Server::standalone(&redis.url_of("sale", "secret")).unwrap();
    let stock = Stock::connect(&server, "sale:", "sku:1").await.unwrap();
    stock.create(10, 2).await.unwrap();
    stock.restock("a", 1).await.unwrap();
    stock.set_user_limit(3).await.unwrap();
    let lease = Lease::builder(&server, "sale:", "sku:1").open().await.unwrap();
    let receipt = lease.try_take(1).unwrap().commit(Order::new("o").user("ann")).await.unwrap();
    assert_eq!(stock.bought("ann").await.unwrap(), 1);
    assert_eq!(stock.orders(None, 10).await.unwrap().len(), 1);
    stock.cancel(&receipt).await.unwrap();
    stock.reap(Duration::from_secs(3_600)).await.unwrap();
    lease.close().await.unwrap();
    assert!(stock.inspect().await.unwrap().is_consistent());
    // Of writes, only those of its own keys.
    assert!(Stock::connect(&server, "shop:", "sku:1").await.unwrap().create(1, 0).await.is_err());
}

#[tokio::test]
async fn servers_that_cannot_be_used_are_found() {
    let primary = well().password("secret").start();
    let wrong = examine(&format!("redis://:wrong@127.0.0.1:{}", primary.port()), "shop:").await;
    assert!(found(&wrong, "reachable").1.contains("refused the user or the password"));

    let replica = Redis::builder().replica_of(&primary).start();
    replica.wait_for_sync();
    let (severity, text) = found(&examine(&replica.url(), "shop:").await, "identity");
    assert_eq!(severity, Some(Severity::Error));
    assert!(text.contains("is a replica"), "{text}");

    // A primary with a replica that it does not wait for.
    put_stock(&primary, "shop:").await;
    let (severity, text) = found(&examine(&primary.url(), "shop:").await, "replication");
    assert_eq!(severity, Some(Severity::Warning));
    assert!(text.contains("min-replicas-to-write"), "{text}");

    let url = replica.url();
    drop(replica);
    assert_eq!(found(&examine(&url, "shop:").await, "reachable").0, Some(Severity::Error));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_primary_of_a_cluster_is_examined() {
    let cluster = Cluster::start(3);
    let server = Server::cluster(cluster.urls()).unwrap();
    let report = doctor(&server, "shop:").await;
    assert!(report.worst() < Some(Severity::Error), "{report}");
    assert_eq!(report.of("output-buffers").count(), 3, "{report}");
    let nodes: std::collections::HashSet<_> = report.findings.iter().map(|finding| &finding.node).collect();
    assert_eq!(nodes.len(), 3, "{report}");
    let alone = examine(&cluster.node(0).url(), "shop:").await;
    assert!(found(&alone, "identity").1.contains("Server::cluster"));
    // A slot without an owner.
    cluster.node(0).command(&["CONFIG", "SET", "cluster-require-full-coverage", "no"]);
    cluster.node(0).command(&["CLUSTER", "DELSLOTS", "0"]);
    let report = doctor(&Server::cluster([cluster.node(0).url()]).unwrap(), "shop:").await;
    assert!(found(&report, "reachable").1.contains("slots"), "{report}");
}
