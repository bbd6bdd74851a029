//! Request ids: a repetition is told what became of the first.

use cache_core::{Backend, seeded};
use cache_policy::Counters;

use crate::admit::overloaded;
use crate::item::EventState;
use crate::keys;
use crate::record::Record;
use crate::{Overload, Rejection, Ticket};

/// The ticket of each request id: for some time, and for as long as its reservation is under way.
#[derive(Debug)]
pub(crate) struct Requests<B: Backend> {
    /// Each id, until its time is over.
    known: Counters<[u8], B>,
    /// Ids of reservations that are held or unknown. They have no time: what is unknown for an hour may have bought.
    under_way: Counters<[u8], B>,
}

impl<B: Backend> Requests<B> {
    /// `known` forgets its keys after some time, `under_way` does not.
    pub(crate) fn new(known: Counters<[u8], B>, under_way: Counters<[u8], B>) -> Self {
        Self { known, under_way }
    }

    #[inline]
    pub(crate) fn get(&self, user: &str, id: &str) -> Option<Ticket> {
        let key = keys::request(user, id);
        // In this order: an id that is settled after its time is known again before it is no longer under way.
        self.known.get(&key).or_else(|| self.under_way.get(&key)).map(ticket)
    }

    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }

    pub(crate) fn maintain(&self, looks: usize) {
        self.known.maintain(looks);
        self.under_way.maintain(looks);
    }

    /// Notes the ticket of a request id, unless there is one. Tells whether it did.
    pub(crate) fn claim(
        &self,
        event: &EventState,
        user: &str,
        id: &str,
        by: Ticket,
    ) -> Result<bool, Rejection> {
        let full = overloaded(Overload::Requests);
        let key = keys::request(user, id);
        // First: an id whose time is over is free only if nothing of it is under way.
        let is_free = self.under_way.insert_in(&event.group, &key, number(by)).map_err(|_| full)?;
        if !is_free && !seeded::bug("claim-anyway") {
            return Ok(false);
        }
        let claimed = self.known.insert_in(&event.group, &key, number(by));
        event.joined();
        if !matches!(claimed, Ok(true)) {
            self.under_way.remove_if(&key, |value| value == number(by));
        }
        Ok(claimed.map_err(|_| full)? || seeded::bug("claim-anyway"))
    }

    /// Notes the ticket of an order that is in the books, instead of an earlier one. Does nothing if there is no room.
    pub(crate) fn note(&self, event: &EventState, user: &str, id: &str, of: Ticket) {
        let key = keys::request(user, id);
        while self.known.insert_in(&event.group, &key, number(of)) == Ok(false) {
            if !self.known.remove_if(&key, |value| ticket(value) < of) {
                return;
            }
        }
        event.joined();
    }

    /// A reservation is under way no longer. If the time of its id was over meanwhile, that begins anew.
    pub(crate) fn settled(&self, record: &Record) {
        let Some(id) = &record.request else { return };
        let (key, event) = (keys::request(&record.user, id), &record.item.event);
        // If there is no room, the order is in the books all the same.
        let _ = self.known.insert_in(&event.group, &key, number(record.ticket));
        event.joined();
        self.under_way.remove_if(&key, |value| value == number(record.ticket));
    }

    /// Forgets a request id, if it is this ticket's.
    pub(crate) fn forget(&self, user: &str, id: &str, of: Ticket) {
        let key = keys::request(user, id);
        self.under_way.remove_if(&key, |value| value == number(of));
        self.known.remove_if(&key, |value| value == number(of));
    }
}

fn number(ticket: Ticket) -> i64 {
    ticket.get() as i64
}

fn ticket(number: i64) -> Ticket {
    Ticket::new(number as u64)
}
