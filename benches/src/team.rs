//! Threads that start together, and a clock from their release to the last finish.

use std::hint;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

/// Threads of a rayon pool that all do the same thing at the same time.
///
/// On Linux each has a processor of its own, as long as there are enough: two that the scheduler puts on one processor
/// for a moment take turns instead of running at once, and a contended lock then looks twice as fast. Which processors
/// there are is what this process may use, so `taskset` and `numactl` choose them. One thread alone is left to the
/// scheduler, which takes it away from a processor that something else needs.
///
/// # Examples
///
/// ```
/// use hotcache_bench::team::Team;
///
/// let team = Team::new(2)?;
/// let (elapsed, squares) = team.run(|thread| thread, |thread| *thread * *thread);
/// assert_eq!(squares, [0, 1]);
/// assert!(elapsed.as_secs() < 1);
/// # Ok::<(), rayon::ThreadPoolBuildError>(())
/// ```
#[derive(Debug)]
pub struct Team {
    pool: ThreadPool,
}

impl Team {
    /// A team of this many threads.
    ///
    /// # Errors
    ///
    /// If the system gives it no threads.
    pub fn new(threads: usize) -> Result<Self, ThreadPoolBuildError> {
        let processors = if threads > 1 { pin::processors() } else { Vec::new() };
        let pinned = move |thread: usize| {
            if threads <= processors.len() {
                pin::to(processors[thread]);
            }
        };
        let pool = ThreadPoolBuilder::new().num_threads(threads).start_handler(pinned).build()?;
        Ok(Self { pool })
    }

    /// The number of threads.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.pool.current_num_threads()
    }

    /// Has each thread prepare, then releases all of them at once to work.
    ///
    /// Returns the time from the release to the last finish, and what each thread's work returned. What was
    /// prepared is dropped after the clock has stopped.
    pub fn run<P: Send, T: Send>(
        &self,
        prepare: impl Fn(usize) -> P + Sync,
        work: impl Fn(&mut P) -> T + Sync,
    ) -> (Duration, Vec<T>) {
        let prepare = |thread| (prepare(thread), None);
        let (elapsed, done) =
            self.run_legs(1, prepare, |_, _| (), |(prepared, result), _| *result = Some(work(prepared)));
        let results = done.into_iter().map(|(_, result)| result.expect("there is one leg"));
        (elapsed, results.collect())
    }

    /// Has each thread prepare, and then do its work in legs: before each of them it is made ready, and all are released
    /// at once.
    ///
    /// Returns the time of all legs, each from its release to its last finish, and what was prepared.
    pub fn run_legs<P: Send>(
        &self,
        legs: usize,
        prepare: impl Fn(usize) -> P + Sync,
        ready: impl Fn(&mut P, usize) + Sync,
        work: impl Fn(&mut P, usize) + Sync,
    ) -> (Duration, Vec<P>) {
        let gates: Vec<_> = (0..legs).map(|_| Gate::new(self.threads())).collect();
        let done = self.pool.broadcast(|context| {
            let mut prepared = prepare(context.index());
            let finishes = gates.iter().enumerate().map(|(leg, gate)| {
                ready(&mut prepared, leg);
                gate.wait();
                work(&mut prepared, leg);
                Instant::now()
            });
            let finishes: Vec<_> = finishes.collect();
            (finishes, prepared)
        });
        let last = |leg: usize| done.iter().map(|(finishes, _)| finishes[leg]).max();
        let legs = gates.iter().enumerate().filter_map(|(leg, gate)| Some(last(leg)? - gate.released()));
        (legs.sum(), done.into_iter().map(|(_, prepared)| prepared).collect())
    }
}

/// A barrier for the threads. They spin, because waking a thread may take longer than the measured operation.
struct Gate {
    missing: AtomicUsize,
    released: Mutex<Option<Instant>>,
}

impl Gate {
    fn new(threads: usize) -> Self {
        Self { missing: AtomicUsize::new(threads), released: Mutex::new(None) }
    }

    fn wait(&self) {
        let mut released = self.released.lock().unwrap_or_else(PoisonError::into_inner);
        // The last thread to arrive stores its time. No thread starts before the last one has been counted.
        *released = Some(Instant::now());
        drop(released);
        // Pairs with the loads below: a thread that sees 0 comes after all arrivals.
        self.missing.fetch_sub(1, Ordering::AcqRel);
        let mut turns = 0_u32;
        while self.missing.load(Ordering::Acquire) > 0 {
            turns += 1;
            // With more threads than processors, a missing thread needs this processor.
            if turns.is_multiple_of(1_000) { thread::yield_now() } else { hint::spin_loop() }
        }
    }

    fn released(&self) -> Instant {
        let released = self.released.lock().unwrap_or_else(PoisonError::into_inner);
        released.expect("every thread of the pool has been through the gate")
    }
}

#[cfg(target_os = "linux")]
mod pin {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    /// The processors that this process may use; none if the system does not tell.
    pub(super) fn processors() -> Vec<usize> {
        let allowed = sched_getaffinity(None).unwrap_or_default();
        (0..CpuSet::MAX_CPU).filter(|processor| allowed.is_set(*processor)).collect()
    }

    /// Keeps the calling thread on one processor; a system that refuses leaves it to the scheduler.
    pub(super) fn to(processor: usize) {
        let mut only = CpuSet::new();
        only.set(processor);
        let _ = sched_setaffinity(None, &only);
    }
}

#[cfg(not(target_os = "linux"))]
mod pin {
    pub(super) fn processors() -> Vec<usize> {
        Vec::new()
    }

    pub(super) fn to(_processor: usize) {}
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use rustix::thread::sched_getaffinity;

    use super::*;

    #[test]
    fn threads_have_a_processor_each_while_there_are_enough() {
        let processors = pin::processors();
        let (_, allowed) = Team::new(processors.len())
            .expect("threads")
            .run(|_| (), |()| sched_getaffinity(None).map_or(0, |allowed| allowed.count() as usize));
        let each = if processors.len() > 1 { 1 } else { processors.len() };
        assert_eq!(allowed, vec![each; processors.len()]);
        let more = processors.len() + 1;
        let (_, allowed) = Team::new(more)
            .expect("threads")
            .run(|_| (), |()| sched_getaffinity(None).map_or(0, |allowed| allowed.count() as usize));
        assert_eq!(allowed, vec![processors.len(); more], "more threads than processors share all of them");
    }
}
