//! The answers of books and of the desk.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

/// What [`HandOff::submit`](super::HandOff::submit) knows of an order.
///
/// # Examples
///
/// See [`HandOff`](super::HandOff).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Submitted {
    /// It is in the books, and survives a crash.
    Durable,
    /// It is not in the books, and will not be.
    Refused {
        /// Why.
        why: Refusal,
        /// When another attempt may succeed. `None` if none will.
        retry_after: Option<Duration>,
    },
    /// It may be in the books. [`HandOff::find`](super::HandOff::find) tells.
    Unknown,
}

/// Why books refuse an order, or the desk a reservation.
///
/// # Examples
///
/// ```
/// use cache_gate::handoff::Refusal;
/// assert_eq!(Refusal::Full.to_string(), "too many orders wait to be written");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// Too many orders wait already.
    Full,
    /// The user would have more than the limit, counted over all nodes.
    OverLimit,
    /// The books have another order of this id, or of this request.
    Duplicate,
    /// An earlier order of the same request is under way, perhaps on another node. Ask again: it will be a duplicate, or this one is
    /// taken.
    UnderWay,
    /// The stock of the item is a lease, and these books are for other stock; or the other way round.
    OtherStock,
    /// The books cannot be written at the moment.
    Unavailable,
    /// The desk or the books were closed.
    Closed,
    /// The time limit of the reservation was over before the order was handed over.
    Expired,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refusal::Full => "too many orders wait to be written",
            Refusal::OverLimit => "the user may not buy as many",
            Refusal::Duplicate => "there is an order of this id or request already",
            Refusal::UnderWay => "an earlier order of this request is under way",
            Refusal::OtherStock => "these books cannot sell from the stock of this item",
            Refusal::Unavailable => "the books cannot be written at the moment",
            Refusal::Closed => "no more orders are taken",
            Refusal::Expired => "the reservation was over before its order was handed over",
        })
    }
}

impl StdError for Refusal {}

/// The books could not be asked, or cannot tell yet. Ask again.
///
/// # Examples
///
/// See [`HandOff`](super::HandOff).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unanswered {
    /// What is in the way.
    pub reason: String,
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the books do not answer: {}", self.reason)
    }
}

impl StdError for Unanswered {}

/// What became of a reservation that was given to the [`Desk`](super::Desk).
///
/// # Examples
///
/// See [`Desk`](super::Desk).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The order is in the books: 202.
    Accepted,
    /// It is not, and its reservation was given back.
    Refused {
        /// Why.
        why: Refusal,
        /// When another attempt may succeed. `None` if none will.
        retry_after: Option<Duration>,
    },
    /// It may be in the books. The desk asks them until it is known, and keeps the reservation until then. The client should ask
    /// for the state of the order, and not order again.
    Unknown,
}
