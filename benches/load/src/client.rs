use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::http::{Link, Reply};

/// The requests that the service understands, made for one user or administrator at a time.
#[derive(Clone, Debug)]
pub struct Client {
    addresses: Arc<[SocketAddr]>,
    users: Arc<[User]>,
    admin: Arc<str>,
}

#[derive(Debug)]
struct User {
    name: String,
    token: String,
}

/// The answer of the service to a purchase.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Answer {
    /// The order, if there is one.
    pub order: Option<String>,
    /// Its state.
    pub state: Option<String>,
    /// Why there is none.
    pub error: Option<String>,
    /// When another try makes sense.
    pub retry_after_ms: Option<u64>,
}

impl Client {
    /// Returns a client of the nodes of a service. Each line of `users` has the name of a user and a token, as
    /// `flash-sale token --users N` prints them.
    ///
    /// # Errors
    ///
    /// If a line has no token.
    pub fn new(addresses: &[SocketAddr], users: &str, admin: &str) -> anyhow::Result<Self> {
        let user = |line: &str| {
            let (name, token) = line.split_once(' ').with_context(|| {
                format!("invalid line {line:?} of tokens: a name, a space and a token are needed")
            })?;
            Ok(User { name: name.to_owned(), token: token.trim().to_owned() })
        };
        let users = users.lines().map(user).collect::<anyhow::Result<_>>()?;
        Ok(Self { addresses: addresses.into(), users, admin: admin.trim().into() })
    }

    /// The number of users that have tokens.
    #[must_use]
    pub fn users(&self) -> u32 {
        u32::try_from(self.users.len()).unwrap_or(u32::MAX)
    }

    /// The name of a user.
    #[must_use]
    pub fn name(&self, user: u32) -> &str {
        &self.users[user as usize].name
    }

    /// A new connection to one of the nodes.
    #[must_use]
    pub fn link(&self, first: usize) -> Link {
        Link::among(Arc::clone(&self.addresses), first)
    }

    /// The number of nodes.
    #[must_use]
    pub fn nodes(&self) -> usize {
        self.addresses.len()
    }

    /// The bytes of a purchase.
    #[must_use]
    pub fn buy(&self, user: u32, item: &str, quantity: u32, request_id: &str) -> Vec<u8> {
        self.buy_at("/buy", user, item, quantity, request_id)
    }

    /// The bytes of a purchase, sent to another path.
    #[must_use]
    pub fn buy_at(&self, path: &str, user: u32, item: &str, quantity: u32, request_id: &str) -> Vec<u8> {
        let body = format!(r#"{{"item":"{item}","quantity":{quantity},"request_id":"{request_id}"}}"#);
        self.request("POST", path, &self.users[user as usize].token, &body)
    }

    /// The bytes of a cancellation.
    #[must_use]
    pub fn cancel(&self, user: u32, order: &str) -> Vec<u8> {
        self.request(
            "POST",
            "/cancel",
            &self.users[user as usize].token,
            &json!({ "order": order }).to_string(),
        )
    }

    /// Does what an administrator may on any node, and reads the answer.
    ///
    /// # Errors
    ///
    /// If no node answers, or one refuses.
    pub async fn administrate(&self, method: &str, path: &str, body: &Value) -> io::Result<Value> {
        let mut last = Err(io::ErrorKind::NotConnected.into());
        for node in 0..self.nodes() {
            last = self.administrate_node(node, method, path, body).await;
            // A node that answers is the one: its refusal is that of all.
            if last.as_ref().is_err_and(|error| error.kind() != io::ErrorKind::Other) {
                continue;
            }
            break;
        }
        last
    }

    /// What every node that answers says.
    pub(crate) async fn ask_each(&self, path: &str) -> Vec<Value> {
        let mut all = Vec::new();
        for node in 0..self.nodes() {
            all.extend(self.administrate_node(node, "GET", path, &Value::Null).await);
        }
        all
    }

    async fn administrate_node(
        &self,
        node: usize,
        method: &str,
        path: &str,
        body: &Value,
    ) -> io::Result<Value> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut link = Link::new(self.addresses[node]);
        let reply = link.ask(&self.request(method, path, &self.admin, &body)).await?;
        if !(200..300).contains(&reply.status) {
            let said = String::from_utf8_lossy(&reply.body).into_owned();
            return Err(io::Error::other(format!("{method} {path} was answered {}: {said}", reply.status)));
        }
        if reply.body.is_empty() { Ok(Value::Null) } else { reply.json() }
    }

    fn request(&self, method: &str, path: &str, token: &str, body: &str) -> Vec<u8> {
        let length = body.len();
        format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\n\r\n{body}",
            self.addresses[0]
        )
        .into_bytes()
    }
}

impl Reply {
    /// Reads the body as JSON.
    ///
    /// # Errors
    ///
    /// If it is not what is expected.
    pub fn json<T: DeserializeOwned>(&self) -> io::Result<T> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let text = String::from_utf8_lossy(&self.body).into_owned();
            io::Error::new(io::ErrorKind::InvalidData, format!("unexpected answer: {error}: {text}"))
        })
    }
}
