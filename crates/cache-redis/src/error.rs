//! What can go wrong between a program and its server.

use std::fmt;

/// Why a call to the server failed, and what to do about it.
///
/// For a command that changes something, [`outcome`](Error::outcome) tells whether it may have been done.
///
/// # Examples
///
/// ```
/// use cache_redis::{Outcome, Server};
///
/// let error = Server::standalone("http://localhost").unwrap_err();
/// assert_eq!(error.outcome(), Outcome::NotDone);
/// assert!(error.to_string().contains("redis://"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The URL is not one of a server.
    InvalidUrl {
        /// The URL, without its password.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// An option has a value that is not allowed.
    InvalidOption {
        /// The name of the option.
        option: &'static str,
        /// What is wrong, and what is allowed.
        reason: String,
    },
    /// No connection could be made. Nothing was sent.
    Unreachable {
        /// The host and port, or the path of the socket.
        address: String,
        /// What the system said.
        reason: String,
    },
    /// The server refused the user name or the password.
    WrongPassword {
        /// The host and port, or the path of the socket.
        address: String,
        /// What the server said.
        reason: String,
    },
    /// The server is a replica, where a primary is needed.
    NotPrimary {
        /// The host and port, or the path of the socket.
        address: String,
    },
    /// The server is too old.
    TooOld {
        /// The host and port, or the path of the socket.
        address: String,
        /// The version that it reports.
        version: String,
        /// The oldest version that will do.
        least: &'static str,
    },
    /// The server is a member of a cluster but was named as a standalone server, or the other way round.
    WrongTopology {
        /// The host and port, or the path of the socket.
        address: String,
        /// What is wrong, and what to do.
        reason: &'static str,
    },
    /// No Sentinel that answers knows a primary by this name.
    UnknownMaster {
        /// The name of the group.
        master: String,
        /// What the Sentinels said.
        reason: String,
    },
    /// The cluster has slots without a primary.
    IncompleteCluster {
        /// The number of slots without a primary, of 16,384.
        missing: usize,
    },
    /// The user may not run a command that is needed, or not on these keys.
    NotPermitted {
        /// The command.
        command: String,
        /// What the server said.
        reason: String,
    },
    /// The server does not send invalidations to this user, or to anyone.
    TrackingRefused {
        /// The host and port, or the path of the socket.
        address: String,
        /// What the server said.
        reason: String,
    },
    /// The server answered with an error. A single command was not done. A script stopped where its error occurred.
    Refused {
        /// The first word of the error, such as `ERR`, `OOM` or `WRONGTYPE`.
        code: String,
        /// What the server said.
        reason: String,
    },
    /// The command was sent, but no answer came: it may have been done, or not.
    Unknown {
        /// How the connection ended, or that the time was up.
        reason: String,
    },
    /// The command was done, and its answer is not of the expected type.
    UnexpectedReply {
        /// What was expected, and what came.
        reason: String,
    },
    /// A session of a mirror ended. Another one begins by itself.
    SessionEnded {
        /// What it found.
        reason: String,
    },
    /// The mirror, lease or feed was stopped.
    Stopped,
}

/// Whether a command that failed may have been done.
///
/// # Examples
///
/// See [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// It was not done. It may be tried again.
    NotDone,
    /// It was done.
    Done,
    /// It may have been done, or not. Ask the server before trying again.
    Unknown,
}

impl Error {
    /// Whether the command may have been done.
    ///
    /// Redis does not roll a script back. One of your own that is refused by a command in its middle has done what came before,
    /// though this says [`Outcome::NotDone`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_redis::{Error, Outcome};
    /// let lost = Error::Unknown { reason: "timed out".to_owned() };
    /// assert_eq!(lost.outcome(), Outcome::Unknown);
    /// ```
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self {
            Error::Unknown { .. } => Outcome::Unknown,
            Error::UnexpectedReply { .. } => Outcome::Done,
            _ => Outcome::NotDone,
        }
    }

    /// Whether the same call may succeed later without anyone changing a setting.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_redis::Server;
    /// assert!(!Server::standalone("http://localhost").unwrap_err().is_transient());
    /// ```
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Error::Unreachable { .. }
            | Error::NotPrimary { .. }
            | Error::UnknownMaster { .. }
            | Error::IncompleteCluster { .. }
            | Error::SessionEnded { .. }
            | Error::Unknown { .. } => true,
            Error::Refused { code, .. } => TRANSIENT.contains(&code.as_str()),
            _ => false,
        }
    }
}

/// The codes of refusals that end by themselves.
const TRANSIENT: [&str; 9] =
    ["LOADING", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "READONLY", "BUSY", "NOREPLICAS", "MOVED", "ASK"];

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::InvalidUrl { url, reason } => write!(
                f,
                "invalid server URL `{url}`: {reason}; allowed are redis://[user:password@]host[:port][/database], \
                 rediss:// (with the feature `tls`, `redis-tls` of `hotcache`) and unix:///path"
            ),
            Error::InvalidOption { option, reason } => write!(f, "invalid {option}: {reason}"),
            Error::Unreachable { address, reason } => {
                write!(
                    f,
                    "cannot connect to {address}: {reason}; check the address, and that the server runs"
                )
            }
            Error::WrongPassword { address, reason } => write!(
                f,
                "{address} refused the user or the password: {reason}; give both in the URL as \
                 redis://user:password@host, with special characters percent-encoded"
            ),
            Error::NotPrimary { address } => write!(
                f,
                "{address} is a replica, but a primary is needed; name the primary, or use a Sentinel group or a \
                 cluster, which find it"
            ),
            Error::TooOld { address, version, least } => {
                write!(f, "{address} runs version {version}, but {least} or later is needed")
            }
            Error::WrongTopology { address, reason } => write!(f, "{address} {reason}"),
            Error::UnknownMaster { master, reason } => write!(
                f,
                "no Sentinel knows a primary named `{master}`: {reason}; the name is that of `sentinel monitor`"
            ),
            Error::IncompleteCluster { missing } => {
                write!(f, "{missing} of the cluster's 16384 slots have no primary; see `CLUSTER SLOTS`")
            }
            Error::NotPermitted { command, reason } => write!(
                f,
                "the user may not run {command}: {reason}; allow it with `ACL SETUSER`, for the keys in question"
            ),
            Error::TrackingRefused { address, reason } => write!(
                f,
                "{address} refused CLIENT TRACKING: {reason}; allow it with `ACL SETUSER <user> +client|tracking`, or \
                 use a stream, which needs no tracking"
            ),
            Error::Refused { code, reason } => write!(f, "the server refused the command: {code} {reason}"),
            Error::Unknown { reason } => {
                write!(f, "no answer came, so the command may have been done or not: {reason}")
            }
            Error::UnexpectedReply { reason } => write!(f, "unexpected reply: {reason}"),
            Error::SessionEnded { reason } => {
                write!(f, "a session ended, and everything is loaded again: {reason}")
            }
            Error::Stopped => f.write_str("stopped"),
        }
    }
}

impl std::error::Error for Error {}
