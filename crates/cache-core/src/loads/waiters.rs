use std::collections::BTreeMap;
use std::mem;
use std::sync::{Arc, Condvar};
use std::task::Waker;

/// The number of a waiter in the order of arrival at one flight.
pub(super) type Ticket = u64;

/// Who waits for a flight, threads and tasks.
#[derive(Debug, Default)]
pub(super) struct Waiters {
    /// How many have a ticket, asleep or not.
    seated: usize,
    next: Ticket,
    threads: BTreeMap<Ticket, Arc<Condvar>>,
    tasks: BTreeMap<Ticket, Waker>,
}

/// Waiters that were chosen to be woken. Waking a task runs its executor's code, so it is done under no lock.
#[must_use]
#[derive(Debug, Default)]
pub(super) struct Called {
    threads: Vec<Arc<Condvar>>,
    tasks: Vec<Waker>,
}

impl Waiters {
    pub(super) fn is_empty(&self) -> bool {
        self.seated == 0
    }

    /// Takes a new waiter in, behind all others.
    pub(super) fn seat(&mut self) -> Ticket {
        self.seated += 1;
        self.next += 1;
        self.next
    }

    /// Has a thread woken through `signal`.
    pub(super) fn sleep(&mut self, ticket: Ticket, signal: &Arc<Condvar>) {
        self.threads.insert(ticket, signal.clone());
    }

    /// Has a task woken through `waker`; returns the waker it had before, to be dropped under no lock.
    pub(super) fn pend(&mut self, ticket: Ticket, waker: Waker) -> Option<Waker> {
        self.tasks.insert(ticket, waker)
    }

    /// Lets a waiter go; returns its waker, to be dropped under no lock.
    pub(super) fn leave(&mut self, ticket: Ticket) -> Option<Waker> {
        self.seated -= 1;
        self.threads.remove(&ticket);
        self.tasks.remove(&ticket)
    }

    /// Chooses one: the thread that came first, or else the task that came first.
    ///
    /// A thread that is woken goes on. A task may have to wait for a worker of its runtime, and that may be one of the
    /// threads that wait here.
    pub(super) fn call_one(&mut self) -> Called {
        let mut called = Called::default();
        if let Some((_, signal)) = self.threads.pop_first() {
            called.threads.push(signal);
        } else if let Some((_, waker)) = self.tasks.pop_first() {
            called.tasks.push(waker);
        }
        called
    }

    /// Chooses all.
    pub(super) fn call_all(&mut self) -> Called {
        let threads = mem::take(&mut self.threads).into_values().collect();
        Called { threads, tasks: mem::take(&mut self.tasks).into_values().collect() }
    }
}

impl Called {
    pub(super) fn wake(self) {
        for signal in self.threads {
            signal.notify_one();
        }
        for waker in self.tasks {
            waker.wake();
        }
    }
}
