use std::any::Any;
use std::borrow::Borrow;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use super::lock;
use super::waiters::{Called, Waiters};
use crate::Key;
use crate::context::{Context, LoadId, NO_LOAD, Part};
use crate::seeded;
use crate::sync::{Condvar, Mutex, MutexGuard};
use crate::waits::{Owner, Wait};

/// The error of a failed loader, of any type.
pub(super) type AnyFailure = Arc<dyn Any + Send + Sync>;

/// One load of a key, from the first miss until it ends. If its loader panics or is dropped, another one takes over.
pub(super) struct Flight<V, K: Key + ?Sized> {
    key: K::Owned,
    pub(super) owner: Owner,
    state: Mutex<State<V>>,
    /// Notified at the end of [`Phase::Publishing`], for writers of the key.
    published: Condvar,
}

pub(super) struct State<V> {
    pub(super) phase: Phase<V>,
    /// The key was written after the running loader started. Its object must not be cached, no caller joins any more,
    /// and the flight ends with this loader.
    pub(super) stale: bool,
    pub(super) waiters: Waiters,
}

pub(super) enum Phase<V> {
    /// There is no leader: the flight is new, or its loader panicked or was dropped. The first caller to see this
    /// takes the lead.
    Vacant,
    Running,
    /// The loaded object is on its way into the map. A write of the key waits for that, then replaces it.
    Publishing,
    Done(Arc<V>),
    Failed(AnyFailure),
    /// Ended without a result. Waiters look the key up in the map.
    Ended,
}

impl<V, K: Key + ?Sized> Flight<V, K> {
    pub(super) fn new(key: K::Owned) -> Self {
        let state = State { phase: Phase::Vacant, stale: false, waiters: Waiters::default() };
        Self { key, owner: Owner::default(), state: Mutex::new(state), published: Condvar::new() }
    }

    /// Whether this is the load of `key`. Runs the key's `Borrow` and `Eq`.
    pub(super) fn is_of(&self, key: &K) -> bool {
        self.key.borrow() == key
    }

    /// Whether the key was written after the running loader started.
    pub(super) fn is_stale(&self) -> bool {
        lock(&self.state).stale
    }

    /// Whether the loader of this flight is running the calling code.
    pub(super) fn is_led_here(&self) -> bool {
        Context::current().part_of(self.led()) == Some(Part::Loader)
    }

    /// The load that leads this flight, or [`NO_LOAD`].
    pub(super) fn led(&self) -> LoadId {
        self.owner.load(Ordering::Acquire)
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State<V>> {
        lock(&self.state)
    }

    /// Makes `load` the leader.
    pub(super) fn take_lead(&self, state: &mut State<V>, load: LoadId) {
        state.phase = Phase::Running;
        self.owner.store(load, Ordering::Release);
    }

    /// Makes `load` the leader if there is none. Never waits.
    pub(super) fn try_lead(&self, load: LoadId) -> bool {
        let mut state = lock(&self.state);
        let vacant = matches!(state.phase, Phase::Vacant) || seeded::bug("lead-taken");
        if vacant {
            self.take_lead(&mut state, load);
        }
        vacant
    }

    /// Marks a running load as stale, so that its object is not in the map after the write that follows.
    pub(super) fn mark_stale(&self) {
        let mut state = lock(&self.state);
        match state.phase {
            Phase::Running => state.stale = true,
            Phase::Publishing => {
                state.stale = true;
                // The map may free other objects while it publishes this one, and their `Drop` may write this very
                // key. Waiting would never end then.
                let Ok(_wait) = Wait::start(Context::current(), &self.owner) else {
                    return;
                };
                while matches!(state.phase, Phase::Publishing) {
                    state = self.published.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
            }
            // The next loader starts after this call, so it sees the write.
            Phase::Vacant => {}
            Phase::Done(_) | Phase::Failed(_) | Phase::Ended => {}
        }
    }

    /// Starts to publish the loaded object; `false` if the key has been written since the loader started.
    pub(super) fn start_publishing(&self) -> bool {
        let mut state = lock(&self.state);
        let publish = !state.stale || seeded::bug("publish-stale");
        if publish {
            state.phase = Phase::Publishing;
        }
        publish
    }

    /// Ends the flight with an object for the callers who joined in time.
    pub(super) fn bring(&self, value: &Arc<V>) {
        self.end(|_| Phase::Done(value.clone()));
    }

    /// Ends the flight with an error for the callers who joined in time. Keeps no reference to it if there are no
    /// waiters.
    pub(super) fn fail<E: Send + Sync + 'static>(&self, failure: &Arc<E>) {
        self.end(|waiters| if waiters.is_empty() { Phase::Ended } else { Phase::Failed(failure.clone()) });
    }

    /// Ends the flight without a result.
    pub(super) fn end_with_nothing(&self) {
        self.end(|_| Phase::Ended);
    }

    /// Hands an unfinished flight over to a waiter. Returns `false` if it has ended, or ends now.
    pub(super) fn hand_over(&self) -> bool {
        // Only the leader ends these phases, and only the leader calls this.
        if !matches!(lock(&self.state).phase, Phase::Running | Phase::Publishing) {
            return false;
        }
        // If the key was written, a newer flight of it may have started. The waiters join that one.
        self.end_as(
            |state| {
                if state.stale || state.waiters.is_empty() { Phase::Ended } else { Phase::Vacant }
            },
        )
    }

    /// Wakes the next waiter of a vacant flight, or ends the flight if there are no waiters. Returns whether the
    /// flight ended.
    pub(super) fn pass_on(state: &mut State<V>) -> (bool, Called) {
        match state.phase {
            Phase::Vacant if state.waiters.is_empty() => {
                state.phase = Phase::Ended;
                (true, Called::default())
            }
            Phase::Vacant if seeded::bug("waiter-gone") => (false, Called::default()),
            Phase::Vacant => (false, state.waiters.call_one()),
            _ => (false, Called::default()),
        }
    }

    fn end(&self, phase: impl FnOnce(&Waiters) -> Phase<V>) {
        self.end_as(|state| phase(&state.waiters));
    }

    /// Ends the leader's part and wakes waiters. Returns whether the flight goes on.
    fn end_as(&self, phase: impl FnOnce(&State<V>) -> Phase<V>) -> bool {
        let mut state = lock(&self.state);
        self.owner.store(NO_LOAD, Ordering::Release);
        state.phase = phase(&state);
        let goes_on = matches!(state.phase, Phase::Vacant);
        let called = match goes_on {
            true if seeded::bug("hand-over-unsaid") => Called::default(),
            true => state.waiters.call_one(),
            false => state.waiters.call_all(),
        };
        drop(state);
        self.published.notify_all();
        called.wake();
        goes_on
    }
}
