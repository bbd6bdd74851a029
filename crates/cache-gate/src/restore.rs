//! Orders that are in the books already, after a restart.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use cache_core::{Backend, CompactString, ObjCache, ObjCacheExt};

use crate::attempt::Attempt;
use crate::counts::CountRefusal;
use crate::gate::{Gate, Inner};
use crate::item::ItemState;
use crate::record::Record;
use crate::stock::{Goods, Shortage};
use crate::sync::atomic::Ordering;
use crate::sync::lock;
use crate::time;
use crate::{MAX_ID, Overload, Request, State, Ticket};

/// The greatest ticket that is restored. Those that follow are for new reservations.
const LAST_TICKET: u64 = i64::MAX as u64;

/// An order, as the books have it.
///
/// # Examples
///
/// ```
/// use std::time::SystemTime;
/// use cache_gate::{Sale, Ticket};
/// let sale = Sale::new(Ticket::new(7), "ann", "sku:1", 2).event("spring").request_id("4711").at(SystemTime::now());
/// assert_eq!((sale.units, sale.is_cancelled), (2, false));
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
    /// The event of the item. Without it, any will do.
    pub event: Option<&'a str>,
    /// The client's own id of the request.
    pub request_id: Option<&'a str>,
    /// When it was admitted.
    pub at: Option<SystemTime>,
    /// Whether its units were given back.
    pub is_cancelled: bool,
}

impl<'a> Sale<'a> {
    /// An order of `user` for `units` of `item`.
    ///
    /// # Examples
    ///
    /// See [`Sale`].
    #[must_use]
    pub const fn new(ticket: Ticket, user: &'a str, item: &'a str, units: u32) -> Self {
        Self { ticket, user, item, units, event: None, request_id: None, at: None, is_cancelled: false }
    }

    /// Sets the event of the item, so that an order of one event is not taken for one of another that sells an item of the same id.
    ///
    /// # Examples
    ///
    /// See [`Sale`].
    #[must_use]
    pub const fn event(mut self, event: &'a str) -> Self {
        self.event = Some(event);
        self
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

    /// Sets when it was admitted. Its request id is restored only if that is less than [`remember`](crate::Builder::remember) ago.
    ///
    /// # Examples
    ///
    /// See [`Sale`].
    #[must_use]
    pub const fn at(mut self, at: SystemTime) -> Self {
        self.at = Some(at);
        self
    }

    /// Says that it was cancelled, or has failed for good: its units were given back. Its request id stays used.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_gate::{Sale, Ticket};
    /// assert!(Sale::new(Ticket::new(7), "ann", "sku:1", 2).cancelled().is_cancelled);
    /// ```
    #[must_use]
    pub const fn cancelled(mut self) -> Self {
        self.is_cancelled = true;
        self
    }

    fn usable_id(&self) -> Option<&'a str> {
        self.request_id.filter(|id| (1..=MAX_ID).contains(&id.len()))
    }
}

impl<B: Backend> Gate<B> {
    /// Takes the units and the count of an order that is in the books, whatever the limits. Before the gate is
    /// [ready](Gate::set_ready), for each order that an earlier process wrote.
    ///
    /// Of an order that was [cancelled](Sale::cancelled), only the request id is restored, so that a late copy of the request buys
    /// nothing. Restore the orders of all states: new tickets follow theirs, also if the clock was set back.
    ///
    /// If two orders have one request id, a repetition is told of the later one. If there is no room for the id, the order is restored
    /// without it.
    ///
    /// The item's stock must be what it was before that order. If it is filled elsewhere, as a lease is, no units are taken.
    ///
    /// # Errors
    ///
    /// [`RestoreError`] says what does not fit. Nothing is taken then. [`UnknownItem`](RestoreError::UnknownItem) and
    /// [`OtherEvent`](RestoreError::OtherEvent) are no faults of an order whose event has ended.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_gate::{Event, Gate, Item, Sale, State, Ticket};
    /// # use cache_rwlock::RwLockBackend;
    /// let gate = Gate::<RwLockBackend>::builder().build();
    /// gate.add_event(Event::new("spring"))?;
    /// gate.add_item(Item::new("sku:1", "spring", 10))?;
    /// gate.restore(&Sale::new(Ticket::new(7), "ann", "sku:1", 2).event("spring"))?;
    /// assert_eq!(gate.state(Ticket::new(7)), Some(State::Committed));
    /// assert_eq!(gate.item("sku:1").unwrap().left, 8);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn restore(&self, sale: &Sale<'_>) -> Result<(), RestoreError> {
        let gate = &*self.0;
        if sale.ticket.get() > LAST_TICKET {
            return Err(RestoreError::Ticket);
        }
        // Whatever becomes of this order, no new one has its ticket: that may be its id in the books.
        gate.next_ticket.0.fetch_max(sale.ticket.get() + 1, Ordering::Relaxed);
        let item = gate.items.get(sale.item).ok_or(RestoreError::UnknownItem)?;
        if sale.event.is_some_and(|event| event != item.event.id) {
            return Err(RestoreError::OtherEvent);
        }
        if sale.units == 0 {
            return Err(RestoreError::NoUnits);
        }
        if !(1..=MAX_ID).contains(&sale.user.len()) {
            return Err(RestoreError::User);
        }
        // Two of one ticket at once would both find it absent.
        let _alone = lock(&gate.restoring);
        if gate.find(sale.ticket).is_some_and(|record| record.state().holds() || sale.is_cancelled) {
            return Err(RestoreError::Repeated);
        }
        let is_full = gate.records.len() >= gate.bounds.reservations;
        if sale.is_cancelled {
            if !is_full {
                gate.restore_cancelled(sale, &item);
            }
            return Ok(());
        }
        if is_full {
            return Err(RestoreError::Full(Overload::Reservations));
        }
        let mut request = Request::new(sale.user, sale.item, sale.units);
        request.id = sale.usable_id();
        let mut attempt = Attempt::new(gate, &item, &request).with_ticket(sale.ticket);
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
        gate.restore_id(sale, &item);
        Ok(())
    }
}

impl<B: Backend> Inner<B> {
    /// Whether an order is of an event, and of an item of it, that this gate has.
    pub(crate) fn has_event_of(&self, sale: &Sale<'_>) -> bool {
        let Some(event) = sale.event else { return true };
        let is_of_item = self.items.with(sale.item, |item| item.event.id == event);
        is_of_item.unwrap_or_else(|| self.events.with(event, |_| ()).is_some())
    }

    /// Keeps what answers a repetition.
    fn restore_cancelled(&self, sale: &Sale<'_>, item: &Arc<ItemState>) {
        let Some(id) = sale.usable_id().filter(|_| self.remembers(sale)) else { return };
        let mut record = Record::new(sale.ticket, State::Cancelled, sale.units, Arc::clone(item), sale.user);
        record.request = Some(CompactString::new(id));
        self.keep_ended(&Arc::new(record));
        self.restore_id(sale, item);
    }

    /// Notes the request id of an order, unless its time is over.
    fn restore_id(&self, sale: &Sale<'_>, item: &ItemState) {
        if let Some(id) = sale.usable_id().filter(|_| self.remembers(sale)) {
            self.requests.note(&item.event, sale.user, id, sale.ticket);
        }
    }

    fn remembers(&self, sale: &Sale<'_>) -> bool {
        let until = |at| time::unix(at).saturating_add(self.bounds.remember);
        sale.at.is_none_or(|at| self.time.unix(self.time.now()) < until(at))
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
    /// The item of this id belongs to another event than the order.
    OtherEvent,
    /// The user's id is empty, or longer than [`MAX_ID`](crate::MAX_ID).
    User,
    /// The ticket is 2^63 or more: none would be left for new reservations.
    Ticket,
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
            RestoreError::OtherEvent => f.write_str("the item of this id belongs to another event"),
            RestoreError::User => write!(f, "invalid id of a user: 1 to {MAX_ID} bytes are allowed"),
            RestoreError::Ticket => write!(f, "the ticket is too great: up to {LAST_TICKET} are allowed"),
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
