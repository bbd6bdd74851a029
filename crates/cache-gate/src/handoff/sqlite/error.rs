//! What can go wrong with a journal.

use std::error::Error as StdError;
use std::fmt;
use std::path::PathBuf;

/// Why a journal was not opened, or a call did not do what it was asked to.
///
/// # Examples
///
/// ```
/// use cache_gate::handoff::sqlite::{Journal, JournalError};
///
/// let error = Journal::builder().open("/no/such/directory/orders.sqlite").unwrap_err();
/// assert!(matches!(error, JournalError::Open { .. }));
/// assert!(error.to_string().contains("/no/such/directory/orders.sqlite"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JournalError {
    /// The file cannot be opened, or is no journal.
    Open {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        reason: String,
    },
    /// Another process, or another journal of this one, has the file.
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by another version of this crate. An older one does not say of which event its orders are.
    Version {
        /// The file.
        path: PathBuf,
        /// The version of its tables.
        found: i64,
        /// The version that is known here.
        known: i64,
    },
    /// A setting is outside its range.
    Setting {
        /// What was set.
        name: &'static str,
        /// What is allowed.
        allowed: &'static str,
    },
    /// Too many calls wait. Nothing was done.
    Busy,
    /// The file could not be written or read. Nothing was done.
    Failed {
        /// What SQLite says.
        reason: String,
    },
    /// The end of a transaction failed, so that it may have been done or not. Ask again: the next answer is certain.
    Unknown {
        /// What SQLite says.
        reason: String,
    },
    /// The journal was closed. Nothing was done.
    Closed,
}

impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JournalError::Open { path, reason } => {
                write!(f, "cannot open the journal {}: {reason}", path.display())
            }
            JournalError::InUse { path } => {
                write!(f, "the journal {} is in use: one process at a time may have it", path.display())
            }
            JournalError::Version { path, found, known } => {
                write!(
                    f,
                    "the journal {} has version {found}: only version {known} is known here",
                    path.display()
                )
            }
            JournalError::Setting { name, allowed } => {
                write!(f, "invalid `{name}` of a journal: {allowed} are allowed")
            }
            JournalError::Busy => f.write_str("too many calls of the journal wait"),
            JournalError::Failed { reason } => {
                write!(f, "the journal failed, and nothing was done: {reason}")
            }
            JournalError::Unknown { reason } => {
                write!(f, "the journal failed, and the change may have been done or not: {reason}")
            }
            JournalError::Closed => f.write_str("the journal is closed"),
        }
    }
}

impl StdError for JournalError {}
