use std::error::Error;
use std::fmt;
use std::time::Duration;

/// Why a request was turned away, with what its client needs to know.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use cache_gate::{Reason, Rejection};
///
/// let refused = Rejection::NotStarted { starts_in: Duration::from_secs(90) };
/// assert_eq!(refused.to_string(), "the sale has not started: it does in 90 s");
/// assert_eq!(refused.reason(), Reason::NotStarted);
/// assert_eq!(refused.retry_after(), Some(Duration::from_secs(90)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rejection {
    /// The gate is warming up: lists, events and orders are being loaded.
    NotReady {
        /// When to ask again. A guess.
        retry_after: Duration,
    },
    /// The request cannot be right, whatever the state of the sale.
    Malformed(Malformed),
    /// The user is on the black list.
    Blocked,
    /// There is no such item.
    UnknownItem,
    /// The item does not belong to the event that was named.
    UnknownEvent,
    /// The event has not begun, for this user.
    NotStarted {
        /// How long it is until then.
        starts_in: Duration,
    },
    /// The event is over.
    Ended,
    /// The user, or the address, asks too often.
    TooFast {
        /// Whose rate it is.
        limited: Limited,
        /// When the next request would be allowed.
        retry_after: Duration,
    },
    /// The user may not have so many units of the item.
    LimitReached {
        /// How many units each user may have.
        limit: u32,
        /// How many of them this user may still have.
        left: u32,
    },
    /// There are fewer units than were asked for. They may come back while reservations are open.
    SoldOut {
        /// How many there are.
        left: u64,
    },
    /// Something is full, or fails, behind the gate or in it. Nobody's fault, and worth another attempt.
    Overloaded {
        /// What it is.
        overload: Overload,
        /// When to ask again. A guess, except for [`Overload::Breaker`].
        retry_after: Duration,
    },
}

/// What is wrong with a request that cannot be right.
///
/// # Examples
///
/// ```
/// use cache_gate::Malformed;
/// assert_eq!(Malformed::Units { most: 5 }.to_string(), "the quantity is invalid: 1 to 5 are allowed");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Malformed {
    /// The user's id is empty, or longer than [`MAX_ID`](crate::MAX_ID).
    User,
    /// The item's or the event's id is empty, or longer than [`MAX_ID`](crate::MAX_ID).
    Item,
    /// The request's id is empty, or longer than [`MAX_ID`](crate::MAX_ID).
    RequestId,
    /// No units, or more than any request may ask for.
    Units {
        /// The greatest number.
        most: u32,
    },
    /// The user has used this request id for another item or another number of units.
    OtherRequest,
}

/// Whose rate was exceeded.
///
/// # Examples
///
/// ```
/// assert_eq!(cache_gate::Limited::Address.to_string(), "address");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Limited {
    /// The user's.
    User,
    /// The address's.
    Address,
}

/// What is full or fails.
///
/// # Examples
///
/// ```
/// assert_eq!(cache_gate::Overload::Item.to_string(), "too many reservations of the item are under way");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Overload {
    /// As many reservations of the item are under way as may be.
    Item,
    /// As many reservations of the gate are under way as may be.
    Gate,
    /// As many orders wait for the hand-off as may.
    Queue,
    /// The breaker is open: what is behind the gate failed too often.
    Breaker,
    /// There are as many users' counts as may be, and this user is new.
    Users,
    /// There are as many users or addresses in the rate limits as may be, and this one is new.
    Rates,
    /// There are as many request ids as may be, and this one is new.
    Requests,
    /// There are as many reservations, the settled ones included, as may be.
    Reservations,
    /// The stock cannot say now: a lease is being filled or renewed.
    Stock,
}

/// The kind of a [`Rejection`], for statistics and labels.
///
/// # Examples
///
/// ```
/// use cache_gate::Reason;
/// assert_eq!(Reason::SoldOut.name(), "sold_out");
/// assert!(Reason::ALL.contains(&Reason::SoldOut));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Reason {
    /// [`Rejection::NotReady`].
    NotReady,
    /// [`Rejection::Malformed`].
    Malformed,
    /// [`Rejection::Blocked`].
    Blocked,
    /// [`Rejection::UnknownItem`].
    UnknownItem,
    /// [`Rejection::UnknownEvent`].
    UnknownEvent,
    /// [`Rejection::NotStarted`].
    NotStarted,
    /// [`Rejection::Ended`].
    Ended,
    /// [`Rejection::TooFast`].
    TooFast,
    /// [`Rejection::LimitReached`].
    LimitReached,
    /// [`Rejection::SoldOut`].
    SoldOut,
    /// [`Rejection::Overloaded`] by what is under way or behind the gate: `Item`, `Gate`, `Queue`, `Breaker`, `Stock`.
    Overloaded,
    /// [`Rejection::Overloaded`] by the bounds of the gate's own tables: `Users`, `Rates`, `Requests`, `Reservations`.
    Full,
}

impl Rejection {
    /// The kind of this rejection.
    ///
    /// # Examples
    ///
    /// See [`Rejection`].
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self {
            Rejection::NotReady { .. } => Reason::NotReady,
            Rejection::Malformed(_) => Reason::Malformed,
            Rejection::Blocked => Reason::Blocked,
            Rejection::UnknownItem => Reason::UnknownItem,
            Rejection::UnknownEvent => Reason::UnknownEvent,
            Rejection::NotStarted { .. } => Reason::NotStarted,
            Rejection::Ended => Reason::Ended,
            Rejection::TooFast { .. } => Reason::TooFast,
            Rejection::LimitReached { .. } => Reason::LimitReached,
            Rejection::SoldOut { .. } => Reason::SoldOut,
            Rejection::Overloaded { overload, .. } => match overload {
                Overload::Users | Overload::Rates | Overload::Requests | Overload::Reservations => {
                    Reason::Full
                }
                _ => Reason::Overloaded,
            },
        }
    }

    /// When it makes sense to ask again; `None` if it does not.
    ///
    /// # Examples
    ///
    /// See [`Rejection`].
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Rejection::NotReady { retry_after }
            | Rejection::TooFast { retry_after, .. }
            | Rejection::Overloaded { retry_after, .. } => Some(*retry_after),
            Rejection::NotStarted { starts_in } => Some(*starts_in),
            _ => None,
        }
    }
}

impl Reason {
    /// All reasons, in the order of the checks.
    pub const ALL: [Reason; 12] = [
        Reason::NotReady,
        Reason::Malformed,
        Reason::Blocked,
        Reason::UnknownItem,
        Reason::UnknownEvent,
        Reason::NotStarted,
        Reason::Ended,
        Reason::SoldOut,
        Reason::Overloaded,
        Reason::TooFast,
        Reason::Full,
        Reason::LimitReached,
    ];

    /// The name, as it stands in messages and labels.
    ///
    /// # Examples
    ///
    /// See [`Reason`].
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Reason::NotReady => "not_ready",
            Reason::Malformed => "malformed",
            Reason::Blocked => "blocked",
            Reason::UnknownItem => "unknown_item",
            Reason::UnknownEvent => "unknown_event",
            Reason::NotStarted => "not_started",
            Reason::Ended => "ended",
            Reason::TooFast => "too_fast",
            Reason::LimitReached => "limit_reached",
            Reason::SoldOut => "sold_out",
            Reason::Overloaded => "overloaded",
            Reason::Full => "full",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rejection::NotReady { .. } => f.write_str("not ready yet: try again"),
            Rejection::Malformed(malformed) => malformed.fmt(f),
            Rejection::Blocked => f.write_str("the user is blocked"),
            Rejection::UnknownItem => f.write_str("there is no such item"),
            Rejection::UnknownEvent => f.write_str("the item does not belong to this event"),
            Rejection::NotStarted { starts_in } => {
                write!(f, "the sale has not started: it does in {} s", seconds(*starts_in))
            }
            Rejection::Ended => f.write_str("the sale has ended"),
            Rejection::TooFast { limited, retry_after } => {
                write!(f, "too many requests of this {limited}: try again in {} s", seconds(*retry_after))
            }
            Rejection::LimitReached { limit, left } => {
                write!(f, "at most {limit} units for each user: {left} are left for this one")
            }
            Rejection::SoldOut { left: 0 } => f.write_str("sold out"),
            Rejection::SoldOut { left } => write!(f, "not so many units are left: there are {left}"),
            Rejection::Overloaded { overload, .. } => overload.fmt(f),
        }
    }
}

/// Rounded up: a client that waits for this long is not too early.
fn seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let most = crate::MAX_ID;
        match self {
            Malformed::User => write!(f, "the user's id is invalid: 1 to {most} bytes are allowed"),
            Malformed::Item => {
                write!(f, "the id of the item or event is invalid: 1 to {most} bytes are allowed")
            }
            Malformed::RequestId => write!(f, "the request's id is invalid: 1 to {most} bytes are allowed"),
            Malformed::Units { most } => write!(f, "the quantity is invalid: 1 to {most} are allowed"),
            Malformed::OtherRequest => f.write_str(
                "the request's id was used for another item or quantity: each request needs its own",
            ),
        }
    }
}

impl fmt::Display for Limited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Limited::User => "user",
            Limited::Address => "address",
        })
    }
}

impl fmt::Display for Overload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Overload::Item => "too many reservations of the item are under way",
            Overload::Gate => "too many reservations are under way",
            Overload::Queue => "too many orders wait",
            Overload::Breaker => "orders fail at the moment",
            Overload::Users => "too many users",
            Overload::Rates => "too many users or addresses",
            Overload::Requests => "too many request ids",
            Overload::Reservations => "too many reservations are remembered",
            Overload::Stock => "the stock is being filled",
        })
    }
}

impl Error for Rejection {}
