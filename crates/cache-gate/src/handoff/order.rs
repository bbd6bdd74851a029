//! An order, and what becomes of it in the books.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use cache_core::Backend;

use crate::{Reservation, Sale, Ticket};

/// A purchase that is to be written into the books.
///
/// # Examples
///
/// ```
/// use std::time::SystemTime;
/// use cache_gate::Ticket;
/// use cache_gate::handoff::Order;
///
/// let order = Order {
///     id: Order::fresh_id(),
///     ticket: Ticket::new(7),
///     user: "ann".to_owned(),
///     event: "spring".to_owned(),
///     item: "sku:1".to_owned(),
///     units: 1,
///     request_id: None,
///     at: SystemTime::now(),
/// };
/// assert!(order.id.len() < 32);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Its id, unique in the books for ever. [`Order::fresh_id`] makes one.
    pub id: String,
    /// The ticket of its reservation, by which the gate knows it.
    pub ticket: Ticket,
    /// Who buys.
    pub user: String,
    /// The event of the item. Its id must not be that of an earlier one, or orders of that one are taken for its own after a restart.
    pub event: String,
    /// What.
    pub item: String,
    /// How many.
    pub units: u32,
    /// The id of the request, if it had one: a retry after a restart finds the order by it.
    pub request_id: Option<String>,
    /// When it was admitted. The books keep whole milliseconds.
    pub at: SystemTime,
}

impl Order {
    /// The order of a reservation, as of now.
    ///
    /// # Examples
    ///
    /// See [`Desk`](super::Desk).
    #[must_use]
    pub fn new<B: Backend>(id: impl Into<String>, reservation: &Reservation<B>) -> Self {
        Self {
            id: id.into(),
            ticket: reservation.ticket(),
            user: reservation.user().to_owned(),
            event: reservation.event().to_owned(),
            item: reservation.item().to_owned(),
            units: reservation.units(),
            request_id: reservation.request_id().map(str::to_owned),
            // Books keep milliseconds. It is rounded here, so that what comes out of them equals what went in.
            at: time(millis(SystemTime::now())),
        }
    }

    /// The order as the gate takes it for [`restore`](crate::Gate::restore) and [`books`](crate::Gate::books).
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::time::SystemTime;
    /// # use cache_gate::Ticket;
    /// # use cache_gate::handoff::Order;
    /// # let order = Order { id: Order::fresh_id(), ticket: Ticket::new(7), user: "ann".to_owned(), event: "spring".to_owned(), item: "sku:1".to_owned(), units: 1, request_id: None, at: SystemTime::now() };
    /// assert_eq!(order.sale().ticket, order.ticket);
    /// ```
    #[must_use]
    pub fn sale(&self) -> Sale<'_> {
        let sale = Sale::new(self.ticket, &self.user, &self.item, self.units).event(&self.event).at(self.at);
        match &self.request_id {
            Some(id) => sale.request_id(id),
            None => sale,
        }
    }

    /// An id that no other order has: the time, then 64 random bits, as 28 characters of `0-9 a-f -`.
    ///
    /// Ids grow with the time, to the millisecond. Books that are ordered by time find them without an index.
    ///
    /// # Examples
    ///
    /// See [`Order`].
    #[must_use]
    pub fn fresh_id() -> String {
        let random = RandomState::new().hash_one(std::thread::current().id());
        format!("{:011x}-{random:016x}", millis(SystemTime::now()))
    }
}

/// Milliseconds since 1970; 0 before.
pub(crate) fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

pub(crate) fn time(millis: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(millis)
}

/// Where an order stands in the books.
///
/// # Examples
///
/// ```
/// use cache_gate::handoff::OrderState;
///
/// assert_eq!("dead".parse(), Ok(OrderState::Dead));
/// assert_eq!(OrderState::Dead.to_string(), "dead");
/// assert!(OrderState::Dead.holds_units());
/// assert!(!OrderState::Cancelled.holds_units());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OrderState {
    /// It waits for a worker, or a worker is at it.
    Accepted,
    /// Done.
    Fulfilled,
    /// It failed for good. Its units were given back.
    Failed,
    /// Its buyer took it back, and its units were given back.
    Cancelled,
    /// It failed too often. A person has to decide: its units are kept until then.
    Dead,
}

impl OrderState {
    /// All of them.
    pub const ALL: [OrderState; 5] = [
        OrderState::Accepted,
        OrderState::Fulfilled,
        OrderState::Failed,
        OrderState::Cancelled,
        OrderState::Dead,
    ];

    /// Whether the units of the order are sold.
    ///
    /// # Examples
    ///
    /// See [`OrderState`].
    #[must_use]
    pub fn holds_units(self) -> bool {
        !matches!(self, OrderState::Failed | OrderState::Cancelled)
    }

    /// Its name, as the books have it.
    ///
    /// # Examples
    ///
    /// See [`OrderState`].
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            OrderState::Accepted => "accepted",
            OrderState::Fulfilled => "fulfilled",
            OrderState::Failed => "failed",
            OrderState::Cancelled => "cancelled",
            OrderState::Dead => "dead",
        }
    }
}

impl fmt::Display for OrderState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is no [`OrderState`].
///
/// # Examples
///
/// ```
/// use cache_gate::handoff::OrderState;
/// let error = "gone".parse::<OrderState>().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "invalid order state `gone`: allowed are accepted, fulfilled, failed, cancelled, dead"
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownState(String);

impl fmt::Display for UnknownState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid order state `{}`: allowed are ", self.0)?;
        for (index, state) in OrderState::ALL.iter().enumerate() {
            write!(f, "{}{state}", if index == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl std::error::Error for UnknownState {}

impl FromStr for OrderState {
    type Err = UnknownState;

    fn from_str(text: &str) -> Result<Self, UnknownState> {
        let state = Self::ALL.into_iter().find(|state| state.as_str() == text);
        state.ok_or_else(|| UnknownState(text.to_owned()))
    }
}
