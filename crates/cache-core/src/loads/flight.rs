use std::borrow::Borrow;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use super::lock;
use crate::Key;
use crate::waits::{NOBODY, Owner, Wait, in_loader, is_in_map, map_work, this_thread};

/// One key's load, from the first miss until a loader succeeds or nobody wants it any more.
pub(super) struct Flight<V, K: Key + ?Sized> {
    key: K::Owned,
    owner: Owner,
    state: Mutex<State<V>>,
    changed: Condvar,
}

struct State<V> {
    phase: Phase<V>,
    /// The key was written since the running loader started: what it loads must not be cached.
    stale: bool,
    waiters: usize,
    /// How deep in the map's own work the leader was when it started; only its own thread reads this.
    map_work: usize,
}

enum Phase<V> {
    Running,
    /// The loaded object is on its way into the map. A write of the key waits for that, then replaces it.
    Publishing,
    /// The loader failed; the first waiter to see this runs its own.
    Vacant,
    Done(Arc<V>),
    /// Ended with nothing to give: waiters look into the map.
    Ended,
}

/// The result of joining a flight.
pub(super) enum Joined<V> {
    Lead,
    Value(Arc<V>),
    /// The flight has ended, and what it brought is not for this caller.
    Retry,
    Recursive,
    /// As `Recursive`, but no loader asked: the `Drop` of an object did, which the map ran during a load.
    Alone,
}

impl<V, K: Key + ?Sized> Flight<V, K> {
    pub(super) fn new(key: K::Owned) -> Self {
        let state = State { phase: Phase::Vacant, stale: false, waiters: 0, map_work: 0 };
        Self { key, owner: Owner::default(), state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Whether this is the load of `key`. Runs the key's `Borrow` and `Eq`.
    pub(super) fn is_of(&self, key: &K) -> bool {
        self.key.borrow() == key
    }

    /// Takes the lead if nobody has it, or waits for what the leader brings.
    pub(super) fn wait(&self, cached: impl Fn() -> Option<Arc<V>>) -> Joined<V> {
        let mut state = lock(&self.state);
        // The rule of [`Loads`](super::Loads): only who joins before the object is published, and before any
        // write of the key, may be given it.
        let in_time = matches!(state.phase, Phase::Running) && !state.stale;
        let mut wait = None;
        loop {
            match &state.phase {
                Phase::Vacant => {
                    // A thread that owned what it is registered as waiting for would be a circle to others' eyes.
                    drop(wait);
                    state.phase = Phase::Running;
                    state.stale = false;
                    state.map_work = map_work();
                    self.owner.store(this_thread(), Ordering::Release);
                    return Joined::Lead;
                }
                Phase::Ended => return Joined::Retry,
                Phase::Done(_) if !in_time => return Joined::Retry,
                Phase::Done(value) => {
                    let value = value.clone();
                    let stale = state.stale;
                    drop(wait);
                    drop(state);
                    // Whatever wrote the key meanwhile is newer still. The flight keeps `value` alive, so no
                    // object is dropped here.
                    let newer = if stale { cached() } else { None };
                    return Joined::Value(newer.unwrap_or(value));
                }
                Phase::Running | Phase::Publishing => {}
            }
            if wait.is_none() {
                wait = Wait::start(&self.owner);
                if wait.is_none() {
                    return if self.is_asked_by_the_map(&state) { Joined::Alone } else { Joined::Recursive };
                }
            }
            state.waiters += 1;
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.waiters -= 1;
        }
    }

    /// Whether the map's own work stands between the load that this thread cannot wait for and the question.
    fn is_asked_by_the_map(&self, state: &State<V>) -> bool {
        if self.owner.load(Ordering::Acquire) == this_thread() {
            map_work() > state.map_work
        } else {
            is_in_map()
        }
    }

    /// Runs the loader of a caller that was told [`Joined::Alone`].
    ///
    /// That loader asks for the key on its own account: should it do so, it is told of the recursion.
    pub(super) fn load_alone<R>(&self, load: impl FnOnce() -> R) -> R {
        struct Restore<'a, V, K: Key + ?Sized>(&'a Flight<V, K>, usize);
        impl<V, K: Key + ?Sized> Drop for Restore<'_, V, K> {
            fn drop(&mut self) {
                lock(&self.0.state).map_work = self.1;
            }
        }
        let mut state = lock(&self.state);
        let _restore = (self.owner.load(Ordering::Acquire) == this_thread()).then(|| {
            let before = state.map_work;
            state.map_work = map_work();
            Restore(self, before)
        });
        drop(state);
        in_loader(load)
    }

    /// Marks the running load as overtaken, so that its object is not in the map after the write that follows.
    pub(super) fn mark_stale(&self) {
        let mut state = lock(&self.state);
        state.stale = true;
        if !matches!(state.phase, Phase::Publishing) {
            return;
        }
        // A map may free other objects while it publishes this one, and their `Drop` may write this very key:
        // then there is nothing to wait for.
        let Some(_wait) = Wait::start(&self.owner) else {
            return;
        };
        while matches!(state.phase, Phase::Publishing) {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Starts to publish what the leader has loaded; `false` if the key was written meanwhile.
    pub(super) fn start_publishing(&self) -> bool {
        let mut state = lock(&self.state);
        if !state.stale {
            state.phase = Phase::Publishing;
        }
        !state.stale
    }

    /// Ends the flight with an object for those who joined in time.
    pub(super) fn bring(&self, value: &Arc<V>) {
        self.end(|_| Phase::Done(value.clone()));
    }

    /// Ends the flight with nothing to give.
    pub(super) fn end_with_nothing(&self) {
        self.end(|_| Phase::Ended);
    }

    /// Hands an unfinished flight over to a waiter; `false` if it has ended, or ends here as there is none.
    pub(super) fn hand_over(&self) -> bool {
        // Only the leader, which calls this, ends either phase.
        if !matches!(lock(&self.state).phase, Phase::Running | Phase::Publishing) {
            return false;
        }
        self.end(|waiters| if waiters > 0 { Phase::Vacant } else { Phase::Ended })
    }

    /// Ends the leader's part and wakes who waits; tells whether someone did.
    fn end(&self, phase: impl FnOnce(usize) -> Phase<V>) -> bool {
        let mut state = lock(&self.state);
        let waiters = state.waiters;
        self.owner.store(NOBODY, Ordering::Release);
        state.phase = phase(waiters);
        drop(state);
        self.changed.notify_all();
        waiters > 0
    }
}
