//! Where Redis or Valkey is, and connections to it.

mod address;
mod backoff;
mod commands;
mod identity;
mod link;
mod routing;
mod script;
mod topology;

use std::fmt;
use std::time::Duration;

use redis::ConnectionInfo;

pub(crate) use self::backoff::Backoff;
pub use self::commands::Commands;
pub(crate) use self::identity::{Identity, read};
pub(crate) use self::link::{Link, Node, Pushes, QUEUE, refusal, refused};
pub use self::script::{Call, Script};
pub(crate) use self::topology::{Primary, Topology, slot_of};

use crate::Error;

/// How long a connection may take to be made, and a command to be answered, unless the server is told otherwise.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Where Redis or Valkey is: one server, a Sentinel group, or a cluster.
///
/// With TLS, certificates are checked against the system's roots, or against those of the files that `SSL_CERT_FILE` and
/// `SSL_CERT_DIR` name. A program that has not installed a provider of cryptography for rustls gets ring.
///
/// Making one connects to nothing. Clones share nothing but settings. TLS, user, password and database come from the
/// URLs: `rediss://user:password@host:6380/2`; `unix:///run/redis.sock?db=2&user=…&pass=…`. `rediss` needs the feature
/// `tls`. A password never appears in `Debug` output or in an error.
///
/// # Examples
///
/// ```no_run
/// use cache_redis::Server;
///
/// # async fn run() -> Result<(), cache_redis::Error> {
/// let server = Server::standalone("redis://127.0.0.1:6379")?;
/// let commands = server.commands().await?;
/// let pong: String = commands.query(&redis::cmd("PING")).await?;
/// assert_eq!(pong, "PONG");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Server {
    kind: Kind,
    timeout: Duration,
    /// The oldest version that commands may be sent to, and how an error names it.
    least: Option<((u32, u32), &'static str)>,
}

/// How the primaries are found.
#[derive(Clone, Debug)]
enum Kind {
    Standalone(ConnectionInfo),
    Sentinel {
        sentinels: Vec<ConnectionInfo>,
        master: String,
        /// That of the data nodes, if it is not that of the Sentinels.
        login: Option<Login>,
    },
    Cluster(Vec<ConnectionInfo>),
}

/// A user and a password. `Debug` shows neither.
#[derive(Clone)]
struct Login {
    user: Option<String>,
    password: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").finish_non_exhaustive()
    }
}

impl Server {
    fn new(kind: Kind) -> Self {
        Self { kind, timeout: TIMEOUT, least: None }
    }

    /// One server, which must be a primary.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidUrl`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_redis::Server;
    /// assert!(Server::standalone("redis://:secret@localhost:6379/2").is_ok());
    /// assert!(Server::standalone("localhost").is_err());
    /// ```
    pub fn standalone(url: &str) -> Result<Self, Error> {
        Ok(Self::new(Kind::Standalone(address::parse(url)?)))
    }

    /// The primary of a group that Sentinels watch, whichever node that is at the time.
    ///
    /// The URLs are those of Sentinels, which are asked in turn. `master` is the name of the group in
    /// `sentinel monitor`. TLS and the database of the first URL hold for the data nodes too, and so do user and
    /// password, unless [`login`](Server::login) says otherwise.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidUrl`]; [`Error::InvalidOption`] if there is no URL or no name.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_redis::Server;
    /// let sentinels = ["redis://10.0.0.1:26379", "redis://10.0.0.2:26379"];
    /// let server = Server::sentinel(sentinels, "sale")?;
    /// # Ok::<_, cache_redis::Error>(())
    /// ```
    pub fn sentinel<S: AsRef<str>>(urls: impl IntoIterator<Item = S>, master: &str) -> Result<Self, Error> {
        if master.is_empty() {
            let reason = "the name of the group must not be empty".to_owned();
            return Err(Error::InvalidOption { option: "master", reason });
        }
        let sentinels = address::parse_all(urls)?;
        Ok(Self::new(Kind::Sentinel { sentinels, master: master.to_owned(), login: None }))
    }

    /// A cluster, found through any of these nodes.
    ///
    /// User, password and TLS are those of the first URL, for all nodes. Nodes are reached at the addresses that they
    /// announce.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidUrl`]; [`Error::InvalidOption`] if there is no URL, or one names a database other than 0, the
    /// only one that a cluster has.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_redis::Server;
    /// let server = Server::cluster(["redis://10.0.0.1:6379", "redis://10.0.0.2:6379"])?;
    /// # Ok::<_, cache_redis::Error>(())
    /// ```
    pub fn cluster<S: AsRef<str>>(urls: impl IntoIterator<Item = S>) -> Result<Self, Error> {
        let nodes = address::parse_all(urls)?;
        if nodes.iter().any(|node| node.redis_settings().db() != 0) {
            let reason = "a cluster has only database 0".to_owned();
            return Err(Error::InvalidOption { option: "database", reason });
        }
        Ok(Self::new(Kind::Cluster(nodes)))
    }

    /// Sets the user and the password of the data nodes of a Sentinel group, where they are not those of the
    /// Sentinels. No effect otherwise.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_redis::Server;
    /// let server = Server::sentinel(["redis://10.0.0.1:26379"], "sale")?.login(Some("shop"), "secret");
    /// # Ok::<_, cache_redis::Error>(())
    /// ```
    #[must_use]
    pub fn login(mut self, user: Option<&str>, password: &str) -> Self {
        if let Kind::Sentinel { login, .. } = &mut self.kind {
            *login = Some(Login { user: user.map(str::to_owned), password: password.to_owned() });
        }
        self
    }

    /// Sets how long a connection may take to be made, and a command to be answered. 5 seconds unless set.
    ///
    /// A command whose time is up is [unknown](Error::Unknown), and its connection is given up.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use cache_redis::Server;
    /// let server = Server::standalone("redis://localhost")?.timeout(Duration::from_secs(1));
    /// # Ok::<_, cache_redis::Error>(())
    /// ```
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Shortens the time-out to `longest`, if it is longer.
    pub(crate) fn timeout_at_most(mut self, longest: Duration) -> Self {
        self.timeout = self.timeout.min(longest);
        self
    }

    /// Refuses to send [commands](Server::commands) to an older version. `text` is how the error names it.
    pub(crate) fn at_least(mut self, version: (u32, u32), text: &'static str) -> Self {
        self.least = Some((version, text));
        self
    }

    /// Connects a handle for commands and scripts, which finds the right node by itself.
    ///
    /// # Errors
    ///
    /// Why the server could not be reached, or cannot be used.
    ///
    /// # Examples
    ///
    /// See [`Commands`].
    pub async fn commands(&self) -> Result<Commands, Error> {
        Commands::connect(self.clone()).await
    }

    /// Whether this is a cluster, in which one command must not touch several slots.
    #[must_use]
    pub(crate) fn is_cluster(&self) -> bool {
        matches!(self.kind, Kind::Cluster(_))
    }

    /// Whether Sentinels say which server is the primary.
    #[must_use]
    pub(crate) fn is_sentinel(&self) -> bool {
        matches!(self.kind, Kind::Sentinel { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_shown() {
        let server =
            Server::sentinel(["redis://me:secret1@h"], "sale").unwrap().login(Some("shop"), "secret2");
        let cluster = Server::cluster(["redis://:secret3@h", "unix:///a?pass=secret4"]).unwrap();
        for text in [format!("{server:?}"), format!("{:#?}", server), format!("{cluster:?}")] {
            assert!(!text.contains("secret"), "{text}");
        }
    }

    #[test]
    fn a_shorter_timeout_stays() {
        let server = Server::standalone("redis://h").unwrap().timeout(Duration::from_secs(1));
        assert_eq!(server.clone().timeout_at_most(Duration::from_secs(2)).timeout, Duration::from_secs(1));
        assert_eq!(server.timeout_at_most(Duration::from_millis(1)).timeout, Duration::from_millis(1));
    }
}
