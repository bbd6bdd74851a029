use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Weak};

use cache_core::{Backend, DefaultHashBuilder};
use cache_policy::{Cache, HotKeys, Rate, RateLimiter};

use crate::Builder;
use crate::Ticket;
use crate::breaker::Switch;
use crate::changes::Changes;
use crate::counts::Counts;
use crate::ended::Ended;
use crate::expiry::Expiry;
use crate::item::{EventState, ItemState};
use crate::lists::List;
use crate::places::Places;
use crate::record::Record;
use crate::requests::Requests;
use crate::stats::{Count, Stats};
use crate::sync::atomic::{AtomicBool, AtomicU64};
use crate::sync::{Mutex, Padded};
use crate::time::Time;

/// A gate: it turns away what is hopeless, and holds stock and the user's count for the rest.
///
/// It is a handle: clones are the same gate. There is no thread in it. Call [`maintain`](Gate::maintain) from a timer, each 100 ms
/// or so: it ends what is past its time limit. New reservations do that too, but refusals write nothing.
///
/// # Examples
///
/// ```
/// use cache_gate::{Admission, Event, Gate, Item, Rejection, Request};
/// use cache_rwlock::RwLockBackend;
///
/// let gate = Gate::<RwLockBackend>::builder().build();
/// gate.add_event(Event::new("spring"))?;
/// gate.add_item(Item::new("sku:1", "spring", 1).limit(1))?;
/// gate.set_ready(true);
///
/// let Admission::Held(reservation) = gate.admit(&Request::new("ann", "sku:1", 1))? else { unreachable!() };
/// // The order is written here.
/// let ticket = reservation.commit()?;
///
/// let refused = gate.admit(&Request::new("bob", "sku:1", 1)).unwrap_err();
/// assert_eq!(refused, Rejection::SoldOut { left: 0 });
/// // Ann changes her mind.
/// gate.cancel(ticket)?;
/// assert!(gate.admit(&Request::new("bob", "sku:1", 1)).is_ok());
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub struct Gate<B: Backend>(pub(crate) Arc<Inner<B>>);

/// The bounds of a gate, as its builder was told.
#[derive(Clone, Debug)]
pub(crate) struct Bounds {
    /// Nanoseconds, as the next one.
    pub(crate) time_limit: u64,
    pub(crate) remember: u64,
    pub(crate) users: usize,
    pub(crate) rates: usize,
    pub(crate) requests: usize,
    pub(crate) reservations: usize,
    pub(crate) items: usize,
    pub(crate) units: u32,
    pub(crate) in_flight: u32,
}

/// How many orders wait behind the gate, and how many may.
pub(crate) struct Depth {
    pub(crate) most: usize,
    pub(crate) signal: Box<dyn Fn() -> usize + Send + Sync>,
}

pub(crate) struct Inner<B: Backend> {
    // What every request reads.
    pub(crate) ready: AtomicBool,
    pub(crate) bounds: Bounds,
    pub(crate) blocked: List<B>,
    pub(crate) items: B::Obj<ItemState, str, DefaultHashBuilder>,
    pub(crate) time: Time,
    pub(crate) stats: Option<Box<Stats>>,
    pub(crate) hot: Option<HotKeys<str>>,
    pub(crate) early: List<B>,
    pub(crate) breaker: Option<Switch>,
    pub(crate) depth: Option<Depth>,
    pub(crate) user_rate: Option<(RateLimiter<str, B>, Rate)>,
    pub(crate) address_rate: Option<(RateLimiter<IpAddr, B>, Rate)>,
    // What those that are let in write.
    pub(crate) counts: Counts<B>,
    pub(crate) requests: Requests<B>,
    /// Reservations by ticket: all that are not settled, committed ones until their event ends, others for some time.
    pub(crate) records: Cache<Arc<Record>, u64, B>,
    pub(crate) expiry: Expiry,
    pub(crate) ended: Ended,
    pub(crate) changes: Changes,
    /// Reservations whose outcome is unknown, and that nobody holds. An end of their event does not drop them.
    pub(crate) doubts: Mutex<HashMap<Ticket, Arc<Record>>>,
    pub(crate) places: Padded<Places>,
    pub(crate) next_ticket: Padded<AtomicU64>,
    // What only changes of the configuration write.
    pub(crate) events: B::Obj<EventState, str, DefaultHashBuilder>,
    pub(crate) next_item: AtomicU64,
    /// Items whose stock is filled without the gate's doing.
    pub(crate) elsewhere: Mutex<Vec<Weak<ItemState>>>,
    pub(crate) config: Mutex<()>,
    /// One order is restored at a time.
    pub(crate) restoring: Mutex<()>,
    pub(crate) name: Option<Box<str>>,
}

impl<B: Backend> Gate<B> {
    /// Says how the gate is to be.
    ///
    /// # Examples
    ///
    /// See [`Gate`].
    #[must_use]
    pub fn builder() -> Builder<B> {
        Builder::default()
    }

    /// The name of the gate, if it was given one by [`Builder::name`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_gate::Gate;
    /// # use cache_rwlock::RwLockBackend;
    /// assert_eq!(Gate::<RwLockBackend>::builder().name("shop").build().name(), Some("shop"));
    /// ```
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }
}

impl<B: Backend> Inner<B> {
    pub(crate) fn count(&self, count: Count) {
        if let Some(stats) = &self.stats {
            stats.add(count);
        }
    }
}

impl<B: Backend> Clone for Gate<B> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<B: Backend> fmt::Debug for Gate<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate")
            .field("backend", &B::NAME)
            .field("name", &self.name())
            .field("ready", &self.is_ready())
            .field("load", &self.load())
            .finish_non_exhaustive()
    }
}
