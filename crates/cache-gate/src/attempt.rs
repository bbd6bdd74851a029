//! One attempt at a reservation: what it took is given back, unless it succeeds.

use std::sync::Arc;

use cache_core::{Backend, CompactString};

use crate::admit::overloaded;
use crate::breaker::Probe;
use crate::changes::Change;
use crate::counts::CountRefusal;
use crate::gate::{Gate, Inner};
use crate::item::ItemState;
use crate::record::Record;
use crate::stock::{Goods, Shortage};
use crate::sync::atomic::Ordering;
use crate::sync::lock;
use crate::trace;
use crate::{Overload, Rejection, Request, Reservation, State, Ticket};

/// What was taken so far. Dropping it gives that back, in the opposite order, also if a stock or clock panics.
pub(crate) struct Attempt<'a, B: Backend> {
    pub(crate) gate: &'a Inner<B>,
    pub(crate) item: &'a Arc<ItemState>,
    pub(crate) request: &'a Request<'a>,
    ticket: Ticket,
    claimed: bool,
    counted: bool,
    is_in_item: bool,
    is_in_gate: bool,
    probe: Option<Probe>,
    pub(crate) goods: Option<Goods>,
    /// Dropped last: all is given back, or kept.
    _change: Change<'a>,
}

impl<'a, B: Backend> Attempt<'a, B> {
    pub(crate) fn new(gate: &'a Inner<B>, item: &'a Arc<ItemState>, request: &'a Request<'a>) -> Self {
        let ticket = Ticket::new(gate.next_ticket.0.fetch_add(1, Ordering::Relaxed));
        Self {
            gate,
            item,
            request,
            ticket,
            claimed: false,
            counted: false,
            is_in_item: false,
            is_in_gate: false,
            probe: None,
            goods: None,
            _change: gate.changes.begin(),
        }
    }

    /// Claims the request's id. `false` if another request has it.
    pub(crate) fn claim(&mut self, id: &str) -> Result<bool, Rejection> {
        self.claimed = self.gate.requests.claim(&self.item.event, self.request.user, id, self.ticket)?;
        Ok(self.claimed)
    }

    pub(crate) fn count(&mut self) -> Result<(), Rejection> {
        let limit = self.item.limit.load(Ordering::Relaxed);
        self.count_up_to(limit).map_err(|refusal| refusal.rejection(limit))
    }

    /// Raises the user's count, up to a limit.
    pub(crate) fn count_up_to(&mut self, limit: u32) -> Result<(), CountRefusal> {
        self.gate.counts.take(self.item, self.request.user, self.request.units, limit)?;
        self.counted = true;
        Ok(())
    }

    pub(crate) fn enter(&mut self, now: u64) -> Result<(), Rejection> {
        self.is_in_item = self.item.busy.0.places.enter(self.item.most_in_flight.load(Ordering::Relaxed));
        if !self.is_in_item {
            return Err(overloaded(Overload::Item));
        }
        self.is_in_gate = self.gate.places.0.enter(self.gate.bounds.in_flight);
        if !self.is_in_gate {
            return Err(overloaded(Overload::Gate));
        }
        if let Some(breaker) = &self.gate.breaker {
            let closed = |retry_after| Rejection::Overloaded { overload: Overload::Breaker, retry_after };
            self.probe = breaker.enter(now).map_err(closed)?;
        }
        Ok(())
    }

    pub(crate) fn take(&mut self) -> Result<(), Rejection> {
        // Before the stock is looked at. See `Latch`.
        let seen = self.item.latch.read();
        match self.item.stock.try_take(self.request.units) {
            Ok(goods) => {
                self.goods = Some(goods);
                Ok(())
            }
            Err(Shortage::SoldOut) => {
                if self.item.latch.close(seen) {
                    trace::sold_out(&self.item.id);
                }
                Err(Rejection::SoldOut { left: 0 })
            }
            Err(Shortage::TooFew { left }) => Err(Rejection::SoldOut { left }),
            Err(Shortage::NotNow) => Err(overloaded(Overload::Stock)),
        }
    }

    /// Hands over all that was taken to a reservation.
    pub(crate) fn finish(mut self, gate: &Gate<B>, now: u64) -> Reservation<B> {
        let deadline = now.saturating_add(self.gate.bounds.time_limit);
        let record = Arc::new(self.record(State::Held, deadline));
        // From here on, dropping this gives everything back.
        let reservation = Reservation::new(gate.clone(), Arc::clone(&record));
        self.gate.keep(&record);
        self.gate.expiry.push(record);
        reservation
    }

    /// A record that has what was taken.
    pub(crate) fn record(&mut self, state: State, deadline: u64) -> Record {
        let request = self.request;
        let mut record = Record::new(self.ticket, state, request.units, Arc::clone(self.item), request.user);
        record.deadline = deadline;
        record.request = request.id.map(CompactString::new);
        record.probe = self.probe.take();
        let taken = if state == State::Committed { &self.item.busy.0.sold } else { &self.item.busy.0.held };
        taken.fetch_add(u64::from(request.units), Ordering::AcqRel);
        *lock(&record.goods) = self.goods.take();
        (self.claimed, self.counted, self.is_in_item, self.is_in_gate) = (false, false, false, false);
        record
    }

    /// Uses the ticket of a reservation that was made before.
    pub(crate) fn with_ticket(mut self, ticket: Ticket) -> Self {
        self.ticket = ticket;
        self
    }
}

impl<B: Backend> Drop for Attempt<'_, B> {
    fn drop(&mut self) {
        let (user, units) = (self.request.user, self.request.units);
        if let Some(goods) = self.goods.take() {
            self.item.stock.get().give_back(units, goods);
            self.item.returned();
        }
        if let (Some(probe), Some(breaker)) = (self.probe, &self.gate.breaker) {
            breaker.give_up(probe);
        }
        if self.is_in_gate {
            self.gate.places.0.leave();
        }
        if self.is_in_item {
            self.item.busy.0.places.leave();
        }
        if self.counted {
            self.gate.counts.give_back(self.item, user, units);
        }
        if self.claimed {
            self.gate.requests.forget(user, self.request.id.unwrap_or_default(), self.ticket);
        }
    }
}
