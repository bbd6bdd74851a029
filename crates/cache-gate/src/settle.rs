//! The ends of reservations: by their holders, by ticket, by the time limit.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cache_core::{Backend, seeded};
use cache_policy::Loaded;

use crate::gate::{Gate, Inner};
use crate::record::Record;
use crate::stats::Count;
use crate::sync::atomic::Ordering;
use crate::sync::lock;
use crate::trace;
use crate::{State, Ticket};

impl<B: Backend> Gate<B> {
    /// What became of a reservation. `None` if there never was one of this ticket, or it is forgotten: its event has ended; it was dropped,
    /// or past its time, before it was handed off; it ended longer ago than [`Builder::remember`](crate::Builder::remember) says; or it had
    /// ended, and others needed its place.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_gate::{Gate, Ticket};
    /// # use cache_rwlock::RwLockBackend;
    /// assert_eq!(Gate::<RwLockBackend>::builder().build().state(Ticket::new(1)), None);
    /// ```
    #[must_use]
    pub fn state(&self, ticket: Ticket) -> Option<State> {
        self.0.find(ticket).map(|record| record.state())
    }

    /// Whose reservation it is, and of what.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_gate::{Admission, Event, Gate, Item, Request, State};
    /// # use cache_rwlock::RwLockBackend;
    /// # let gate = Gate::<RwLockBackend>::builder().build();
    /// # gate.add_event(Event::new("spring")).unwrap();
    /// # gate.add_item(Item::new("sku:1", "spring", 1)).unwrap();
    /// # gate.set_ready(true);
    /// # let Ok(Admission::Held(reservation)) = gate.admit(&Request::new("ann", "sku:1", 1)) else { panic!("there is stock") };
    /// let held = gate.reservation(reservation.ticket()).unwrap();
    /// assert_eq!((&*held.user, &*held.item, held.units, held.state), ("ann", "sku:1", 1, State::Held));
    /// ```
    #[must_use]
    pub fn reservation(&self, ticket: Ticket) -> Option<Held> {
        let record = self.0.find(ticket)?;
        Some(Held {
            ticket,
            user: record.user.to_string(),
            item: record.item.id.to_string(),
            event: record.item.event.id.to_string(),
            units: record.units,
            request_id: record.request.as_ref().map(ToString::to_string),
            state: record.state(),
        })
    }

    /// Cancels a reservation, and gives everything back, once.
    ///
    /// If the order is in the books, cancel it there first, and call [`cancel_order`](Gate::cancel_order) then. Otherwise a crash between the
    /// two sells the units twice.
    ///
    /// # Errors
    ///
    /// [`CancelError`] says why nothing was given back now.
    ///
    /// # Examples
    ///
    /// See [`Gate`].
    pub fn cancel(&self, ticket: Ticket) -> Result<State, CancelError> {
        self.0.cancel(ticket, false)
    }

    /// Gives back, once, what an order holds that the books have cancelled, or failed for good.
    ///
    /// An order is in the books a moment before its reservation is [committed](State::Committed). Unlike [`cancel`](Gate::cancel), this also
    /// ends a reservation whose outcome the gate does not know yet: the books know it.
    ///
    /// # Errors
    ///
    /// [`CancelError::Absent`] or [`CancelError::Already`]: there is nothing to give back.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_gate::{Admission, Event, Gate, Item, Request, State};
    /// # use cache_rwlock::RwLockBackend;
    /// # let gate = Gate::<RwLockBackend>::builder().build();
    /// # gate.add_event(Event::new("spring")).unwrap();
    /// # gate.add_item(Item::new("sku:1", "spring", 1)).unwrap();
    /// # gate.set_ready(true);
    /// # let Ok(Admission::Held(reservation)) = gate.admit(&Request::new("ann", "sku:1", 1)) else { panic!("there is stock") };
    /// let unsettled = reservation.unsettled()?;
    /// // The order was written, and its client cancels it in the books before the hand-off has answered.
    /// assert_eq!(gate.cancel_order(unsettled.ticket()), Ok(State::Cancelled));
    /// let ticket = unsettled.commit();
    /// assert_eq!(gate.state(ticket), Some(State::Cancelled));
    /// assert_eq!(gate.item("sku:1").unwrap().left, 1);
    /// # Ok::<_, cache_gate::Gone>(())
    /// ```
    pub fn cancel_order(&self, ticket: Ticket) -> Result<State, CancelError> {
        self.0.cancel(ticket, true)
    }

    /// Ends a reservation whose outcome is unknown and that [nobody holds](Gate::unsettled): it is committed if its order is in the books,
    /// and released if it is not, and never will be.
    ///
    /// # Errors
    ///
    /// [`SettleError`] if there is nothing to settle.
    ///
    /// # Examples
    ///
    /// See [`Unsettled`](crate::Unsettled).
    pub fn settle(&self, ticket: Ticket, in_the_books: bool) -> Result<State, SettleError> {
        let record = self.0.find(ticket).ok_or(SettleError::Absent)?;
        if record.state() == State::Unknown && !lock(&self.0.doubts).contains_key(&ticket) {
            // Its holder may be about to write the order, or its order may be on its way.
            let state = record.state();
            return Err(if state == State::Unknown {
                SettleError::Held
            } else {
                SettleError::NotUnknown(state)
            });
        }
        let settled = if in_the_books {
            self.0.commit(&record, State::Unknown)
        } else {
            let released = self.0.release(&record, State::Unknown, State::Released);
            if released {
                self.0.count(Count::Released);
            }
            released
        };
        lock(&self.0.doubts).remove(&ticket);
        let state = record.state();
        if settled { Ok(state) } else { Err(SettleError::NotUnknown(state)) }
    }

    /// The tickets whose outcome is unknown and that nobody holds: somebody must ask the books, and [`settle`](Gate::settle) them.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_gate::Gate;
    /// # use cache_rwlock::RwLockBackend;
    /// assert!(Gate::<RwLockBackend>::builder().build().unsettled().is_empty());
    /// ```
    #[must_use]
    pub fn unsettled(&self) -> Vec<Ticket> {
        let mut tickets: Vec<_> = lock(&self.0.doubts).keys().copied().collect();
        tickets.sort_unstable();
        tickets
    }

    /// Ends reservations that are past their time, frees what is forgotten, and follows the date. Returns how many reservations it ended.
    ///
    /// It looks at about `looks` reservations, counts, request ids and rates each. Call it from a timer, each 100 ms or so:
    /// while everybody is refused, nobody else ends what is past its time.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_gate::Gate;
    /// # use cache_rwlock::RwLockBackend;
    /// assert_eq!(Gate::<RwLockBackend>::builder().build().maintain(1_000), 0);
    /// ```
    pub fn maintain(&self, looks: usize) -> usize {
        let gate = &*self.0;
        gate.time.read_date();
        let ended = gate.expire(gate.time.now(), looks);
        gate.counts.0.maintain(looks);
        gate.requests.maintain(looks);
        gate.records.maintain(looks);
        if let Some((limiter, _)) = &gate.user_rate {
            limiter.maintain(looks);
        }
        if let Some((limiter, _)) = &gate.address_rate {
            limiter.maintain(looks);
        }
        gate.look_elsewhere();
        ended
    }
}

impl<B: Backend> Inner<B> {
    /// Makes a reservation known by its ticket, until its event ends.
    pub(crate) fn keep(&self, record: &Arc<Record>) {
        let event = &record.item.event;
        self.records.insert_in(&event.group, &record.ticket.get(), Arc::clone(record));
        event.joined();
    }

    /// Lets a reservation that has ended be asked about for a while.
    pub(crate) fn keep_ended(&self, record: &Arc<Record>) {
        let (event, remember) = (&record.item.event, self.bounds.remember);
        let ended = Loaded::new(Arc::clone(record)).live_for(Duration::from_nanos(remember));
        self.records.insert_loaded(&record.ticket.get(), ended.in_group(event.group.join()));
        event.joined();
        let now = self.time.now();
        self.ended.push(record.ticket, now.saturating_add(remember), now);
    }

    pub(crate) fn find(&self, ticket: Ticket) -> Option<Arc<Record>> {
        let known = self.records.get(&ticket.get()).map(|record| Arc::clone(&*record));
        // An unknown outcome outlives its event.
        known.or_else(|| lock(&self.doubts).get(&ticket).cloned())
    }

    /// Cancels a reservation; one whose outcome is unknown only if the books have ended its order.
    fn cancel(&self, ticket: Ticket, is_in_the_books: bool) -> Result<State, CancelError> {
        let record = self.find(ticket).ok_or(CancelError::Absent)?;
        loop {
            let state = record.state();
            match state {
                State::Unknown if !is_in_the_books => return Err(CancelError::Unsettled),
                State::Held | State::Unknown | State::Committed => {
                    if self.release(&record, state, State::Cancelled) {
                        lock(&self.doubts).remove(&ticket);
                        self.count(Count::Cancelled);
                        return Ok(State::Cancelled);
                    }
                }
                State::Released | State::Cancelled => return Err(CancelError::Already(state)),
            }
        }
    }

    /// Keeps what a reservation holds, and tells whether this call did.
    pub(crate) fn commit(&self, record: &Arc<Record>, from: State) -> bool {
        if record.has_leased_units() {
            // Nobody committed them with the order. The server does not know that they are sold, and sells them again.
            self.release(record, from, State::Released);
            return false;
        }
        if record.state() != from {
            return false;
        }
        let (sold, units) = (&record.item.busy.0.sold, u64::from(record.units));
        let is_late = seeded::bug("sold-late");
        // Before the change: whoever cancels it at once subtracts.
        if !is_late {
            sold.fetch_add(units, Ordering::AcqRel);
        }
        if !record.change(from, State::Committed) {
            if !is_late {
                sold.fetch_sub(units, Ordering::AcqRel);
            }
            return false;
        }
        if is_late {
            sold.fetch_add(units, Ordering::AcqRel);
        }
        self.leave(record);
        if let Some(breaker) = &self.breaker {
            breaker.report(true, self.time.now());
        }
        self.count(Count::Committed);
        true
    }

    /// Ends a reservation and gives back all that it holds, and tells whether this call did.
    pub(crate) fn release(&self, record: &Arc<Record>, from: State, to: State) -> bool {
        // Looked at first: what is dropped was committed mostly, and then nobody writes.
        if record.state() != from {
            return false;
        }
        let _change = self.changes.begin();
        if !record.change(from, to) {
            return false;
        }
        self.give_back(record, from);
        if let (Some(probe), Some(breaker)) = (record.probe, &self.breaker) {
            breaker.give_up(probe);
        }
        let ticket = record.ticket;
        if let (State::Released, Some(id)) = (to, &record.request) {
            self.requests.forget(&record.user, id, ticket);
        }
        // Nobody was told of one that was dropped before it was handed off. Others can be asked about for a while.
        let is_of_no_interest = (from, to) == (State::Held, State::Released);
        if is_of_no_interest || record.item.event.has_ended() {
            self.records.remove(&ticket.get());
        } else {
            self.keep_ended(record);
        }
        true
    }

    /// Gives back the units first, and then what lets others take them; the user's count last, so that whoever sees that it is free finds
    /// the units.
    fn give_back(&self, record: &Record, was: State) {
        /// Goes on with the rest if a stock panics.
        struct Rest<'a, B: Backend>(&'a Inner<B>, &'a Record, State);
        impl<B: Backend> Drop for Rest<'_, B> {
            fn drop(&mut self) {
                let Self(gate, record, was) = self;
                record.item.returned();
                if *was == State::Committed {
                    record.item.busy.0.sold.fetch_sub(u64::from(record.units), Ordering::AcqRel);
                } else {
                    gate.leave(record);
                }
                gate.counts.give_back(&record.item, &record.user, record.units);
            }
        }
        let _rest = Rest(self, record, was);
        if let Some(goods) = record.take_goods() {
            record.item.stock.get().give_back(record.units, goods);
        }
    }

    /// Leaves the places of a reservation that was under way.
    fn leave(&self, record: &Record) {
        let busy = &record.item.busy.0;
        busy.held.fetch_sub(u64::from(record.units), Ordering::AcqRel);
        self.places.0.leave();
        busy.places.leave();
        self.requests.settled(record);
    }

    /// Ends reservations that are past their time.
    pub(crate) fn expire(&self, now: u64, looks: usize) -> usize {
        let mut ended = 0;
        for _ in 0..looks {
            let Some(record) = self.expiry.pop(now) else { break };
            let from = if seeded::bug("expire-unknown") { record.state() } else { State::Held };
            if now >= record.deadline
                && from != State::Committed
                && self.release(&record, from, State::Released)
            {
                self.count(Count::Expired);
                ended += 1;
            }
        }
        if ended > 0 {
            trace::expired(ended);
        }
        ended
    }
}

/// A reservation, as [`Gate::reservation`] shows it.
///
/// # Examples
///
/// See [`Gate::reservation`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Held {
    /// Its ticket.
    pub ticket: Ticket,
    /// Who buys.
    pub user: String,
    /// What is bought.
    pub item: String,
    /// The event of the item.
    pub event: String,
    /// How many units.
    pub units: u32,
    /// The client's own id of the request.
    pub request_id: Option<String>,
    /// What has become of it.
    pub state: State,
}

/// Why nothing was cancelled.
///
/// # Examples
///
/// ```
/// use cache_gate::{CancelError, State};
/// assert_eq!(CancelError::Already(State::Cancelled).to_string(), "the reservation is cancelled already");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CancelError {
    /// There is no reservation of this ticket, or it is forgotten.
    Absent,
    /// Nobody knows yet whether the order is in the books. See [`Gate::cancel_order`] if it is.
    Unsettled,
    /// Everything was given back before.
    Already(State),
}

impl fmt::Display for CancelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CancelError::Absent => f.write_str("there is no such reservation"),
            CancelError::Unsettled => {
                f.write_str("it is not known yet whether the order was accepted: try again")
            }
            CancelError::Already(state) => write!(f, "the reservation is {state} already"),
        }
    }
}

impl Error for CancelError {}

/// Why nothing was settled.
///
/// # Examples
///
/// ```
/// use cache_gate::{SettleError, State};
/// assert_eq!(SettleError::NotUnknown(State::Held).to_string(), "the reservation is held, and not unknown");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SettleError {
    /// There is no reservation of this ticket, or it is forgotten.
    Absent,
    /// Its outcome is not unknown.
    NotUnknown(State),
    /// Somebody holds it as [`Unsettled`](crate::Unsettled), and will say what became of it.
    Held,
}

impl fmt::Display for SettleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SettleError::Absent => f.write_str("there is no such reservation"),
            SettleError::NotUnknown(state) => write!(f, "the reservation is {state}, and not unknown"),
            SettleError::Held => {
                f.write_str("the hand-off has not answered yet: only what nobody holds is settled")
            }
        }
    }
}

impl Error for SettleError {}
