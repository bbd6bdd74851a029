//! A handle for commands and scripts.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use redis::{Cmd, FromRedisValue, Pipeline, Value};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::identity::read;
use super::link::refusal;
use super::routing::first_key;
use super::topology::slot_of;
use super::{Backoff, Call, Identity, Link, Node, Server, Topology, address};
use crate::Error;

/// The longest wait before a connection is tried again.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// How often the Sentinels are asked for the primary.
const SENTINELS: Duration = Duration::from_secs(1);

/// How often a command is sent on to the node that a cluster names.
const MOST_REDIRECTIONS: usize = 5;

/// A handle for commands and scripts. Clones share its connections.
///
/// A lost connection is made anew before the next command, after a wait that grows. **No command is ever repeated**: if
/// its answer was lost, the error is [`Error::Unknown`], and the caller decides. Where a cluster says that a key is
/// elsewhere, the command was not done, and is sent on.
///
/// # Examples
///
/// ```no_run
/// use cache_redis::{Script, Server};
///
/// # async fn run() -> Result<(), cache_redis::Error> {
/// let commands = Server::standalone("redis://127.0.0.1:6379")?.commands().await?;
/// let take = Script::new("return redis.call('DECRBY', KEYS[1], ARGV[1])");
/// let left: i64 = commands.invoke(&take.key("stock").arg(2)).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Commands {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    server: Server,
    topology: Mutex<Option<Arc<Topology>>>,
    lines: std::sync::Mutex<HashMap<String, Arc<Mutex<Line>>>>,
}

/// The connection to one node, or to the one primary that there is.
#[derive(Debug)]
struct Line {
    link: Option<Link>,
    /// The node of the connection.
    name: String,
    backoff: Backoff,
    /// When the last attempt failed, before when there is no other, and why.
    failed: Option<(Instant, Duration, Error)>,
}

impl Commands {
    pub(super) async fn connect(server: Server) -> Result<Self, Error> {
        let shared = Shared { server, topology: Mutex::default(), lines: std::sync::Mutex::default() };
        let commands = Self { shared: Arc::new(shared) };
        commands.link_for(None).await?;
        if commands.shared.server.is_sentinel() {
            tokio::spawn(follow_sentinels(Arc::downgrade(&commands.shared)));
        }
        Ok(commands)
    }

    /// Sends a command and returns its answer.
    ///
    /// In a cluster, the first key decides the node; a command without keys goes to any primary.
    ///
    /// # Errors
    ///
    /// [`Error::outcome`] tells whether the command may have been done.
    ///
    /// # Examples
    ///
    /// See [`Commands`].
    pub async fn query<T: FromRedisValue>(&self, cmd: &Cmd) -> Result<T, Error> {
        read(self.send(cmd).await?)
    }

    /// Sends several commands in one packet and returns their answers, among which there may be
    /// [errors](Value::ServerError).
    ///
    /// They are no transaction. In a cluster, all keys must be of one slot.
    ///
    /// # Errors
    ///
    /// If no answer came. Then any number of the commands may have been done.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn run(commands: cache_redis::Commands) -> Result<(), cache_redis::Error> {
    /// let mut pipeline = redis::pipe();
    /// pipeline.set("a", 1).set("b", 2);
    /// let answers = commands.query_all(&pipeline).await?;
    /// assert_eq!(answers.len(), 2);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn query_all(&self, pipeline: &Pipeline) -> Result<Vec<Value>, Error> {
        let key = pipeline.cmd_iter().find_map(first_key);
        let mut link = self.link_for(key).await?;
        let answers = link.send_all(pipeline).await?;
        if answers.iter().any(|answer| code_of(answer).is_some_and(|code| code == "MOVED")) {
            self.forget_topology().await;
        }
        if answers.iter().any(|answer| code_of(answer).is_some_and(|code| code == "READONLY")) {
            link.abandon();
        }
        Ok(answers)
    }

    /// Runs a script and returns its answer.
    ///
    /// The script is named by its hash. Only if the server does not know it is the code sent, and then run once.
    ///
    /// # Errors
    ///
    /// As [`query`](Commands::query). A script that fails may have written before it did.
    ///
    /// # Examples
    ///
    /// See [`Commands`].
    pub async fn invoke<T: FromRedisValue>(&self, call: &Call<'_>) -> Result<T, Error> {
        let answer = match self.send(&call.by_hash()).await {
            Err(Error::Refused { code, .. }) if code == "NOSCRIPT" => self.send(&call.by_code()).await?,
            answer => answer?,
        };
        read(answer)
    }

    async fn send(&self, cmd: &Cmd) -> Result<Value, Error> {
        let key = first_key(cmd);
        let mut link = self.link_for(key).await?;
        let mut answer = link.send(cmd).await;
        for _ in 0..MOST_REDIRECTIONS {
            let Err(Error::Refused { code, reason }) = &answer else { break };
            match (code.as_str(), self.redirection(reason)) {
                ("MOVED", Some(node)) => {
                    self.forget_topology().await;
                    link = self.link_to(&node).await?;
                    answer = link.send(cmd).await;
                }
                ("ASK", Some(node)) => {
                    link = self.link_to(&node).await?;
                    answer = ask(&mut link, cmd).await;
                }
                ("READONLY", _) => {
                    // It was demoted. The next command looks for the new primary.
                    link.abandon();
                    self.forget_topology().await;
                    break;
                }
                _ => break,
            }
        }
        answer
    }

    /// The node that `slot host:port` names.
    fn redirection(&self, detail: &str) -> Option<Node> {
        let super::Kind::Cluster(nodes) = &self.shared.server.kind else { return None };
        let (host, port) = detail.split_whitespace().nth(1)?.rsplit_once(':')?;
        let host = if host.is_empty() { address::host(&nodes[0])? } else { host };
        Some(Node::new(address::at(&nodes[0], host, port.parse().ok()?), self.shared.server.timeout))
    }

    async fn forget_topology(&self) {
        *self.shared.topology.lock().await = None;
    }

    /// The connection to the node that has a key.
    async fn link_for(&self, key: Option<&[u8]>) -> Result<Link, Error> {
        if !self.shared.server.is_cluster() {
            return self.link_on(&self.line(""), None).await;
        }
        let topology = self.topology().await?;
        let slot = key.map_or(0, slot_of);
        let primary = topology.primary_of(slot).ok_or(Error::IncompleteCluster { missing: 1 })?;
        let link = self.link_to(&primary.node).await;
        if matches!(link, Err(Error::Unreachable { .. })) {
            // It may have been replaced.
            self.forget_topology().await;
        }
        link
    }

    async fn topology(&self) -> Result<Arc<Topology>, Error> {
        let mut known = self.shared.topology.lock().await;
        if let Some(topology) = &*known {
            return Ok(Arc::clone(topology));
        }
        let topology = Arc::new(self.shared.server.topology().await?);
        *known = Some(Arc::clone(&topology));
        Ok(topology)
    }

    async fn link_to(&self, node: &Node) -> Result<Link, Error> {
        self.link_on(&self.line(&node.name), Some(node)).await
    }

    fn line(&self, name: &str) -> Arc<Mutex<Line>> {
        let mut lines = self.shared.lines.lock().expect("no holder of this lock panics");
        let new =
            || Line { link: None, name: String::new(), backoff: Backoff::new(LONGEST_WAIT), failed: None };
        Arc::clone(lines.entry(name.to_owned()).or_insert_with(|| Arc::new(Mutex::new(new()))))
    }

    /// The connection on a line, made anew if it was lost. Callers that wait for an attempt share its error.
    async fn link_on(&self, line: &Mutex<Line>, node: Option<&Node>) -> Result<Link, Error> {
        let asked = Instant::now();
        let mut line = line.lock().await;
        if let Some(link) = line.link.as_ref().filter(|link| link.is_alive()) {
            return Ok(link.clone());
        }
        if let Some((at, wait, error)) = line.failed.clone() {
            if at >= asked {
                return Err(error);
            }
            tokio::time::sleep_until(at + wait).await;
        }
        line.link = None;
        match self.new_link(node).await {
            Ok((link, name)) => {
                line.name = name;
                line.failed = None;
                line.backoff.reset();
                Ok(line.link.insert(link).clone())
            }
            Err(error) => {
                let wait = line.backoff.next();
                line.failed = Some((Instant::now(), wait, error.clone()));
                Err(error)
            }
        }
    }

    async fn new_link(&self, node: Option<&Node>) -> Result<(Link, String), Error> {
        let found;
        let node = match node {
            Some(node) => node,
            None => {
                found = self.shared.server.topology().await?;
                &found.primaries[0].node
            }
        };
        let mut link = node.connect().await?;
        let identity = Identity::of(&mut link).await.map_err(not_sent)?;
        // A node of a cluster that is no primary says where the key is.
        match identity.check(node, self.shared.server.is_cluster()) {
            Err(Error::NotPrimary { .. }) if self.shared.server.is_cluster() => {}
            checked => checked?,
        }
        if let Some((_, least)) = self.shared.server.least.filter(|(least, _)| identity.version < *least) {
            let (address, version) = (node.name.clone(), identity.version_text);
            return Err(Error::TooOld { address, version, least });
        }
        Ok((link, node.name.clone()))
    }
}

/// Gives the connection up when the Sentinels name another primary. The old one may not know yet that it is none, and what it
/// is told will be lost.
async fn follow_sentinels(shared: Weak<Shared>) {
    loop {
        tokio::time::sleep(SENTINELS).await;
        let Some(shared) = shared.upgrade() else { return };
        let Ok(topology) = shared.server.topology().await else { continue };
        let line = Commands { shared }.line("");
        let line = line.lock().await;
        if let Some(link) = line.link.as_ref().filter(|_| line.name != topology.primaries[0].node.name) {
            link.abandon();
        }
    }
}

/// Sends a command to the node that is taking over the slot.
async fn ask(link: &mut Link, cmd: &Cmd) -> Result<Value, Error> {
    let mut pipeline = redis::pipe();
    pipeline.cmd("ASKING").add_command(cmd.clone());
    let answers = link.send_all(&pipeline).await?;
    let answer = answers.into_iter().nth(1).unwrap_or_default();
    answer.extract_error().map_err(|error| refusal(&error))
}

/// An error of the commands that come before the caller's, which was not sent.
fn not_sent(error: Error) -> Error {
    match error {
        Error::Unknown { reason } => Error::Unreachable { address: "the server".to_owned(), reason },
        other => other,
    }
}

fn code_of(answer: &Value) -> Option<&str> {
    match answer {
        Value::ServerError(error) => Some(error.code()),
        _ => None,
    }
}
