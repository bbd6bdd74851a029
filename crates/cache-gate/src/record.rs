//! What is kept of a reservation.

use std::fmt;
use std::sync::Arc;

use cache_core::{CompactString, seeded};

use crate::breaker::Probe;
use crate::item::ItemState;
use crate::stock::Goods;
use crate::sync::atomic::{AtomicU8, Ordering};
use crate::sync::{Mutex, lock};
use crate::{State, Ticket};

/// A reservation, as its holder, the table by ticket and the queue of time limits share it.
pub(crate) struct Record {
    state: AtomicU8,
    pub(crate) ticket: Ticket,
    pub(crate) units: u32,
    /// When it ends if it is still held, by the gate's clock.
    pub(crate) deadline: u64,
    pub(crate) item: Arc<ItemState>,
    pub(crate) user: CompactString,
    pub(crate) request: Option<CompactString>,
    /// It may try whether what is behind the gate is well again.
    pub(crate) probe: Option<Probe>,
    /// What the stock gave. `None` after it was given back.
    pub(crate) goods: Mutex<Option<Goods>>,
}

impl Record {
    pub(crate) fn new(ticket: Ticket, state: State, units: u32, item: Arc<ItemState>, user: &str) -> Self {
        Self {
            state: AtomicU8::new(state as u8),
            ticket,
            units,
            deadline: u64::MAX,
            item,
            user: CompactString::new(user),
            request: None,
            probe: None,
            goods: Mutex::new(None),
        }
    }

    pub(crate) fn state(&self) -> State {
        State::from_code(self.state.load(Ordering::Acquire))
    }

    /// Changes the state, and tells whether this call did. Who made a change does what belongs to it, nobody else does.
    pub(crate) fn change(&self, from: State, to: State) -> bool {
        if seeded::bug("change-blindly") {
            let is_from = self.state() == from;
            if is_from {
                self.state.store(to as u8, Ordering::Release);
            }
            return is_from;
        }
        self.state.compare_exchange(from as u8, to as u8, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Whether it has units of a lease still, which were not taken out to be committed.
    #[cfg(feature = "redis")]
    pub(crate) fn has_leased_units(&self) -> bool {
        matches!(*lock(&self.goods), Some(Goods::Leased(Some(_))))
    }

    #[cfg(not(feature = "redis"))]
    pub(crate) fn has_leased_units(&self) -> bool {
        false
    }

    pub(crate) fn take_goods(&self) -> Option<Goods> {
        lock(&self.goods).take()
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the user: ids are personal data often.
        f.debug_struct("Record")
            .field("ticket", &self.ticket)
            .field("state", &self.state())
            .field("item", &self.item.id)
            .field("units", &self.units)
            .finish_non_exhaustive()
    }
}
