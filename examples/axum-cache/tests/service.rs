//! The service, asked over HTTP.
#![expect(clippy::unwrap_used, reason = "a test that unwraps says what it expects by failing")]

mod support;

use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use axum_cache::Config;
use clap::Parser;
use serde_json::json;
use tokio::task::JoinSet;

use support::{Reply, Server};

const POSTER: &str = "/events/1/items/1";
const RECORD: &str = "/events/1/items/2";
const TICKET: &str = "/events/2/items/1";

/// The replies to as many requests at once.
async fn at_once<F: Future<Output = Reply> + Send + 'static>(
    times: usize,
    request: impl Fn() -> F,
) -> Vec<Reply> {
    let requests: JoinSet<_> = (0..times).map(|_| request()).collect();
    requests.join_all().await
}

fn statuses(replies: &[Reply], status: u16) -> usize {
    replies.iter().filter(|reply| reply.status == status).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stampede_for_a_cold_item_is_one_query() {
    let server = Server::start("stampede", "--delay-ms 200").await;
    let replies = at_once(200, || server.get(POSTER)).await;
    assert_eq!(statuses(&replies, 200), 200);
    let item =
        json!({"event": 1, "item": 1, "title": "Poster", "price_cents": 1500, "left": 100, "version": 1});
    assert!(replies.iter().all(|reply| reply.json() == item));
    assert_eq!(server.queries().await, 1.0);
}

#[tokio::test]
async fn an_unknown_item_is_remembered_for_a_short_time() {
    let server = Server::start("unknown", "--delay-ms 0 --unknown 5 --stale 0").await;
    for _ in 0..3 {
        let reply = server.get("/events/1/items/99").await;
        assert_eq!((reply.status, &*reply.error()), (404, "there is no item 99 of event 1"));
    }
    assert_eq!(server.queries().await, 1.0);
    let insert = "INSERT INTO items (event, item, title, price_cents, left) VALUES (1, 99, 'Cap', 900, 5)";
    server.sqlite().execute(insert, []).unwrap();
    server.clock.advance(Duration::from_secs(4));
    assert_eq!(server.get("/events/1/items/99").await.status, 404);
    server.clock.advance(Duration::from_secs(1));
    assert_eq!(server.get("/events/1/items/99").await.json()["title"], "Cap");
    assert_eq!(server.queries().await, 2.0);
}

#[tokio::test]
async fn an_item_is_loaded_again_when_its_time_is_over() {
    let server = Server::start("expiry", "--delay-ms 0 --ttl 30 --jitter 0 --stale 0").await;
    assert_eq!(server.get(POSTER).await.json()["title"], "Poster");
    server.sqlite().execute("UPDATE items SET title = 'Large poster'", []).unwrap();
    server.clock.advance(Duration::from_secs(29));
    assert_eq!(server.get(POSTER).await.json()["title"], "Poster");
    server.clock.advance(Duration::from_secs(1));
    assert_eq!(server.get(POSTER).await.json()["title"], "Large poster");
    assert_eq!(server.queries().await, 2.0);
}

#[tokio::test]
async fn jitter_spreads_what_was_loaded_together() {
    let server = Server::start("jitter", "--delay-ms 0 --ttl 1000 --jitter 50 --stale 0").await;
    let sqlite = server.sqlite();
    for item in 100..200 {
        let insert = "INSERT INTO items (event, item, title, price_cents, left) VALUES (3, ?1, '', 1, 1)";
        sqlite.execute(insert, [item]).unwrap();
        server.get(&format!("/events/3/items/{item}")).await;
    }
    server.clock.advance(Duration::from_secs(750));
    for item in 100..200 {
        server.get(&format!("/events/3/items/{item}")).await;
    }
    let expired = server.queries().await - 100.0;
    assert!((20.0..=80.0).contains(&expired), "{expired} of 100 expired in the first half of the jitter");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_item_is_served_while_one_request_loads_a_newer_one() {
    let flags = "--delay-ms 0 --ttl 30 --jitter 0 --stale 60 --patience-ms 60000";
    let server = Server::start("stale", flags).await;
    server.get(POSTER).await;
    let sqlite = server.sqlite();
    sqlite.execute("UPDATE items SET title = 'Large poster'", []).unwrap();
    server.clock.advance(Duration::from_secs(30));
    sqlite.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let meanwhile = async {
        server.wait_for_queries(2.0).await;
        let replies = at_once(20, || server.get(POSTER)).await;
        assert!(replies.iter().all(|reply| reply.json()["title"] == "Poster"));
        sqlite.execute_batch("COMMIT").unwrap();
    };
    let (refreshed, ()) = tokio::join!(server.get(POSTER), meanwhile);
    assert_eq!(refreshed.json()["title"], "Large poster");
    assert_eq!(server.get(POSTER).await.json()["title"], "Large poster");
    assert_eq!(server.queries().await, 2.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_waits_for_a_newer_item_for_longer_than_patience_allows() {
    let flags = "--delay-ms 0 --ttl 30 --jitter 0 --stale 60 --patience-ms 0";
    let server = Server::start("patience", flags).await;
    server.get(POSTER).await;
    let sqlite = server.sqlite();
    sqlite.execute("UPDATE items SET title = 'Large poster'", []).unwrap();
    server.clock.advance(Duration::from_secs(30));
    sqlite.execute_batch("BEGIN EXCLUSIVE").unwrap();
    for _ in 0..3 {
        assert_eq!(server.get(POSTER).await.json()["title"], "Poster");
    }
    assert_eq!(server.queries().await, 2.0, "one load goes on, and no other is started");
    sqlite.execute_batch("COMMIT").unwrap();
    let started = Instant::now();
    while server.get(POSTER).await.json()["title"] != "Large poster" {
        assert!(started.elapsed() < support::TOO_LONG, "what was loaded is not stored");
    }
    assert_eq!(server.queries().await, 2.0);
}

#[tokio::test]
async fn a_failing_database_is_an_error_until_it_recovers_and_an_old_item_bridges_it() {
    let server = Server::start("failure", "--delay-ms 0 --ttl 30 --jitter 0 --stale 60").await;
    server.get(POSTER).await;
    let sqlite = server.sqlite();
    sqlite.execute_batch("ALTER TABLE items RENAME TO away").unwrap();
    let reply = server.get(RECORD).await;
    assert_eq!((reply.status, &*reply.error()), (500, "the database failed: try again later"));
    server.clock.advance(Duration::from_secs(31));
    assert_eq!(server.get(POSTER).await.json()["title"], "Poster");
    // Until a stated limit.
    server.clock.advance(Duration::from_secs(59));
    assert_eq!(server.get(POSTER).await.status, 500);
    assert_eq!(server.metric(r#"items_loaded_total{result="failed"}"#).await, 3.0);
    sqlite.execute_batch("ALTER TABLE away RENAME TO items").unwrap();
    assert_eq!(server.get(POSTER).await.json()["title"], "Poster");
    assert_eq!(server.get(RECORD).await.json()["title"], "Signed record");
}

#[tokio::test]
async fn an_event_is_invalidated_and_no_other() {
    let server = Server::start("invalidation", "--delay-ms 0").await;
    for path in [POSTER, RECORD, TICKET, "/events/1/items/99"] {
        server.get(path).await;
    }
    let sqlite = server.sqlite();
    sqlite.execute("UPDATE items SET title = 'New'", []).unwrap();
    let insert = "INSERT INTO items (event, item, title, price_cents, left) VALUES (1, 99, 'New', 900, 5)";
    sqlite.execute(insert, []).unwrap();
    assert_eq!(server.delete("/events/1/cache").await.status, 204);
    for path in [POSTER, RECORD, "/events/1/items/99"] {
        assert_eq!(server.get(path).await.json()["title"], "New");
    }
    assert_eq!(server.get(TICKET).await.json()["title"], "Ticket");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_query_read_before_an_invalidation_is_not_kept() {
    let server = Server::start("invalidation-during-query", "--delay-ms 300").await;
    let meanwhile = async {
        server.wait_for_queries(1.0).await;
        server.delete("/events/1/cache").await;
    };
    let (_, ()) = tokio::join!(server.get(POSTER), meanwhile);
    server.sqlite().execute("UPDATE items SET title = 'New'", []).unwrap();
    assert_eq!(server.get(POSTER).await.json()["title"], "New");
}

#[tokio::test]
async fn a_price_changes_if_the_client_saw_the_last_one() {
    let server = Server::start("price", "--delay-ms 0").await;
    server.get(POSTER).await;
    let price = format!("{POSTER}/price");
    let reply = server.put(&price, r#"{"price_cents": 1200, "version": 1}"#).await;
    assert_eq!((reply.status, reply.json()), (200, json!({"price_cents": 1200, "version": 2})));
    let queries = server.queries().await;
    let item = server.get(POSTER).await.json();
    assert_eq!((&item["price_cents"], &item["version"]), (&json!(1200), &json!(2)));
    assert_eq!(server.queries().await, queries, "the item in memory was replaced");
    let reply = server.put(&price, r#"{"price_cents": 900, "version": 1}"#).await;
    assert_eq!((reply.status, &*reply.error()), (409, "the item has version 2, not 1"));
    assert_eq!(server.get(POSTER).await.json()["price_cents"], 1200);
    let reply = server.put("/events/1/items/99/price", r#"{"price_cents": 900, "version": 1}"#).await;
    assert_eq!(reply.status, 404);
}

#[tokio::test]
async fn a_client_is_limited_and_told_when_to_come_back() {
    let server = Server::start("limit", "--delay-ms 0 --rate 2 --burst 5").await;
    let mut replies = Vec::new();
    for _ in 0..8 {
        replies.push(server.get(POSTER).await);
    }
    assert_eq!((statuses(&replies, 200), statuses(&replies, 429)), (5, 3));
    assert_eq!((replies[7].retry_after, &*replies[7].error()), (Some(1), "too many requests"));
    // Half a second for one more.
    server.clock.advance(Duration::from_millis(500));
    assert_eq!(server.get(POSTER).await.status, 200);
    assert_eq!(server.get(POSTER).await.status, 429);
    assert_eq!(server.metric("requests_refused_total").await, 4.0);
}

/// Linux alone has all of 127.0.0.0/8 without being asked.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn clients_have_a_limit_each_and_their_number_has_one() {
    let server = Server::start("clients", "--delay-ms 0 --rate 1 --burst 1 --max-clients 2").await;
    let host = |last| std::net::IpAddr::from([127, 0, 0, last]);
    assert_eq!(server.get_from(host(2), POSTER).await.status, 200);
    assert_eq!(server.get_from(host(2), POSTER).await.status, 429);
    assert_eq!(server.get_from(host(3), POSTER).await.status, 200);
    let reply = server.get_from(host(4), POSTER).await;
    assert_eq!((reply.status, reply.retry_after), (503, Some(1)));
    assert_eq!(server.get_from(host(2), POSTER).await.status, 429, "nobody was forgotten for a stranger");
    server.clock.advance(Duration::from_secs(1));
    assert_eq!(server.get_from(host(4), POSTER).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_buyers_of_three_pieces_get_three() {
    let server = Server::start("sold-out", "--delay-ms 20").await;
    let buy = format!("{RECORD}/buy");
    let replies = at_once(100, || server.post(&buy, r#"{"pieces": 1}"#)).await;
    assert_eq!((statuses(&replies, 200), statuses(&replies, 409)), (3, 97));
    let mut left: Vec<_> = replies.iter().filter_map(|reply| reply.json()["left"].as_i64()).collect();
    left.sort_unstable();
    assert_eq!(left, [0, 1, 2]);
    let refused = replies.iter().find(|reply| reply.status == 409).map(Reply::error);
    assert_eq!(refused.as_deref(), Some("0 left of item 2 of event 1"));
    assert_eq!(server.get(RECORD).await.json()["left"], 0);
    let stored: i64 = server
        .sqlite()
        .query_row("SELECT left FROM items WHERE event = 1 AND item = 2", [], |row| row.get(0))
        .unwrap();
    assert_eq!(stored, 0);
    // One for the item and one for each piece: those who got none did not ask the database.
    assert_eq!(server.queries().await, 4.0);
}

#[tokio::test]
async fn a_purchase_that_the_database_refuses_is_given_back() {
    let server = Server::start("give-back", "--delay-ms 0").await;
    server.get(RECORD).await;
    let sqlite = server.sqlite();
    sqlite.execute_batch("ALTER TABLE items RENAME TO away").unwrap();
    let buy = format!("{RECORD}/buy");
    assert_eq!(server.post(&buy, r#"{"pieces": 2}"#).await.status, 500);
    sqlite.execute_batch("ALTER TABLE away RENAME TO items").unwrap();
    assert_eq!(server.post(&buy, r#"{"pieces": 3}"#).await.json(), json!({"bought": 3, "left": 0}));
    // Somebody else's sale is seen too.
    server.get(TICKET).await;
    sqlite.execute("UPDATE items SET left = 0 WHERE event = 2", []).unwrap();
    let reply = server.post(&format!("{TICKET}/buy"), r#"{"pieces": 1}"#).await;
    assert_eq!((reply.status, &*reply.error()), (409, "item 1 of event 2 is sold out"));
}

#[tokio::test]
async fn bad_requests_are_refused_clearly() {
    let server = Server::start("bad", "--delay-ms 0").await;
    let (buy, price) = (format!("{POSTER}/buy"), format!("{POSTER}/price"));
    for (reply, status, message) in [
        (server.get("/events/one/items/1").await, 400, "`event` with value `one`"),
        (server.get("/nowhere").await, 404, "no such page"),
        (server.post(POSTER, "{}").await, 405, "no such method"),
        (server.post(&buy, "{").await, 400, "JSON"),
        (server.post(&buy, r#"{"piece": 1}"#).await, 422, "missing field `pieces`"),
        (server.post(&buy, r#"{"pieces": 0}"#).await, 422, "pieces is 0: 1 to 10 are allowed"),
        (server.post(&buy, r#"{"pieces": 11}"#).await, 422, "pieces is 11: 1 to 10 are allowed"),
        (server.post(&buy, &format!("{}1", " ".repeat(2000))).await, 413, "length limit"),
        (server.put(&price, r#"{"price_cents": -1, "version": 1}"#).await, 422, "at least 0"),
        (
            server.post("/events/1/items/99/buy", r#"{"pieces": 1}"#).await,
            404,
            "there is no item 99 of event 1",
        ),
    ] {
        assert_eq!(reply.status, status, "{}", reply.text);
        assert!(reply.error().contains(message), "{}", reply.text);
    }
}

#[tokio::test]
async fn the_metrics_are_in_the_format_of_prometheus() {
    let server = Server::start("metrics", "--delay-ms 0").await;
    server.get(POSTER).await;
    server.get(POSTER).await;
    server.get("/events/1/items/99").await;
    let text = server.get("/metrics").await.text;
    let is_name = |name: &str| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let mut kind = None;
    let mut samples = 0;
    for line in text.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            let mut words = comment.splitn(3, ' ');
            let (what, name, rest) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
            assert!(is_name(name) && !rest.is_empty(), "{line}");
            match what {
                "HELP" => kind = None,
                "TYPE" => kind = Some((name, rest)),
                _ => panic!("{line}"),
            }
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap();
        assert!(value.parse::<f64>().unwrap() >= 0.0, "{line}");
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let (of, kind) = kind.expect("the type of a metric comes before its samples");
        assert_eq!(name, of);
        assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
        assert!(labels.is_empty() || (labels.ends_with("\"}") && labels.contains("=\"")), "{line}");
        samples += 1;
    }
    assert!(samples > 10 && text.ends_with('\n'));
    for (name, value) in [
        ("items_cached", 2.0),
        (r#"items_read_total{result="hit"}"#, 1.0),
        (r#"items_read_total{result="miss"}"#, 2.0),
        (r#"items_loaded_total{result="ok"}"#, 2.0),
        ("clients_limited", 1.0),
    ] {
        assert_eq!(server.metric(name).await, value, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_buyer_who_hangs_up_leaves_nothing_half_done() {
    let server = Server::start("hang-up", "--delay-ms 300").await;
    server.get(RECORD).await;
    let sqlite = server.sqlite();
    sqlite.execute_batch("ALTER TABLE items RENAME TO away").unwrap();
    let buyer = server.connect(&format!("POST {RECORD}/buy"), r#"{"pieces": 3}"#);
    server.wait_for_queries(2.0).await;
    assert_eq!(server.get(RECORD).await.json()["left"], 0);
    drop(buyer);
    let started = Instant::now();
    // The query fails, and the pieces are given back though nobody waits for an answer.
    while server.get(RECORD).await.json()["left"] != 3 {
        assert!(started.elapsed() < support::TOO_LONG, "the pieces are not given back");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    sqlite.execute_batch("ALTER TABLE away RENAME TO items").unwrap();
    let reply = server.post(&format!("{RECORD}/buy"), r#"{"pieces": 3}"#).await;
    assert_eq!(reply.json(), json!({"bought": 3, "left": 0}));
}

#[test]
fn a_request_that_is_open_when_the_process_is_stopped_is_answered() {
    let mut process = Command::new(env!("CARGO_BIN_EXE_axum-cache"))
        .args(["--listen", "127.0.0.1:0", "--delay-ms", "1000"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut printed = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut printed).unwrap();
    let address = printed.trim().strip_prefix("listening on http://").unwrap().parse().unwrap();
    let mut open = support::connect(address, &format!("GET {POSTER}"), "");
    let mut metrics = String::new();
    while !metrics.contains("\ndatabase_queries_total 1\n") {
        metrics.clear();
        support::connect(address, "GET /metrics", "").read_to_string(&mut metrics).unwrap();
    }
    let kill = Command::new("kill").arg(process.id().to_string()).status().unwrap();
    assert!(kill.success());
    let mut answer = String::new();
    open.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.contains("Poster"), "{answer}");
    assert!(process.wait().unwrap().success());
    assert!(TcpStream::connect(address).is_err(), "the port is closed");
}

#[test]
fn bad_flags_are_refused() {
    for (flags, message) in [
        ("--jitter 101", "101 is not in 0..=100"),
        ("--ttl 0", "0 is not in 1..=86400"),
        ("--rate 0", "0 is not in 1..=4294967295"),
        ("--listen nowhere", "invalid socket address"),
    ] {
        let error = Config::try_parse_from(format!("axum-cache {flags}").split(' ')).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
    let absent = Config::parse_from(["axum-cache", "--database", "/nowhere/items.sqlite3"]);
    let error = axum_cache::app(&absent, hotcache::policy::SystemClock).unwrap_err();
    assert!(error.to_string().contains("/nowhere/items.sqlite3"), "{error}");
}
