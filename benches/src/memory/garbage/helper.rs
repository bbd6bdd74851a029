use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result, bail};

/// A thread that stays alive between the jobs it is given.
///
/// A job that has ended leaves nothing allocated, so the count of live bytes shows the map alone.
pub(super) struct Helper {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
enum State {
    #[default]
    Idle,
    Given(Job),
    Working,
    Panicked,
    Leaving,
}

type Job = Box<dyn FnOnce() + Send>;

impl Helper {
    /// This many threads.
    pub(super) fn team(count: usize) -> Vec<Self> {
        (0..count).map(|_| Self::start()).collect()
    }

    fn start() -> Self {
        let shared = Arc::new(Shared::default());
        let of_thread = Arc::clone(&shared);
        Self { shared, thread: Some(thread::spawn(move || of_thread.work())) }
    }

    /// Gives the thread a job, and does not wait for its end.
    pub(super) fn begin(&self, job: impl FnOnce() + Send + 'static) {
        self.shared.turn_to(State::Given(Box::new(job)));
    }

    /// Waits until the thread has done its job.
    pub(super) fn wait(&self) -> Result<()> {
        let mut state = self.shared.lock();
        loop {
            match *state {
                State::Idle | State::Leaving => return Ok(()),
                State::Panicked => bail!("a thread panicked at its job"),
                State::Given(_) | State::Working => state = self.shared.wait(state),
            }
        }
    }

    /// Has the thread do a job, and returns its result.
    pub(super) fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let result = Arc::new(Mutex::new(None));
        let of_job = Arc::clone(&result);
        self.begin(move || {
            let done = job();
            *of_job.lock().unwrap_or_else(PoisonError::into_inner) = Some(done);
        });
        self.wait()?;
        let done = result.lock().unwrap_or_else(PoisonError::into_inner).take();
        done.context("a job that ended without a result")
    }
}

impl Shared {
    fn work(&self) {
        loop {
            let mut state = self.lock();
            match std::mem::replace(&mut *state, State::Working) {
                State::Given(job) => {
                    drop(state);
                    let on_panic = Panicking(self);
                    job();
                    std::mem::forget(on_panic);
                    self.turn_to(State::Idle);
                }
                State::Leaving => return,
                other => {
                    *state = other;
                    drop(self.wait(state));
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    fn turn_to(&self, next: State) {
        *self.lock() = next;
        self.changed.notify_all();
    }
}

/// Records that a job is unwinding, so that no thread waits for its end.
struct Panicking<'a>(&'a Shared);

impl Drop for Panicking<'_> {
    fn drop(&mut self) {
        self.0.turn_to(State::Panicked);
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        self.shared.turn_to(State::Leaving);
        if let Some(thread) = self.thread.take() {
            // The waiter of the job has got a panic.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Helper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Helper").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_are_done_one_after_another_by_one_thread() {
        let team = Helper::team(2);
        let id = |helper: &Helper| helper.run(|| thread::current().id()).expect("no panic");
        assert_eq!(id(&team[0]), id(&team[0]));
        assert_ne!(id(&team[0]), id(&team[1]));
    }

    #[test]
    fn a_panic_is_told() {
        let team = Helper::team(1);
        let panicked = team[0].run::<()>(|| panic!("on purpose"));
        assert!(panicked.expect_err("it panicked").to_string().contains("panicked"));
    }
}
