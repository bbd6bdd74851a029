use std::collections::BTreeMap;
use std::mem;
use std::sync::Arc;
use std::task::Waker;

use crate::sync::Condvar;

/// A waiter's number, in order of arrival at one flight.
pub(super) type Ticket = u64;

/// The threads and tasks that wait for one flight.
#[derive(Debug, Default)]
pub(super) struct Waiters {
    /// The number of tickets that have not been returned, whether their waiters sleep or not.
    seated: usize,
    next: Ticket,
    threads: BTreeMap<Ticket, Arc<Condvar>>,
    tasks: BTreeMap<Ticket, Waker>,
}

/// Waiters to wake. Waking a task runs code of its executor, so do it outside any lock.
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

    /// Adds a waiter behind all others.
    pub(super) fn seat(&mut self) -> Ticket {
        self.seated += 1;
        self.next += 1;
        self.next
    }

    /// Registers a thread, to be woken through `signal`.
    pub(super) fn sleep(&mut self, ticket: Ticket, signal: &Arc<Condvar>) {
        self.threads.insert(ticket, signal.clone());
    }

    /// Registers a task, to be woken through `waker`. Drop the returned old waker outside any lock.
    pub(super) fn pend(&mut self, ticket: Ticket, waker: Waker) -> Option<Waker> {
        self.tasks.insert(ticket, waker)
    }

    /// Removes a waiter. Drop the returned waker outside any lock.
    pub(super) fn leave(&mut self, ticket: Ticket) -> Option<Waker> {
        self.seated -= 1;
        self.threads.remove(&ticket);
        self.tasks.remove(&ticket)
    }

    /// Chooses one waiter: the first thread, or the first task if no thread waits.
    ///
    /// A woken thread always runs. A woken task needs a worker, and that worker may be one of the threads that wait here.
    pub(super) fn call_one(&mut self) -> Called {
        let mut called = Called::default();
        if let Some((_, signal)) = self.threads.pop_first() {
            called.threads.push(signal);
        } else if let Some((_, waker)) = self.tasks.pop_first() {
            called.tasks.push(waker);
        }
        called
    }

    /// Chooses all waiters.
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
