//! Threads that start together, and a barrier that does not outlive a panic.

use std::panic;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Looks before a thread goes to sleep: enough for a partner that runs, too few to matter if it does not.
const SPINS: usize = 500;

/// What a thread did before it left this, whoever sees it then comes after.
///
/// Joining a thread says the same, but in the standard library, which ThreadSanitizer is not built into: it would
/// take the end of a test for a race with the threads that it has joined.
#[derive(Debug, Default)]
pub(crate) struct Ended(AtomicUsize);

impl Ended {
    /// The last thing that a thread does.
    pub(crate) fn leave(&self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }

    /// The first thing after the threads are joined.
    pub(crate) fn see(&self) {
        self.0.load(Ordering::Acquire);
    }
}

/// Runs `body(0)` to `body(threads - 1)` at once, each on its own thread, and returns what they return.
///
/// A panic in one becomes the caller's, once all have ended. ThreadSanitizer sees that they have, unlike with a scope.
///
/// # Panics
///
/// As `body` does.
///
/// # Examples
///
/// ```
/// assert_eq!(cache_testkit::together(3, |index| 2 * index), [0, 2, 4]);
/// ```
pub fn together<R: Send>(threads: usize, body: impl Fn(usize) -> R + Sync) -> Vec<R> {
    let start = Meeting::new(threads);
    let ended = Ended::default();
    let (body, start, leaving) = (&body, &start, &ended);
    let results: Vec<_> = thread::scope(|scope| {
        let handles: Vec<_> = (0..threads)
            .map(|index| {
                scope.spawn(move || {
                    start.wait();
                    let result = body(index);
                    leaving.leave();
                    result
                })
            })
            .collect();
        handles.into_iter().map(|handle| handle.join()).collect()
    });
    ended.see();
    results.into_iter().map(|result| result.unwrap_or_else(|payload| panic::resume_unwind(payload))).collect()
}

/// Repeats a look until it gives something, or the limit passes.
pub(crate) fn eventually<R>(limit: Duration, mut look: impl FnMut() -> Option<R>) -> Option<R> {
    let end = Instant::now() + limit;
    loop {
        if let Some(found) = look() {
            return Some(found);
        }
        if Instant::now() >= end {
            return None;
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// A barrier that spins before it sleeps, because a wake-up takes longer than the windows it separates.
///
/// Unlike [`std::sync::Barrier`] it lets go when a thread panics between two meetings, so that the panic is
/// reported instead of waited out.
#[derive(Debug)]
pub(crate) struct Meeting {
    threads: usize,
    arrived: AtomicUsize,
    meetings: AtomicUsize,
    broken: AtomicBool,
    /// Held to change `meetings` and `broken`, so that nobody goes to sleep on a change.
    asleep: Mutex<()>,
    changed: Condvar,
}

/// Breaks the meeting off if it is dropped by a panic.
pub(crate) struct Attendance<'a>(&'a Meeting);

impl Meeting {
    pub(crate) fn new(threads: usize) -> Self {
        Self {
            threads,
            arrived: AtomicUsize::new(0),
            meetings: AtomicUsize::new(0),
            broken: AtomicBool::new(false),
            asleep: Mutex::new(()),
            changed: Condvar::new(),
        }
    }

    /// To be held by each thread for as long as others may wait for it.
    pub(crate) fn attend(&self) -> Attendance<'_> {
        Attendance(self)
    }

    /// Waits until all threads have come; returns early if one never will.
    pub(crate) fn wait(&self) {
        let meeting = self.meetings.load(Ordering::Acquire);
        if self.arrived.fetch_add(1, Ordering::AcqRel) + 1 == self.threads {
            self.arrived.store(0, Ordering::Release);
            self.tell(|| {
                self.meetings.fetch_add(1, Ordering::Release);
            });
            return;
        }
        let goes_on = || self.meetings.load(Ordering::Acquire) == meeting && !self.is_broken();
        for _ in 0..SPINS {
            if !goes_on() {
                return;
            }
            std::hint::spin_loop();
        }
        // Where other programs want the cores, whoever sleeps is woken sooner than whoever yields is let in again.
        let mut asleep = self.lock();
        while goes_on() {
            asleep = self.changed.wait(asleep).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Whether a thread panicked while it attended.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Acquire)
    }

    fn tell(&self, change: impl FnOnce()) {
        let asleep = self.lock();
        change();
        drop(asleep);
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, ()> {
        self.asleep.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Attendance<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.tell(|| self.0.broken.store(true, Ordering::Release));
        }
    }
}

/// Sets a flag when it is dropped, by a panic too: for others who go on until then.
pub(crate) struct RaiseAtEnd<'a>(pub(crate) &'a AtomicBool);

impl Drop for RaiseAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Repeats `work` on a thread of its own for as long as `body` runs.
pub(crate) fn beside<R>(mut work: impl FnMut() + Send, body: impl FnOnce() -> R) -> R {
    let stop = AtomicBool::new(false);
    let ended = Ended::default();
    let result = thread::scope(|scope| {
        // Also when `body` panics: the scope waits for the thread before it passes the panic on.
        let _stop = RaiseAtEnd(&stop);
        scope.spawn(|| {
            while !stop.load(Ordering::Acquire) {
                work();
            }
            ended.leave();
        });
        body()
    });
    ended.see();
    result
}
