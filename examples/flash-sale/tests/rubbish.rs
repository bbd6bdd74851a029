//! Requests that are not as they should be: each is answered with 4xx, soon, and the service goes on.
#![expect(clippy::unwrap_used, reason = "a test that unwraps says what it expects by failing")]

mod support;

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};
use support::{Shop, TOO_LONG, UNLIMITED};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// `cargo xtask test` runs all of them.
const REQUESTS: u64 = 1_000;

/// xorshift64 (Marsaglia, 2003).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        (0..self.below(most)).map(|_| self.next() as u8).collect()
    }
}

/// A request that cannot be right.
fn rubbish(random: &mut Random, token: &str) -> Vec<u8> {
    let good = r#"{"item":"tea","quantity":1,"request_id":"x"}"#;
    let body: Vec<u8> = match random.below(12) {
        0 => random.bytes(200),
        1 => good.as_bytes()[..random.below(good.len())].to_vec(),
        2 => {
            let mut body = good.as_bytes().to_vec();
            let at = random.below(body.len());
            // A control character is allowed nowhere in JSON but between tokens, and 1 is not there either.
            body[at] = 1;
            body
        }
        3 => random.pick(&["null", "[]", "1", "\"\"", "{}", "[[[[", "{\"item\":{}}"]).into(),
        4 => json!({ "item": "tea", "quantity": -(random.below(1 << 40) as i64) - 1 }).to_string().into(),
        5 => json!({ "item": "tea", "quantity": random.pick(&["1e99", "0", "NaN", "2"]) }).to_string().into(),
        6 => format!(
            r#"{{"item":"tea","quantity":{}}}"#,
            random.pick(&["0", "1.5", "1e9", "4294967296", "1e400"])
        )
        .into(),
        7 => json!({ "item": "x".repeat(random.below(3_000)), "quantity": 1 }).to_string().into(),
        8 => json!({ "item": "tea", "request_id": "y".repeat(129 + random.below(2_000)) }).to_string().into(),
        9 => json!({ "item": "tea", "quantity": 1, "price": 0 }).to_string().into(),
        10 => "[".repeat(random.below(4_000)).into(),
        _ => vec![b' '; 5_000 + random.below(100_000)],
    };
    let mut text = String::new();
    let (mut method, mut path, mut token, mut kind) = ("POST", "/buy", token.to_owned(), "application/json");
    let mut length = body.len().to_string();
    match random.below(10) {
        0 => token = String::from_utf8_lossy(&random.bytes(300)).replace(['\r', '\n', '\0'], "?"),
        1 => {
            let at = random.below(token.len());
            token.replace_range(at..=at, if &token[at..=at] == "A" { "B" } else { "A" });
        }
        2 => token.clear(),
        3 => method = random.pick(&["GET", "PUT", "DELETE", "PATCH", "BREW"]),
        4 => {
            path = random.pick(&[
                "/by",
                "/buy/1",
                "/orders/-1",
                "/%00",
                "/admin/stats",
                "/admin/orders?limit=x",
                "//",
                "/..",
            ])
        }
        5 => kind = random.pick(&["text/plain", "", "multipart/form-data; boundary=x"]),
        6 => length = random.pick(&["-1", "x", "99999999999999999999", "1, 2"]).to_owned(),
        7 => {
            path =
                random.pick(&["/cancel", "/admin/items", "/admin/restock", "/admin/lists", "/admin/events"])
        }
        _ => {}
    }
    let _ = write!(text, "{method} {path} HTTP/1.1\r\nhost: shop\r\nauthorization: Bearer {token}\r\n");
    match random.below(8) {
        // A flood of headers, one that is too long, and one that is none.
        0 => (0..200).for_each(|n| _ = write!(text, "x-{n}: y\r\n")),
        1 => _ = write!(text, "x: {}\r\n", "y".repeat(40_000)),
        2 => text += "no header\r\n",
        _ => {}
    }
    let _ = write!(text, "content-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
    [text.into_bytes(), body].concat()
}

async fn send(shop: &Shop, request: &[u8]) -> String {
    let answered = async {
        let mut stream = TcpStream::connect(shop.service.address()).await.unwrap();
        // The service may answer and close before it has read everything.
        let _ = stream.write_all(request).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    };
    let shown = || String::from_utf8_lossy(&request[..request.len().min(300)]).into_owned();
    tokio::time::timeout(TOO_LONG, answered).await.unwrap_or_else(|_| panic!("no answer to {}", shown()))
}

fn memory(shop: &Shop) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", shop.service.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[tokio::test]
async fn rubbish_is_refused_and_changes_nothing() {
    let shop = Shop::open("rubbish", UNLIMITED).await;
    shop.sell("tea", 10, 10).await;
    let token = shop.token("ann");
    let mut random = Random(0x5eed);
    let (mut answered, mut first) = (0, 0);
    for number in 0..REQUESTS {
        let request = rubbish(&mut random, &token);
        let answer = send(&shop, &request).await;
        let status = answer.split(' ').nth(1).unwrap_or("none");
        // A connection that was cut while the client still wrote may lose the answer on its way: no answer is no 5xx.
        let is_right = answer.is_empty() || (status.len() == 3 && status.starts_with('4'));
        let shown = String::from_utf8_lossy(&request[..request.len().min(300)]).into_owned();
        assert!(is_right, "request {number} was answered {answer:?}:\n{shown}");
        answered += u64::from(!answer.is_empty());
        if number == REQUESTS / 10 {
            first = memory(&shop);
        }
    }
    assert!(answered > REQUESTS * 8 / 10, "only {answered} were answered");
    let last = memory(&shop);
    assert!(last < first + 64 * 1_024, "memory grew from {first} kB to {last} kB");
    let books = shop.books_are_right().await;
    assert_eq!((&books["items"][0]["left"], &books["orders"]), (&json!(10), &json!(0)), "{books}");
    assert_eq!(shop.buy(&token, "tea", 1, "good").await.0, 202, "it goes on");
}

#[tokio::test]
async fn slow_clients_are_cut_off() {
    let data = support::directory("slow");
    let config = data.join("sale.toml");
    std::fs::write(&config, "data = '.'\n[limits]\nrequest_ms = 300\n").unwrap();
    let shop = Shop::open_in(data, &["--config", config.to_str().unwrap()]).await;
    let token = shop.token("ann");
    let head = "POST /buy HTTP/1.1\r\nhost: shop\r\n";
    let body = format!(
        "{head}authorization: Bearer {token}\r\ncontent-type: application/json\r\ncontent-length: 40\r\n\r\n{{"
    );
    for (sent, expected) in
        [(head.to_owned(), ["", "HTTP/1.1 408"]), (body, ["HTTP/1.1 408", "HTTP/1.1 408"])]
    {
        let mut stream = TcpStream::connect(shop.service.address()).await.unwrap();
        stream.write_all(sent.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let ended = tokio::time::timeout(TOO_LONG, async {
            // An answer to the body may leave the connection open: what is read until then counts.
            loop {
                match stream.read_buf(&mut answer).await {
                    Ok(0) | Err(_) => break,
                    Ok(_) if answer.windows(4).any(|four| four == b"\r\n\r\n") => break,
                    Ok(_) => {}
                }
            }
        });
        ended.await.expect("a slow client is cut off");
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert!(
            expected.iter().any(|start| answer.starts_with(start) && start.is_empty() == answer.is_empty()),
            "{answer:?}"
        );
    }
}

#[tokio::test]
async fn connections_that_say_nothing_keep_nobody_out() {
    let shop = Shop::open("silent", UNLIMITED).await;
    let mut silent = Vec::new();
    for _ in 0..500 {
        silent.push(TcpStream::connect(shop.service.address()).await.unwrap());
    }
    let asked = shop.reply("GET", "/health", "", &Value::Null);
    let reply = tokio::time::timeout(Duration::from_secs(10), asked).await.expect("there is room");
    assert_eq!(reply.status, 200);
}
