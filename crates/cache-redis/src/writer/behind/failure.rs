use std::fmt;

use super::events;

/// Why a change was not queued. The cache is as it was.
///
/// # Examples
///
/// ```
/// use cache_redis::writer::QueueError;
///
/// let error = QueueError::Full { keys: 1000 };
/// assert_eq!(error.to_string(), "1000 keys wait to be written already, which is the limit");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum QueueError {
    /// As many keys as are allowed wait to be written, and this would be another one.
    Full {
        /// The limit.
        keys: usize,
    },
    /// The deltas of the key that wait to be written would add up to more than 64 bits.
    Overflow,
    /// The task that writes has ended: its tokio runtime was shut down, or [`MirrorKey::to_redis`](crate::MirrorKey::to_redis)
    /// panicked.
    Stopped,
}

impl fmt::Display for QueueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full { keys } => write!(f, "{keys} keys wait to be written already, which is the limit"),
            Self::Stopped => {
                f.write_str("the task that writes has ended; start another on a runtime that lives on")
            }
            Self::Overflow => f.write_str("the changes of the key that wait add up to more than 64 bits"),
        }
    }
}

impl std::error::Error for QueueError {}

/// Something that did not reach Redis, or did not stay there.
///
/// # Examples
///
/// See [`FlushError`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// Redis refused the changes of a key: it holds no integer, or the sum would be more than 64 bits. The cache has them.
    Refused {
        /// The key, without the prefix.
        key: Vec<u8>,
        /// What the server said.
        reason: String,
    },
    /// Whether the changes of these keys were made cannot be told. They were not made again.
    ///
    /// Either an answer was lost, and when asked again, the server had forgotten the writer: it was emptied, restarted without
    /// its data, or evicted the hash of writers. Or the script stopped in the middle, as with a log that has no ids left; then
    /// the changes before that were made, and the log may lack the last of them.
    Unknown {
        /// The keys, without the prefix.
        keys: Vec<Vec<u8>>,
    },
    /// The server acknowledged changes and lost them afterwards: in a crash or in a fail-over.
    Lost {
        /// The number of batches.
        batches: u64,
    },
    /// The task that writes has ended, and these changes were not written, except perhaps those of the batch under way. See
    /// [`QueueError::Stopped`].
    Stopped {
        /// The number of keys.
        keys: u64,
    },
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { key, reason } => {
                write!(f, "the changes of `{}` were refused: {reason}", String::from_utf8_lossy(key))
            }
            Self::Unknown { keys } => write!(
                f,
                "whether the changes of {} keys were made is unknown: the server has forgotten the writer, or the script stopped \
                 in the middle",
                keys.len()
            ),
            Self::Lost { batches } => {
                write!(f, "the server has lost the changes of {batches} batches that it had acknowledged")
            }
            Self::Stopped { keys } => {
                write!(f, "the task that writes has ended, and the changes of {keys} keys were not written")
            }
        }
    }
}

/// What went wrong since the last flush. Everything else that was queued before the flush is in Redis.
///
/// # Examples
///
/// ```no_run
/// # async fn run(stock: cache_redis::writer::WriteBehind<str, cache_bucket::BucketIntCache<str>>) {
/// if let Err(error) = stock.flush().await {
///     for failure in &error.failures {
///         eprintln!("{failure}");
///     }
/// }
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FlushError {
    /// The first of them.
    pub failures: Vec<Failure>,
    /// The number of further ones, which are only counted.
    pub more: u64,
}

/// The number of failures that are kept between two flushes.
const KEPT: usize = 1000;

impl FlushError {
    pub(super) fn push(&mut self, failure: Failure) {
        events::failed(&failure);
        if self.failures.len() < KEPT {
            self.failures.push(failure);
        } else {
            self.more += 1;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.failures.is_empty()
    }
}

impl fmt::Display for FlushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.failures[..] {
            [] => f.write_str("nothing failed"),
            [first, rest @ ..] => {
                first.fmt(f)?;
                match rest.len() as u64 + self.more {
                    0 => Ok(()),
                    others => write!(f, ", and {others} more failures"),
                }
            }
        }
    }
}

impl std::error::Error for FlushError {}
