//! Why something of a lease did not work.

use std::error::Error as StdError;
use std::fmt;

use crate::Error;

/// Why a lease ended.
///
/// # Examples
///
/// ```
/// use cache_redis::lease::End;
/// let why = "the server does not know the lease: this node was away for longer than ttl + grace, or the stock was deleted";
/// assert_eq!(End::Fenced.to_string(), why);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// It was closed here.
    Closed,
    /// It is gone from the server: another node reaped it, as it was not renewed within `ttl` + `grace`; or the server
    /// lost its data.
    Fenced,
    /// The server knows less than it had acknowledged: it lost its latest writes in a fail-over, or in a crash without
    /// `appendfsync always`. **Orders that were acknowledged may be lost.**
    RolledBack,
    /// The stock is gone from the server.
    Absent,
    /// The server did not answer a commit for as long as the lease was told to [ask](crate::lease::LeaseBuilder::patience).
    Unanswered,
    /// The server refused a script for good: a right is missing, or a key holds another type. The event of `tracing`
    /// has its words.
    Refused,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            End::Closed => "the lease was closed",
            End::Fenced => {
                "the server does not know the lease: this node was away for longer than ttl + grace, or the stock was deleted"
            }
            End::RolledBack => "the server lost commits that it had acknowledged",
            End::Absent => "the stock does not exist: create it first",
            End::Unanswered => "the server did not answer a commit in time",
            End::Refused => "the server refused the script of the lease",
        })
    }
}

impl StdError for End {}

/// Why [`Lease::try_take`](crate::lease::Lease::try_take) took nothing.
///
/// # Examples
///
/// ```
/// use cache_redis::lease::TakeError;
/// assert_eq!(TakeError::SoldOut.to_string(), "sold out");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TakeError {
    /// The pool was empty when it was last asked, and this node has fewer units left. Other nodes may still have some.
    SoldOut,
    /// This node has fewer units left, and more are being fetched: try again in a millisecond, or use
    /// [`Lease::take`](crate::lease::Lease::take).
    Refilling,
    /// The lease could not be renewed in time. Selling goes on when it is; until then it may belong to nobody.
    Expired,
    /// The lease has ended. Open another one.
    Ended(End),
    /// 0 units, or more than a lease may hold.
    Units {
        /// The number of units that was asked for.
        units: u32,
        /// The largest number that is allowed.
        most: u32,
    },
}

impl fmt::Display for TakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TakeError::SoldOut => f.write_str("sold out"),
            TakeError::Refilling => f.write_str("more units are being fetched: try again"),
            TakeError::Expired => f.write_str("the lease could not be renewed in time"),
            TakeError::Ended(end) => write!(f, "the lease has ended: {end}"),
            TakeError::Units { units, most } => {
                write!(f, "cannot take {units} units: 1 to {most} are allowed")
            }
        }
    }
}

impl StdError for TakeError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            TakeError::Ended(end) => Some(end),
            _ => None,
        }
    }
}

/// Why [`Taken::commit`](crate::lease::Taken::commit) has no receipt.
///
/// # Examples
///
/// ```
/// use cache_redis::lease::{CommitError, End};
/// assert!(CommitError::Unknown(End::Unanswered).is_unknown());
/// assert!(!CommitError::OverLimit.is_unknown());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CommitError {
    /// The user would have more than the limit. Nothing was sold, and the units are back in the lease.
    OverLimit,
    /// The lease ended before this order was committed. Nothing was sold.
    Ended(End),
    /// It is not known whether the order was committed: it was sent, and no answer can be had any more. Look for it in
    /// the stream of [orders](crate::lease::Stock::orders).
    Unknown(End),
}

impl CommitError {
    /// Whether the order may have been committed nonetheless.
    ///
    /// # Examples
    ///
    /// See [`CommitError`].
    pub fn is_unknown(&self) -> bool {
        matches!(self, CommitError::Unknown(_))
    }
}

impl fmt::Display for CommitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CommitError::OverLimit => f.write_str("the user would have more than the limit for each"),
            CommitError::Ended(end) => write!(f, "not committed: {end}"),
            CommitError::Unknown(end) => write!(f, "it is unknown whether the order was committed: {end}"),
        }
    }
}

impl StdError for CommitError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            CommitError::OverLimit => None,
            CommitError::Ended(end) | CommitError::Unknown(end) => Some(end),
        }
    }
}

/// Why something of a [`Stock`](crate::lease::Stock) was not done, or a lease not opened.
///
/// # Examples
///
/// ```
/// use cache_redis::lease::StockError;
/// assert_eq!(StockError::Short { pool: 3 }.to_string(), "the pool has 3 units: no more can be taken out");
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum StockError {
    /// The server. [`Error::outcome`] tells whether it may have been done. Ask again: each of these is done once only.
    Server(Error),
    /// The stock does not exist: create it first.
    Absent,
    /// The stock was created before, with other numbers.
    Present {
        /// All units there are.
        total: u64,
        /// The limit for each user; 0 is none.
        limit: u32,
    },
    /// More units were to be taken out of the pool than are in it.
    Short {
        /// The units in the pool.
        pool: u64,
    },
    /// The stock would be larger than [`MAX_UNITS`](crate::lease::MAX_UNITS).
    TooLarge {
        /// All units that there would be.
        total: u64,
    },
    /// No such order is in the stream of orders.
    UnknownOrder,
    /// A setting of a lease is outside its range.
    Setting {
        /// What was set.
        name: &'static str,
        /// What is allowed.
        allowed: &'static str,
    },
    /// The leases changed at each of many attempts to look at them all at once.
    Busy,
    /// The lease ended while it was opened.
    Ended(End),
}

impl fmt::Display for StockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StockError::Server(error) => error.fmt(f),
            StockError::Absent => End::Absent.fmt(f),
            StockError::Present { total, limit } => {
                write!(f, "the stock exists, with {total} units and a limit of {limit} per user")
            }
            StockError::Short { pool } => write!(f, "the pool has {pool} units: no more can be taken out"),
            StockError::TooLarge { total } => {
                write!(f, "a stock of {total} units: at most {} are allowed", crate::lease::MAX_UNITS)
            }
            StockError::UnknownOrder => f.write_str("no such order is in the stream of orders"),
            StockError::Setting { name, allowed } => write!(f, "invalid `{name}` of a lease: {allowed}"),
            StockError::Busy => f.write_str("the leases change too often to be looked at: try again"),
            StockError::Ended(end) => end.fmt(f),
        }
    }
}

impl StdError for StockError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            StockError::Server(error) => Some(error),
            StockError::Ended(end) => Some(end),
            _ => None,
        }
    }
}

impl From<Error> for StockError {
    fn from(error: Error) -> Self {
        StockError::Server(error)
    }
}
