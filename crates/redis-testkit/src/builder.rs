use std::ffi::OsString;
use std::fmt::{self, Write as _};
use std::{env, fs, io};

use crate::Redis;
use crate::directory::Directory;
use crate::port;
use crate::redis::Started;

/// Names the program that is run.
const VARIABLE: &str = "HOTCACHE_REDIS_SERVER";

/// How often another port is tried if one was taken in the meantime.
const TRIES: usize = 20;

/// The lines of a log that are shown after a failed start.
const SHOWN_LINES: usize = 40;

/// The user that the testkit itself logs in as, so that tests can restrict the default user.
pub(crate) const USER: &str = "testkit";
pub(crate) const PASSWORD: &str = "testkit-password";

/// When an append-only file reaches the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fsync {
    /// Before each write is acknowledged.
    Always,
    /// Once a second.
    EverySec,
    /// When the system likes.
    No,
}

/// How a server is to be started. [`Redis::builder`] creates one.
///
/// Without further settings, nothing is persisted.
///
/// # Examples
///
/// ```
/// use redis_testkit::{Fsync, Redis};
///
/// let redis = Redis::builder().append_only(Fsync::Always).config("maxmemory", "64mb").start();
/// redis.command(&["SET", "k", "1"]);
/// redis.kill_9();
/// redis.restart();
/// assert_eq!(redis.command(&["GET", "k"]).int(), 1);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Builder {
    pub(crate) lines: Vec<(String, String)>,
    pub(crate) password: Option<String>,
    pub(crate) sentinel: bool,
}

impl Builder {
    /// Writes an append-only file, which survives [`Redis::kill_9`] and is read at [`Redis::restart`].
    #[must_use]
    pub fn append_only(self, fsync: Fsync) -> Self {
        let fsync = match fsync {
            Fsync::Always => "always",
            Fsync::EverySec => "everysec",
            Fsync::No => "no",
        };
        self.config("appendonly", "yes").config("appendfsync", fsync)
    }

    /// Adds a line to the configuration file. The last line of a name wins, except for names that may occur repeatedly.
    #[must_use]
    pub fn config(mut self, name: &str, value: &str) -> Self {
        self.lines.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Makes the default user log in with a password. [`Redis::url`] contains it.
    #[must_use]
    pub fn password(mut self, password: &str) -> Self {
        self.password = Some(password.to_owned());
        self.config("requirepass", password)
    }

    /// Adds a user, or changes the default one: `app on >secret ~app:* +@read`, as after `ACL SETUSER`.
    #[must_use]
    pub fn acl(self, user: &str) -> Self {
        self.config("user", user)
    }

    /// Makes it a replica of `primary`. It may still be synchronising after the start: see [`Redis::wait_for_sync`].
    #[must_use]
    pub fn replica_of(self, primary: &Redis) -> Self {
        self.config("replicaof", &format!("127.0.0.1 {}", primary.port()))
    }

    /// Starts the server and waits until it answers.
    ///
    /// # Panics
    ///
    /// If it does not start: see [`StartError`].
    #[must_use]
    #[track_caller]
    pub fn start(self) -> Redis {
        match self.try_start() {
            Ok(redis) => redis,
            Err(error) => panic!("{error}"),
        }
    }

    /// Starts the server and waits until it answers.
    ///
    /// # Errors
    ///
    /// If the program is missing, or ends instead of answering.
    pub fn try_start(self) -> Result<Redis, StartError> {
        let program = env::var_os(VARIABLE).unwrap_or_else(|| "redis-server".into());
        let mut tries = 0;
        loop {
            tries += 1;
            let directory = Directory::create();
            let port = port::free();
            let config = self.config_file(port, &directory);
            if let Err(error) = fs::write(directory.path().join("redis.conf"), config) {
                return Err(StartError::Run { program, error });
            }
            match Redis::launch(self.clone(), program.clone(), directory, port)? {
                Started::Ready(redis) => return Ok(redis),
                Started::PortTaken if tries < TRIES => {}
                Started::PortTaken => return Err(StartError::Ports { tries }),
            }
        }
    }

    fn config_file(&self, port: u16, directory: &Directory) -> String {
        let dir = directory.path().display();
        let mut text =
            format!("bind 127.0.0.1\nport {port}\nprotected-mode no\ndaemonize no\ndir \"{dir}\"\n");
        if !self.sentinel {
            text.push_str("save \"\"\n");
            // A replica is in step at once, and can stand in for its primary with the same users.
            text.push_str("repl-diskless-sync-delay 0\nrepl-ping-replica-period 1\n");
            // Writing to a String does not fail.
            let _ = writeln!(text, "user {USER} on >{PASSWORD} ~* &* +@all");
            let _ = writeln!(text, "masteruser {USER}\nmasterauth {PASSWORD}");
        }
        for (name, value) in &self.lines {
            let _ = writeln!(text, "{name} {value}");
        }
        text
    }
}

/// Why a server did not start.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// The program could not be run.
    Run {
        /// The program.
        program: OsString,
        /// The reason.
        error: io::Error,
    },
    /// The program ended, or did not answer for a minute.
    Ended {
        /// The program.
        program: OsString,
        /// The last lines of its log.
        log: String,
    },
    /// All ports that were tried were taken before the server could bind them.
    Ports {
        /// The number of ports.
        tries: usize,
    },
}

impl StartError {
    pub(crate) fn ended(program: OsString, log: &str) -> Self {
        let lines: Vec<&str> = log.lines().collect();
        let first = lines.len().saturating_sub(SHOWN_LINES);
        Self::Ended { program, log: lines[first..].join("\n") }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run { program, error } if error.kind() == io::ErrorKind::NotFound => write!(
                f,
                "cannot find {program:?}: install the package `redis-server` (Debian, Ubuntu), `redis` (Fedora, Alpine, \
                 Homebrew) or `valkey`, or set {VARIABLE} to the path of a redis-server or valkey-server"
            ),
            Self::Run { program, error } => write!(f, "cannot run {program:?}: {error}"),
            Self::Ended { program, log } => {
                write!(f, "{program:?} did not come up; the end of its log:\n{log}")
            }
            Self::Ports { tries } => {
                write!(f, "each of {tries} free ports was taken before the server bound it")
            }
        }
    }
}

impl std::error::Error for StartError {}
