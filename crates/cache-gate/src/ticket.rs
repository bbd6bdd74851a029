use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

/// The number of a reservation. Clients poll with it, and the books name it.
///
/// Unique for one gate. A gate begins with the microseconds since 1970, so that the tickets of a process that was restarted
/// do not repeat. They can be guessed: compare the user before anything is shown or cancelled.
///
/// # Examples
///
/// ```
/// use cache_gate::Ticket;
/// let ticket = Ticket::new(7);
/// assert_eq!(ticket.to_string().parse(), Ok(ticket));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
pub struct Ticket(u64);

impl Ticket {
    /// A ticket that was read from a file or a message.
    ///
    /// # Examples
    ///
    /// See [`Ticket`].
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(cache_gate::Ticket::new(7).get(), 7);
    /// ```
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Ticket {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        text.parse().map(Self)
    }
}

/// What has become of a reservation.
///
/// ```text
/// Held -> Unknown -> Committed -> Cancelled
/// Held -> Committed | Cancelled | Released
/// Unknown -> Released | Cancelled
/// ```
///
/// # Examples
///
/// ```
/// use cache_gate::State;
/// assert_eq!(State::Committed.name(), "committed");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum State {
    /// Somebody holds it, and has not said yet what is to become of it. The time limit ends it.
    Held,
    /// It was handed off, and nobody knows yet whether the order is in the books. No time limit ends it.
    Unknown,
    /// The order is in the books.
    Committed,
    /// It was dropped, refused by the hand-off, or past its time. Everything was given back, and its request id is free again.
    Released,
    /// It was cancelled, before or after the order was in the books. Everything was given back; its request id stays used.
    Cancelled,
}

impl State {
    /// The name, as it stands in messages: `held`, `unknown`, `committed`, `released` or `cancelled`.
    ///
    /// # Examples
    ///
    /// See [`State`].
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            State::Held => "held",
            State::Unknown => "unknown",
            State::Committed => "committed",
            State::Released => "released",
            State::Cancelled => "cancelled",
        }
    }

    pub(crate) const fn from_code(code: u8) -> Self {
        match code {
            0 => State::Held,
            1 => State::Unknown,
            2 => State::Committed,
            3 => State::Released,
            _ => State::Cancelled,
        }
    }

    /// Whether units and the user's count are still taken.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_gate::State;
    /// assert!(State::Unknown.holds());
    /// assert!(!State::Cancelled.holds());
    /// ```
    #[must_use]
    pub const fn holds(self) -> bool {
        matches!(self, State::Held | State::Unknown | State::Committed)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
