use std::future;
use std::sync::{Arc, Condvar, MutexGuard, PoisonError};
use std::task::{Context as TaskContext, Poll};

use super::Loads;
use super::flight::{AnyFailure, Flight, Phase, State};
use super::waiters::Ticket;
use crate::Key;
use crate::context::{Context, LoadId, Part, new_load};
use crate::waits::Wait;

/// The result of joining a flight.
pub(super) enum Joined<V> {
    Lead(LoadId),
    Value(Arc<V>),
    /// The load failed, for all who waited for it.
    Failure(AnyFailure),
    /// The flight has ended, and what it brought is not for this caller.
    Retry,
    /// The key was written while this flight was looked up: there is another flight to join, or to start.
    Stale,
    Recursive,
    /// As `Recursive`, but no loader asked: the `Drop` of an object did, which the map ran during a load.
    Alone,
}

/// One caller's place among those who wait for a flight.
///
/// Dropped before the flight has brought anything, as when the caller's future is dropped, it leaves its place to the
/// next.
pub(super) struct Seat<'a, V, K: Key + ?Sized> {
    loads: &'a Loads<V, K>,
    flight: &'a Arc<Flight<V, K>>,
    ticket: Option<Ticket>,
    /// The rule of [`Loads`]: only who joins before the object is published, and before any write of the key, may be
    /// given it.
    in_time: bool,
    wait: Option<Wait>,
}

impl<'a, V, K: Key + ?Sized> Seat<'a, V, K> {
    pub(super) fn new(loads: &'a Loads<V, K>, flight: &'a Arc<Flight<V, K>>) -> Self {
        Self { loads, flight, ticket: None, in_time: false, wait: None }
    }

    /// Takes the lead if nobody has it, or blocks until the leader brings something.
    pub(super) fn block(mut self, cached: impl Fn() -> Option<Arc<V>>) -> Joined<V> {
        let mut signal = None;
        let mut state = self.flight.state();
        let joined = loop {
            let ticket = match self.look(&mut state) {
                Ok(joined) => break joined,
                Err(ticket) => ticket,
            };
            let signal: &Arc<Condvar> = signal.get_or_insert_default();
            state.waiters.sleep(ticket, signal);
            state = signal.wait(state).unwrap_or_else(PoisonError::into_inner);
        };
        self.leave(state, joined, cached)
    }

    /// Takes the lead if nobody has it, or waits until the leader brings something, blocking no thread.
    pub(super) async fn wait(mut self, cached: impl Fn() -> Option<Arc<V>>) -> Joined<V> {
        future::poll_fn(|task| self.poll(task, &cached)).await
    }

    fn poll(&mut self, task: &mut TaskContext<'_>, cached: impl Fn() -> Option<Arc<V>>) -> Poll<Joined<V>> {
        // A waker is foreign code. It is cloned and dropped under no lock.
        let waker = task.waker().clone();
        let mut state = self.flight.state();
        match self.look(&mut state) {
            Ok(joined) => Poll::Ready(self.leave(state, joined, cached)),
            Err(ticket) => {
                let before = state.waiters.pend(ticket, waker);
                drop(state);
                drop(before);
                Poll::Pending
            }
        }
    }

    /// What the flight has for this caller now, or else the ticket to wait with.
    fn look(&mut self, state: &mut State<V>) -> Result<Joined<V>, Ticket> {
        match &state.phase {
            Phase::Vacant => {
                // A load that is registered as waiting for what it leads would be a circle to others' eyes.
                self.wait = None;
                let load = new_load();
                self.flight.take_lead(state, load);
                return Ok(Joined::Lead(load));
            }
            Phase::Done(value) if self.in_time => return Ok(Joined::Value(value.clone())),
            Phase::Failed(failure) if self.in_time => return Ok(Joined::Failure(failure.clone())),
            Phase::Done(_) | Phase::Failed(_) | Phase::Ended => return Ok(Joined::Retry),
            Phase::Running if state.stale && self.ticket.is_none() => return Ok(Joined::Stale),
            Phase::Running | Phase::Publishing => {}
        }
        let context = Context::current();
        if !self.wait.as_ref().is_some_and(|wait| wait.is_of(&context)) {
            // The old one first: a wait cannot be in a circle with itself.
            self.wait = None;
            match Wait::start(context, &self.flight.owner) {
                Ok(wait) => self.wait = Some(wait),
                Err(Part::Loader) => return Ok(Joined::Recursive),
                Err(Part::Map) => return Ok(Joined::Alone),
            }
        }
        Err(*self.ticket.get_or_insert_with(|| {
            self.in_time = matches!(state.phase, Phase::Running);
            state.waiters.seat()
        }))
    }

    /// Gives up the place of one who is told `joined`.
    fn leave(
        &mut self,
        mut state: MutexGuard<'_, State<V>>,
        joined: Joined<V>,
        cached: impl Fn() -> Option<Arc<V>>,
    ) -> Joined<V> {
        let waker = self.ticket.take().and_then(|ticket| state.waiters.leave(ticket));
        let stale = state.stale;
        drop(state);
        drop(waker);
        self.wait = None;
        // Whatever wrote the key meanwhile is newer still. The flight keeps its value alive, so no object is dropped
        // here.
        match joined {
            Joined::Value(_) | Joined::Failure(_) if stale => cached().map_or(joined, Joined::Value),
            joined => joined,
        }
    }
}

impl<V, K: Key + ?Sized> Drop for Seat<'_, V, K> {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket.take() else { return };
        let mut state = self.flight.state();
        let waker = state.waiters.leave(ticket);
        // It may have been called to take the lead, and is not going to.
        let (ended, called) = Flight::<V, K>::pass_on(&mut state);
        drop(state);
        drop(waker);
        called.wake();
        if ended {
            self.loads.remove(self.flight);
        }
    }
}
