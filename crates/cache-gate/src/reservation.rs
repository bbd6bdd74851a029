use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cache_core::Backend;

use crate::gate::Gate;
use crate::record::Record;
use crate::stats::Count;
use crate::sync::lock;
use crate::{State, Ticket};

/// What became of an admitted request.
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
/// let request = Request::new("ann", "sku:1", 1).id("4711");
/// let Ok(Admission::Held(reservation)) = gate.admit(&request) else { panic!("there is stock") };
/// // The client did not get the answer, and repeats its request.
/// let again = gate.admit(&request);
/// assert!(matches!(again, Ok(Admission::Repeated(ticket, State::Held)) if ticket == reservation.ticket()));
/// ```
#[derive(Debug)]
pub enum Admission<B: Backend> {
    /// Stock and the user's count are held.
    Held(Reservation<B>),
    /// The user has sent a request with this id before. This is its ticket, and what became of it. Nothing was taken now.
    ///
    /// A ticket whose first request has just begun may still fail: [`Gate::state`] does not know it then, nor one that was cancelled and
    /// had to make room for others. Both are said to be held.
    Repeated(Ticket, State),
}

/// Stock and the user's count, held as one. Dropping it gives both back.
///
/// It can be moved to another thread or task. If nothing is done with it within the gate's time limit, it is released as if it
/// had been dropped.
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
/// let Ok(Admission::Held(reservation)) = gate.admit(&Request::new("ann", "sku:1", 1)) else { panic!("there is stock") };
/// assert_eq!((reservation.user(), reservation.item(), reservation.units()), ("ann", "sku:1", 1));
/// drop(reservation);
/// assert_eq!(gate.item("sku:1").unwrap().left, 1);
/// ```
#[must_use = "dropping a reservation gives back what it holds"]
pub struct Reservation<B: Backend> {
    gate: Gate<B>,
    record: Arc<Record>,
}

/// A reservation whose order is on its way into the books.
///
/// No time limit ends it. If it is dropped, as by a panic of the hand-off, it stays [`Unknown`](State::Unknown) until
/// [`Gate::settle`] is told what the books say.
///
/// # Examples
///
/// ```
/// # use cache_gate::{Admission, Event, Gate, Item, Request, State};
/// # use cache_rwlock::RwLockBackend;
/// # let gate = Gate::<RwLockBackend>::builder().build();
/// # gate.add_event(Event::new("spring")).unwrap();
/// # gate.add_item(Item::new("sku:1", "spring", 2)).unwrap();
/// # gate.set_ready(true);
/// # let Ok(Admission::Held(reservation)) = gate.admit(&Request::new("ann", "sku:1", 1)) else { panic!("there is stock") };
/// let unsettled = reservation.unsettled()?;
/// // The order is written here. The connection broke, so nobody knows:
/// let ticket = unsettled.ticket();
/// drop(unsettled);
/// assert_eq!(gate.state(ticket), Some(State::Unknown));
/// // The books have it.
/// assert_eq!(gate.settle(ticket, true), Ok(State::Committed));
/// # Ok::<_, cache_gate::Gone>(())
/// ```
#[must_use = "dropping it leaves the reservation unknown until it is settled"]
pub struct Unsettled<B: Backend> {
    gate: Gate<B>,
    record: Arc<Record>,
}

/// What both say about themselves.
macro_rules! describe {
    ($type:ident) => {
        impl<B: Backend> $type<B> {
            /// The ticket.
            #[must_use]
            pub fn ticket(&self) -> Ticket {
                self.record.ticket
            }

            /// Who buys.
            #[must_use]
            pub fn user(&self) -> &str {
                &self.record.user
            }

            /// What is bought.
            #[must_use]
            pub fn item(&self) -> &str {
                &self.record.item.id
            }

            /// The event of the item.
            #[must_use]
            pub fn event(&self) -> &str {
                &self.record.item.event.id
            }

            /// How many units.
            #[must_use]
            pub fn units(&self) -> u32 {
                self.record.units
            }

            /// The client's own id of the request.
            #[must_use]
            pub fn request_id(&self) -> Option<&str> {
                self.record.request.as_deref()
            }

            /// The state. It can change at any time, by a cancellation or the time limit.
            #[must_use]
            pub fn state(&self) -> State {
                self.record.state()
            }

            /// The gate.
            #[must_use]
            pub fn gate(&self) -> &Gate<B> {
                &self.gate
            }
        }

        impl<B: Backend> fmt::Debug for $type<B> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($type)).field(&self.record).finish()
            }
        }
    };
}

describe!(Reservation);
describe!(Unsettled);

impl<B: Backend> Reservation<B> {
    pub(crate) fn new(gate: Gate<B>, record: Arc<Record>) -> Self {
        Self { gate, record }
    }

    /// How long it is until the time limit.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use cache_gate::{Admission, Event, Gate, Item, Request};
    /// # use cache_rwlock::RwLockBackend;
    /// # let gate = Gate::<RwLockBackend>::builder().build();
    /// # gate.add_event(Event::new("spring")).unwrap();
    /// # gate.add_item(Item::new("sku:1", "spring", 1)).unwrap();
    /// # gate.set_ready(true);
    /// # let Ok(Admission::Held(reservation)) = gate.admit(&Request::new("ann", "sku:1", 1)) else { panic!("there is stock") };
    /// assert!(reservation.remaining() <= Duration::from_secs(30));
    /// ```
    #[must_use]
    pub fn remaining(&self) -> Duration {
        Duration::from_nanos(self.record.deadline.saturating_sub(self.gate.0.time.now()))
    }

    /// Keeps what it holds, as the order is written somewhere that cannot fail.
    ///
    /// For an order that may fail, or whose outcome may be unknown, call [`unsettled`](Reservation::unsettled) first: a
    /// reservation that is past its time has been given back, and this says so too late.
    ///
    /// # Errors
    ///
    /// [`Gone`] if it was cancelled, or past its time. Everything was given back.
    ///
    /// # Examples
    ///
    /// See [`Gate`].
    pub fn commit(self) -> Result<Ticket, Gone> {
        if self.gate.0.commit(&self.record, State::Held) {
            Ok(self.ticket())
        } else {
            Err(Gone(self.state()))
        }
    }

    /// Says that the order is about to be handed off. From here on nothing is given back unless somebody says so.
    ///
    /// # Errors
    ///
    /// [`Gone`] if it was cancelled, or past its time. Everything was given back, and the order must not be written.
    ///
    /// # Examples
    ///
    /// See [`Unsettled`].
    pub fn unsettled(self) -> Result<Unsettled<B>, Gone> {
        if self.record.change(State::Held, State::Unknown) {
            Ok(Unsettled { gate: self.gate.clone(), record: Arc::clone(&self.record) })
        } else {
            Err(Gone(self.state()))
        }
    }

    /// Gives everything back. Unlike a drop it keeps the request id: a late copy of the request buys nothing.
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
    /// let request = Request::new("ann", "sku:1", 1).id("4711");
    /// let Ok(Admission::Held(reservation)) = gate.admit(&request) else { panic!("there is stock") };
    /// reservation.cancel();
    /// assert!(matches!(gate.admit(&request), Ok(Admission::Repeated(_, State::Cancelled))));
    /// ```
    pub fn cancel(self) {
        if self.gate.0.release(&self.record, State::Held, State::Cancelled) {
            self.gate.0.count(Count::Cancelled);
        }
    }
}

impl<B: Backend> Drop for Reservation<B> {
    fn drop(&mut self) {
        // Does nothing if it was committed, handed off, cancelled, or past its time.
        if self.gate.0.release(&self.record, State::Held, State::Released) {
            self.gate.0.count(Count::Released);
        }
    }
}

impl<B: Backend> Unsettled<B> {
    /// The order is in the books.
    ///
    /// If they have ended it already, and [`Gate::cancel_order`] was told, it stays cancelled.
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
    /// let ticket = reservation.unsettled()?.commit();
    /// assert_eq!(gate.state(ticket), Some(State::Committed));
    /// # Ok::<_, cache_gate::Gone>(())
    /// ```
    pub fn commit(self) -> Ticket {
        self.gate.0.commit(&self.record, State::Unknown);
        self.ticket()
    }

    /// The order is not in the books, and never will be. Everything is given back, and a repetition of the request may buy.
    ///
    /// If it is the health of the hand-off that failed, tell the breaker too: [`Gate::report`].
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
    /// reservation.unsettled()?.release();
    /// assert_eq!(gate.item("sku:1").unwrap().left, 1);
    /// # Ok::<_, cache_gate::Gone>(())
    /// ```
    pub fn release(self) {
        if self.gate.0.release(&self.record, State::Unknown, State::Released) {
            self.gate.0.count(Count::Released);
        }
    }

    /// Takes out the lease's units, to be committed with the order. Needs the feature `redis`.
    ///
    /// `None` if the item's stock is no lease, or if they were taken out before. From here on, whoever has them gives them back, by dropping
    /// them; this one still gives back the user's count and the places.
    #[cfg(feature = "redis")]
    #[cfg_attr(docsrs, doc(cfg(feature = "redis")))]
    #[must_use]
    pub fn take_leased(&self) -> Option<cache_redis::lease::Taken> {
        match &mut *lock(&self.record.goods) {
            Some(crate::Goods::Leased(taken)) => taken.take(),
            _ => None,
        }
    }
}

impl<B: Backend> Drop for Unsettled<B> {
    fn drop(&mut self) {
        if self.state() == State::Unknown {
            let gate = &self.gate.0;
            lock(&gate.doubts).insert(self.record.ticket, Arc::clone(&self.record));
            // Somebody may have ended it by its ticket meanwhile, and not have found it among the doubts.
            if self.state() != State::Unknown {
                lock(&gate.doubts).remove(&self.record.ticket);
            }
            self.gate.report(false);
        }
    }
}

/// A reservation is no longer held: it was cancelled or past its time, and everything was given back.
///
/// # Examples
///
/// ```
/// use cache_gate::{Gone, State};
/// assert_eq!(Gone(State::Released).to_string(), "the reservation is released: everything was given back");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone(pub State);

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the reservation is {}: everything was given back", self.0)
    }
}

impl Error for Gone {}
