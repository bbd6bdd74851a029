use std::fmt;

use super::Position;
use crate::Error;

/// Why reading a change log ended.
///
/// # Examples
///
/// ```
/// use cache_redis::feed::{FeedError, Position};
///
/// let gap = FeedError::Gap { expected: Position::new(8), found: Some(Position::new(90)) };
/// assert_eq!(gap.to_string(), "the change log has a gap: expected change 8, found 90");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FeedError {
    /// The log no longer has the next change: it was trimmed past the reader. A full load is needed.
    Gap {
        /// The position that comes next.
        expected: Position,
        /// The position that was found instead, if there is any later change.
        found: Option<Position>,
    },
    /// Positions of this reader mean nothing any more. A full load is needed, with another reader.
    NewHistory {
        /// How that was noticed.
        reason: String,
    },
    /// A change cannot be understood: something other than a [`Writer`](crate::writer::Writer) appends to the log. A full load
    /// is needed.
    Malformed {
        /// Where, as the server names it.
        id: String,
        /// What is wrong, and what is expected.
        reason: String,
    },
    /// The connection is lost, or the server refused.
    Failed(Error),
}

impl FeedError {
    /// Whether reading can go on where it ended, with another reader of the same history.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_redis::feed::FeedError;
    /// let lost = cache_redis::Error::Unknown { reason: "timed out".to_owned() };
    /// assert!(FeedError::Failed(lost).can_resume());
    /// ```
    #[must_use]
    pub const fn can_resume(&self) -> bool {
        matches!(self, Self::Failed(_))
    }
}

impl fmt::Display for FeedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gap { expected, found: Some(found) } => {
                write!(f, "the change log has a gap: expected change {expected}, found {found}")
            }
            Self::Gap { expected, found: None } => {
                write!(f, "the change log has a gap: change {expected} was trimmed away")
            }
            Self::NewHistory { reason } => write!(f, "the change log is another one: {reason}"),
            Self::Malformed { id, reason } => {
                write!(f, "entry {id} of the change log is malformed: {reason}")
            }
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for FeedError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Failed(error) => Some(error),
            _ => None,
        }
    }
}

impl From<Error> for FeedError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}
