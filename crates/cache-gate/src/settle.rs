//! The ends of reservations: by their holders, by ticket, by the time limit.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cache_core::{Backend, seeded};

use crate::gate::{Gate, Inner};
use crate::record::Record;
use crate::stats::Count;
use crate::sync::atomic::Ordering;
use crate::sync::lock;
use crate::trace;
use crate::{State, Ticket};

impl<B: Backend> Gate<B> {
    /// What became of a reservation. `None` if there never was one of this ticket, or it is forgotten: its event has ended; it was dropped,
    /// or past its time, before it was handed off; or it ended longer ago than [`Builder::remember`](crate::Builder::remember) says.
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
    /// If the order is in the books, cancel it there first. Otherwise a crash between the two sells the units twice.
    ///
    /// # Errors
    ///
    /// [`CancelError`] says why nothing was given back now.
    ///
    /// # Examples
    ///
    /// See [`Gate`].
    pub fn cancel(&self, ticket: Ticket) -> Result<State, CancelError> {
        let record = self.0.find(ticket).ok_or(CancelError::Absent)?;
        loop {
            let state = record.state();
            match state {
                State::Held | State::Committed => {
                    if self.0.release(&record, state, State::Cancelled) {
                        self.0.count(Count::Cancelled);
                        return Ok(State::Cancelled);
                    }
                }
                State::Unknown => return Err(CancelError::Unsettled),
                State::Released | State::Cancelled => return Err(CancelError::Already(state)),
            }
        }
    }

    /// Ends a reservation whose outcome was unknown: it is committed if its order is in the books, and released if it is not, and
    /// never will be.
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
        gate.requests.0.maintain(looks);
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

    pub(crate) fn find(&self, ticket: Ticket) -> Option<Arc<Record>> {
        let known = self.records.get(&ticket.get()).map(|record| Arc::clone(&*record));
        // An unknown outcome outlives its event.
        known.or_else(|| lock(&self.doubts).get(&ticket).cloned())
    }

    /// Keeps what a reservation holds, and tells whether this call did.
    pub(crate) fn commit(&self, record: &Record, from: State) -> bool {
        if !record.change(from, State::Committed) {
            return false;
        }
        let busy = &record.item.busy.0;
        busy.sold.fetch_add(u64::from(record.units), Ordering::AcqRel);
        self.leave(record);
        if let Some(breaker) = &self.breaker {
            breaker.report(true, self.time.now());
        }
        self.count(Count::Committed);
        true
    }

    /// Ends a reservation and gives back all that it holds, and tells whether this call did.
    pub(crate) fn release(&self, record: &Arc<Record>, from: State, to: State) -> bool {
        if !record.change(from, to) {
            return false;
        }
        self.give_back(record, from);
        let ticket = record.ticket;
        if let (State::Released, Some(id)) = (to, &record.request) {
            self.requests.forget(&record.user, id, ticket);
        }
        // Nobody was told of one that was dropped before it was handed off. Others can be asked about for a while.
        let is_of_no_interest = (from, to) == (State::Held, State::Released);
        if is_of_no_interest || record.item.event.has_ended() {
            self.records.remove(&ticket.get());
        } else {
            let remember = Duration::from_nanos(self.bounds.remember);
            self.records.insert_with_ttl(&ticket.get(), Arc::clone(record), remember);
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
    /// Nobody knows yet whether the order is in the books.
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
}

impl fmt::Display for SettleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SettleError::Absent => f.write_str("there is no such reservation"),
            SettleError::NotUnknown(state) => write!(f, "the reservation is {state}, and not unknown"),
        }
    }
}

impl Error for SettleError {}
