//! Orders that are in the books already, after a restart.

use std::error::Error;
use std::fmt;

use cache_core::{Backend, ObjCache};

use crate::attempt::Attempt;
use crate::counts::CountRefusal;
use crate::gate::Gate;
use crate::stock::{Goods, Shortage};
use crate::sync::atomic::Ordering;
use crate::{Overload, Request, State, Ticket};

/// An order, as the books have it.
///
/// # Examples
///
/// ```
/// use cache_gate::{Sale, Ticket};
/// let sale = Sale::new(Ticket::new(7), "ann", "sku:1", 2).request_id("4711");
/// assert_eq!(sale.units, 2);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sale<'a> {
    /// The ticket of its reservation.
    pub ticket: Ticket,
    /// Who bought.
    pub user: &'a str,
    /// What was bought.
    pub item: &'a str,
    /// How many units.
    pub units: u32,
    /// The client's own id of the request.
    pub request_id: Option<&'a str>,
}

impl<'a> Sale<'a> {
    /// An order of `user` for `units` of `item`.
    ///
    /// # Examples
    ///
    /// See [`Sale`].
    #[must_use]
    pub const fn new(ticket: Ticket, user: &'a str, item: &'a str, units: u32) -> Self {
        Self { ticket, user, item, units, request_id: None }
    }

    /// Sets the client's own id of the request, so that a repetition after the restart is told of this order.
    ///
    /// # Examples
    ///
    /// See [`Sale`].
    #[must_use]
    pub const fn request_id(mut self, id: &'a str) -> Self {
        self.request_id = Some(id);
        self
    }
}

impl<B: Backend> Gate<B> {
    /// Takes the units and the count of an order that is in the books, whatever the limits. Before the gate is
    /// [ready](Gate::set_ready), for each order that an earlier process wrote.
    ///
    /// The item's stock must be what it was before that order. If it is filled elsewhere, as a lease is, no units are taken.
    ///
    /// # Errors
    ///
    /// [`RestoreError`] says what does not fit. Nothing is taken then.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_gate::{Event, Gate, Item, Sale, State, Ticket};
    /// # use cache_rwlock::RwLockBackend;
    /// let gate = Gate::<RwLockBackend>::builder().build();
    /// gate.add_event(Event::new("spring"))?;
    /// gate.add_item(Item::new("sku:1", "spring", 10))?;
    /// gate.restore(&Sale::new(Ticket::new(7), "ann", "sku:1", 2))?;
    /// assert_eq!(gate.state(Ticket::new(7)), Some(State::Committed));
    /// assert_eq!(gate.item("sku:1").unwrap().left, 8);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn restore(&self, sale: &Sale<'_>) -> Result<(), RestoreError> {
        let gate = &*self.0;
        let item = gate.items.get(sale.item).ok_or(RestoreError::UnknownItem)?;
        if sale.units == 0 {
            return Err(RestoreError::NoUnits);
        }
        if gate.find(sale.ticket).is_some_and(|record| record.state().holds()) {
            return Err(RestoreError::Repeated);
        }
        if gate.records.len() >= gate.bounds.reservations {
            return Err(RestoreError::Full(Overload::Reservations));
        }
        let mut request = Request::new(sale.user, sale.item, sale.units);
        request.id = sale.request_id;
        let mut attempt = Attempt::new(gate, &item, &request).with_ticket(sale.ticket);
        if let Some(id) = sale.request_id {
            // It may be another order's: two copies of a request are no reason to forget a sale.
            attempt.claim(id).map_err(|_| RestoreError::Full(Overload::Requests))?;
        }
        attempt.count_up_to(u32::MAX).map_err(|refusal| match refusal {
            CountRefusal::Limit(_) => RestoreError::TooManyUnits,
            CountRefusal::Full => RestoreError::Full(Overload::Users),
        })?;
        if !item.stock.get().is_filled_elsewhere() {
            attempt.take_any().map_err(|shortage| match shortage {
                Shortage::TooFew { left } => RestoreError::NotEnough { left },
                _ => RestoreError::NotEnough { left: 0 },
            })?;
        }
        let record = attempt.record(State::Committed, u64::MAX);
        gate.keep(&record.into());
        gate.next_ticket.0.fetch_max(sale.ticket.get().saturating_add(1), Ordering::Relaxed);
        Ok(())
    }
}

impl<B: Backend> Attempt<'_, B> {
    /// Takes the units, and leaves the latch alone.
    fn take_any(&mut self) -> Result<(), Shortage> {
        let goods: Goods = self.item.stock.try_take(self.request.units)?;
        self.goods = Some(goods);
        Ok(())
    }
}

/// Why an order was not restored.
///
/// # Examples
///
/// ```
/// use cache_gate::RestoreError;
/// assert_eq!(
///     RestoreError::NotEnough { left: 1 }.to_string(),
///     "the order does not fit the stock: 1 units are left"
/// );
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RestoreError {
    /// There is no such item.
    UnknownItem,
    /// The order has no units.
    NoUnits,
    /// There is a reservation of this ticket.
    Repeated,
    /// There are fewer units than the order has.
    NotEnough {
        /// How many.
        left: u64,
    },
    /// The user would have more than 2^32 units.
    TooManyUnits,
    /// A table of the gate is full.
    Full(Overload),
}

impl fmt::Display for RestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RestoreError::UnknownItem => f.write_str("there is no such item"),
            RestoreError::NoUnits => f.write_str("the order has no units: at least 1 is needed"),
            RestoreError::Repeated => f.write_str("there is a reservation of this ticket"),
            RestoreError::NotEnough { left } => {
                write!(f, "the order does not fit the stock: {left} units are left")
            }
            RestoreError::TooManyUnits => f.write_str("the user would have more units than can be counted"),
            RestoreError::Full(overload) => overload.fmt(f),
        }
    }
}

impl Error for RestoreError {}
