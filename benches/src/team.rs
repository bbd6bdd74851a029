//! Threads that start together, and a clock from their release to the last finish.

use std::hint;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

/// Threads of a rayon pool that all do the same thing at the same time.
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
        let pool = ThreadPoolBuilder::new().num_threads(threads).build()?;
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
    pub fn run<P, T: Send>(
        &self,
        prepare: impl Fn(usize) -> P + Sync,
        work: impl Fn(&mut P) -> T + Sync,
    ) -> (Duration, Vec<T>) {
        let gate = Gate::new(self.threads());
        let done = self.pool.broadcast(|context| {
            let mut prepared = prepare(context.index());
            gate.wait();
            let result = work(&mut prepared);
            (Instant::now(), result)
        });
        let released = gate.released();
        let last = done.iter().map(|(finish, _)| *finish).max();
        let elapsed = last.map_or(Duration::ZERO, |last| last.duration_since(released));
        (elapsed, done.into_iter().map(|(_, result)| result).collect())
    }
}

/// Holds threads until all are there. They spin, as waking takes longer than what is measured may last.
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
        // The last to arrive leaves its own time; nobody has gone before it has counted itself.
        *released = Some(Instant::now());
        drop(released);
        // Pairs with the loads below: whoever sees 0 comes after all arrivals.
        self.missing.fetch_sub(1, Ordering::AcqRel);
        let mut turns = 0_u32;
        while self.missing.load(Ordering::Acquire) > 0 {
            turns += 1;
            // With more threads than processors, whoever is missing needs this one.
            if turns.is_multiple_of(1_000) { thread::yield_now() } else { hint::spin_loop() }
        }
    }

    fn released(&self) -> Instant {
        let released = self.released.lock().unwrap_or_else(PoisonError::into_inner);
        released.expect("every thread of the pool has been through the gate")
    }
}
