//! Reservations that have ended and are kept for a while: the oldest make room for new ones.

use std::collections::VecDeque;

use crate::Ticket;
use crate::sync::{Mutex, lock};

/// The number of forgotten reservations that each new one removes.
const LOOKS: usize = 2;

/// The tickets of what has ended, the oldest first, and until when each is kept.
#[derive(Debug, Default)]
pub(crate) struct Ended(Mutex<VecDeque<(u64, Ticket)>>);

impl Ended {
    pub(crate) fn push(&self, ticket: Ticket, until: u64, now: u64) {
        let mut queue = lock(&self.0);
        for _ in 0..LOOKS {
            if queue.front().is_some_and(|(until, _)| *until <= now) {
                queue.pop_front();
            }
        }
        queue.push_back((until, ticket));
    }

    pub(crate) fn pop(&self) -> Option<Ticket> {
        lock(&self.0).pop_front().map(|(_, ticket)| ticket)
    }
}
