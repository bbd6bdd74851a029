//! A service on a port of its own, over a database of its own, with a clock that stands still.

use std::fs;
use std::io::Write;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::Request;
use axum_cache::Config;
use clap::Parser;
use hotcache::policy::ManualClock;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rusqlite::Connection;
use serde_json::Value;
use tokio::net::TcpListener;

type Http = Client<HttpConnector, Full<Bytes>>;

/// Longer than anything here takes, however busy the machine is.
pub(crate) const TOO_LONG: Duration = Duration::from_secs(60);

pub(crate) struct Server {
    pub(crate) clock: ManualClock,
    address: SocketAddr,
    database: PathBuf,
    client: Http,
}

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<u64>,
    pub(crate) text: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub(crate) fn error(&self) -> String {
        self.json()["error"].as_str().expect("an error has a message").to_owned()
    }
}

impl Server {
    /// Starts a service with these flags. Its limit of requests is out of the way, unless `flags` set one.
    pub(crate) async fn start(name: &str, flags: &str) -> Self {
        let database = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.sqlite3"));
        // What an earlier run left.
        let _ = fs::remove_file(&database);
        let tables = Connection::open(&database).unwrap();
        tables.execute_batch(include_str!("../../src/items.sql")).unwrap();
        let path = database.to_str().expect("the path is UTF-8");
        let mut args = vec!["axum-cache", "--database", path];
        if !flags.contains("--rate") {
            args.extend(["--rate", "1000000", "--burst", "1000000"]);
        }
        args.extend(flags.split_whitespace());
        let clock = ManualClock::new();
        let app = axum_cache::app(&Config::parse_from(args), clock.clone()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        // It ends with the test's runtime.
        tokio::spawn(async move {
            axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await
        });
        Self { clock, address, database, client: client(None) }
    }

    /// The request does not borrow the server, so it can be spawned.
    pub(crate) fn get(&self, path: &str) -> impl Future<Output = Reply> + Send + use<> {
        send(self.client.clone(), self.request("GET", path, ""))
    }

    /// Asks from another address of this host.
    pub(crate) fn get_from(&self, address: IpAddr, path: &str) -> impl Future<Output = Reply> + Send + use<> {
        send(client(Some(address)), self.request("GET", path, ""))
    }

    pub(crate) fn post(&self, path: &str, body: &str) -> impl Future<Output = Reply> + Send + use<> {
        send(self.client.clone(), self.request("POST", path, body))
    }

    pub(crate) fn put(&self, path: &str, body: &str) -> impl Future<Output = Reply> + Send + use<> {
        send(self.client.clone(), self.request("PUT", path, body))
    }

    pub(crate) fn delete(&self, path: &str) -> impl Future<Output = Reply> + Send + use<> {
        send(self.client.clone(), self.request("DELETE", path, ""))
    }

    fn request(&self, method: &str, path: &str, body: &str) -> Request<Full<Bytes>> {
        Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.address))
            .header("content-type", "application/json")
            .body(Full::from(body.to_owned()))
            .unwrap()
    }

    /// The value of a metric, by its name with its labels.
    pub(crate) async fn metric(&self, name: &str) -> f64 {
        let text = self.get("/metrics").await.text;
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
    }

    pub(crate) async fn queries(&self) -> f64 {
        self.metric("database_queries_total").await
    }

    /// Waits until so many queries were started.
    pub(crate) async fn wait_for_queries(&self, queries: f64) {
        let seen = async {
            while self.queries().await < queries {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(TOO_LONG, seen).await.expect("the query is started");
    }

    /// A connection of somebody else to the same database.
    pub(crate) fn sqlite(&self) -> Connection {
        Connection::open(&self.database).unwrap()
    }

    /// Sends a request, and leaves the answer to be read.
    pub(crate) fn connect(&self, what: &str, body: &str) -> TcpStream {
        connect(self.address, what, body)
    }
}

/// Sends a request such as `GET /metrics`, and leaves the answer to be read.
pub(crate) fn connect(address: SocketAddr, what: &str, body: &str) -> TcpStream {
    let mut connection = TcpStream::connect(address).unwrap();
    let length = body.len();
    write!(
        connection,
        "{what} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    connection
}

async fn send(client: Http, request: Request<Full<Bytes>>) -> Reply {
    let what = format!("{} {}", request.method(), request.uri());
    let answered = async {
        let response = client.request(request).await.unwrap();
        let retry_after = response.headers().get("retry-after");
        let retry_after = retry_after.map(|seconds| seconds.to_str().unwrap().parse().unwrap());
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        Reply { status, retry_after, text: String::from_utf8(body.to_vec()).unwrap() }
    };
    let answered = tokio::time::timeout(TOO_LONG, answered).await;
    answered.unwrap_or_else(|_| panic!("{what} was not answered in {TOO_LONG:?}"))
}

fn client(address: Option<IpAddr>) -> Http {
    let mut connector = HttpConnector::new();
    connector.set_local_address(address);
    Client::builder(TokioExecutor::new()).build(connector)
}
