//! A service in a process of its own, in a directory of its own.
#![allow(dead_code, clippy::allow_attributes, reason = "each test uses a part of it")]

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use hotcache_load::{Link, Reply, Service, Start};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

/// Longer than anything here takes, however busy the machine is.
pub(crate) const TOO_LONG: Duration = Duration::from_secs(60);

/// Flags that let as many requests through as there are.
pub(crate) const UNLIMITED: &[&str] = &["--user-rate", "0", "--address-rate", "0", "--no-console"];

pub(crate) struct Shop {
    pub(crate) service: Service,
    pub(crate) data: PathBuf,
    admin: String,
}

/// A directory that nothing is in.
pub(crate) fn directory(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("flash-sale-{name}"));
    // What an earlier run left.
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

pub(crate) fn program() -> PathBuf {
    env!("CARGO_BIN_EXE_flash-sale").into()
}

impl Shop {
    pub(crate) async fn open(name: &str, flags: &[&str]) -> Self {
        let data = directory(name);
        Self::open_in(data, flags).await
    }

    pub(crate) async fn open_in(data: PathBuf, flags: &[&str]) -> Self {
        let flags = flags.iter().map(|&flag| flag.to_owned()).collect();
        let start = Start { program: program(), data: data.clone(), keys: None, flags };
        let (_, admin) = start.tokens(1).unwrap();
        let service = start.start().unwrap();
        service.ready().await.unwrap();
        Self { service, data, admin: admin.trim().to_owned() }
    }

    pub(crate) fn admin_token(&self) -> &str {
        &self.admin
    }

    pub(crate) fn token(&self, user: &str) -> String {
        let mut command = std::process::Command::new(program());
        let output = command.arg("--data").arg(&self.data).args(["token", "--user", user]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Sends a request, and returns the status and the JSON of the answer.
    pub(crate) async fn ask(&self, method: &str, path: &str, token: &str, body: &Value) -> (u16, Value) {
        let reply = self.reply(method, path, token, body).await;
        let json = serde_json::from_slice(&reply.body).unwrap_or(Value::Null);
        (reply.status, json)
    }

    pub(crate) async fn reply(&self, method: &str, path: &str, token: &str, body: &Value) -> Reply {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: shop\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\n\r\n{body}"
        );
        Link::new(self.service.address()).ask(request.as_bytes()).await.unwrap()
    }

    pub(crate) async fn admin(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        self.ask(method, path, &self.admin, &body).await
    }

    pub(crate) async fn buy(&self, token: &str, item: &str, quantity: u32, id: &str) -> (u16, Value) {
        let body = json!({ "item": item, "quantity": quantity, "request_id": id });
        self.ask("POST", "/buy", token, &body).await
    }

    /// An event that is open, and an item of it.
    pub(crate) async fn sell(&self, item: &str, stock: u64, limit: u32) {
        let event = json!({ "id": "sale", "starts": 0, "ends": 4_000_000_000_000_u64 });
        let (status, said) = self.admin("POST", "/admin/events", event).await;
        assert_eq!(status, 201, "{said}");
        let item = json!({ "id": item, "event": "sale", "title": "An item", "stock": stock, "limit": limit });
        let (status, said) = self.admin("POST", "/admin/items", item).await;
        assert_eq!(status, 201, "{said}");
    }

    pub(crate) fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(self.service.id() as i32).unwrap(), signal).unwrap();
    }

    /// That stock, counts and orders agree.
    pub(crate) async fn books_are_right(&self) -> Value {
        let (status, books) = self.admin("GET", "/admin/books", Value::Null).await;
        assert_eq!(status, 200, "{books}");
        assert_eq!(books["differences"], json!([]), "{books}");
        books
    }
}

/// Asks until the answer is the one that is expected.
pub(crate) async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let begin = Instant::now();
    while !is_so().await {
        assert!(begin.elapsed() < TOO_LONG, "{what}: not in {TOO_LONG:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
