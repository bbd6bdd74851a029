use std::future;
use std::sync::{Arc, PoisonError};
use std::task::{Context as TaskContext, Poll};

use super::Loads;
use super::flight::{AnyFailure, Flight, Phase, State};
use super::waiters::Ticket;
use crate::Key;
use crate::context::{Context, LoadId, Part, new_load};
use crate::sync::{Condvar, MutexGuard};
use crate::waits::Wait;

/// The result of joining a flight.
pub(super) enum Joined<V> {
    Lead(LoadId),
    Value(Arc<V>),
    /// The load failed, and this caller shares the error.
    Failure(AnyFailure),
    /// The flight has ended without a result for this caller.
    Retry,
    /// The key was written after this flight was looked up. Look it up again.
    Stale,
    Recursive,
    /// Like `Recursive`, but the caller is not the loader: it is the `Drop` of an object that the map freed.
    Alone,
}

/// One caller's place among the waiters of a flight.
///
/// If the caller's future is dropped while it waits, this gives up the place, and wakes the next waiter if it was
/// this one's turn.
pub(super) struct Seat<'a, V, K: Key + ?Sized> {
    loads: &'a Loads<V, K>,
    flight: &'a Arc<Flight<V, K>>,
    ticket: Option<Ticket>,
    /// The rule of [`Loads`]: a caller takes the object only if it joined before the object was published, and before
    /// any write of the key.
    in_time: bool,
    wait: Option<Wait>,
}

impl<'a, V, K: Key + ?Sized> Seat<'a, V, K> {
    pub(super) fn new(loads: &'a Loads<V, K>, flight: &'a Arc<Flight<V, K>>) -> Self {
        Self { loads, flight, ticket: None, in_time: false, wait: None }
    }

    /// Takes the lead of a vacant flight, or blocks until the flight has a result.
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

    /// Takes the lead of a vacant flight, or waits until the flight has a result. Does not block the thread.
    pub(super) async fn wait(mut self, cached: impl Fn() -> Option<Arc<V>>) -> Joined<V> {
        future::poll_fn(|task| self.poll(task, &cached)).await
    }

    fn poll(&mut self, task: &mut TaskContext<'_>, cached: impl Fn() -> Option<Arc<V>>) -> Poll<Joined<V>> {
        // Wakers run code of their executor, so they are cloned and dropped outside the lock.
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

    /// Returns what this caller gets now, or its ticket if it has to wait.
    fn look(&mut self, state: &mut State<V>) -> Result<Joined<V>, Ticket> {
        match &state.phase {
            Phase::Vacant => {
                // To others, a load that waits for the flight it leads would look like a circle.
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
            // The old wait goes first, so that it is no part of a circle with the new one.
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

    /// Gives up the place of a caller that gets `joined`.
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
        // An object written meanwhile is newer. The flight keeps its own value alive, so none is dropped here.
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
        // This waiter may have been called to take the lead.
        let (ended, called) = Flight::<V, K>::pass_on(&mut state);
        drop(state);
        drop(waker);
        called.wake();
        if ended {
            self.loads.remove(self.flight);
        }
    }
}
