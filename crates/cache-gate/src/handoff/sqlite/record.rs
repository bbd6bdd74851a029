//! What the journal tells of its orders.

use crate::Sale;
use crate::handoff::{Order, OrderState};

/// An order as it stands in the journal.
///
/// # Examples
///
/// See [`Journal::orders`](super::Journal::orders).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Record {
    /// Its number: 1 for the first order of the file, and growing.
    pub seq: u64,
    /// The order.
    pub order: Order,
    /// Where it stands.
    pub state: OrderState,
    /// How often a worker has claimed it.
    pub attempts: u32,
    /// Why the last attempt failed, or why it was rejected.
    pub note: Option<String>,
}

impl Record {
    /// The order as the gate takes it for [`restore`](crate::Gate::restore) and [`books`](crate::Gate::books): cancelled, if its units were
    /// given back.
    ///
    /// # Examples
    ///
    /// See [`Journal::orders`](super::Journal::orders).
    #[must_use]
    pub fn sale(&self) -> Sale<'_> {
        let sale = self.order.sale();
        if self.state.holds_units() { sale } else { sale.cancelled() }
    }
}

/// An order that a worker has for a while.
///
/// # Examples
///
/// See [`Journal::claim`](super::Journal::claim).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Claim {
    /// The order.
    pub order: Order,
    /// The number of this attempt, from 1.
    pub attempt: u32,
    pub(super) seq: u64,
    /// Tells this claim from those before and after it.
    pub(super) number: i64,
}

/// What became of a cancellation.
///
/// # Examples
///
/// See [`Journal::cancel`](super::Journal::cancel).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CancelAnswer {
    /// It is cancelled now. Give its units back with [`Gate::cancel_order`](crate::Gate::cancel_order).
    Cancelled(Order),
    /// It was cancelled before.
    Before(Order),
    /// A worker is at it. Ask again later.
    InProgress,
    /// It is fulfilled, or failed: it cannot be cancelled any more.
    TooLate(OrderState),
    /// There is no such order.
    Absent,
}

/// The orders of one item in one state.
///
/// # Examples
///
/// See [`Journal::totals`](super::Journal::totals).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ItemTotal {
    /// The item.
    pub item: String,
    /// The state.
    pub state: OrderState,
    /// The number of orders.
    pub orders: u64,
    /// Their units.
    pub units: u64,
}
