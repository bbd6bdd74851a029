//! Request ids: a repetition is told what became of the first.

use cache_core::{Backend, seeded};
use cache_policy::Counters;

use crate::item::EventState;
use crate::keys;
use crate::{Overload, Rejection, Ticket};

/// The ticket of each request id, for some time.
#[derive(Debug)]
pub(crate) struct Requests<B: Backend>(pub(crate) Counters<[u8], B>);

impl<B: Backend> Requests<B> {
    #[inline]
    pub(crate) fn get(&self, user: &str, id: &str) -> Option<Ticket> {
        self.0.get(&keys::request(user, id)).map(ticket)
    }

    /// Notes the ticket of a request id, unless there is one. Tells whether it did.
    pub(crate) fn claim(
        &self,
        event: &EventState,
        user: &str,
        id: &str,
        by: Ticket,
    ) -> Result<bool, Rejection> {
        let full = crate::admit::overloaded(Overload::Requests);
        let claimed =
            self.0.insert_in(&event.group, &keys::request(user, id), number(by)).map_err(|_| full)?;
        event.joined();
        Ok(claimed || seeded::bug("claim-anyway"))
    }

    /// Forgets a request id, if it is this ticket's.
    pub(crate) fn forget(&self, user: &str, id: &str, of: Ticket) {
        self.0.remove_if(&keys::request(user, id), |value| value == number(of));
    }
}

fn number(ticket: Ticket) -> i64 {
    ticket.get() as i64
}

fn ticket(number: i64) -> Ticket {
    Ticket::new(number as u64)
}
