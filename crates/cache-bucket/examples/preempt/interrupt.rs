//! Interrupts: each thread has a timer. Its signal handler waits inside the operation until the thread is released.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use crate::futex;
use crate::kind::Kind;
use crate::timer;

/// The greatest number of threads that are interrupted at once.
pub(crate) const SLOTS: usize = 3;

/// The slots of all threads. They are static, because a signal may arrive after its timer is gone.
static ALL: [Slot; SLOTS] = [const { Slot::new() }; SLOTS];

/// Counts the actions of other threads. A handler waits while the count increases.
static PROGRESS: AtomicU64 = AtomicU64::new(0);
/// Whether a long operation is in progress.
static SLOW: AtomicBool = AtomicBool::new(false);

/// How often a handler checks without progress before it gives up: the director may wait for a lock that the
/// interrupted thread holds. On one processor it checks only when every other thread waits or yields.
const LOOKS: u32 = 100;
/// How often a handler checks where threads run in parallel.
const LOOKS_BESIDE: u32 = 1000;
/// How often a handler checks during a long operation that yields.
const LOOKS_SLOW: u32 = 4000;
/// How long a handler waits without progress, if other programs have the processor.
const PATIENCE: Duration = Duration::from_millis(5);

/// Whether the threads share a processor.
static TOGETHER: AtomicBool = AtomicBool::new(false);

/// Sets whether the threads share a processor.
pub(crate) fn together(together: bool) {
    TOGETHER.store(together, Ordering::Relaxed);
}

/// Yields the processor to another thread. A signal handler may call this.
fn yield_now() {
    // SAFETY: the call has no arguments.
    unsafe { libc::sched_yield() };
}

/// Reads the clock. A signal handler may call this.
fn time() -> Duration {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a value of our own.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut now) };
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// Tells the handlers that an action was done.
pub(crate) fn note_progress() {
    PROGRESS.fetch_add(1, Ordering::Relaxed);
}

/// The number of actions that were done.
pub(crate) fn progress() -> u64 {
    PROGRESS.load(Ordering::Relaxed)
}

/// Sets whether the next action takes long.
pub(crate) fn slow(slow: bool) {
    SLOW.store(slow, Ordering::Relaxed);
}

/// The state of a thread, in its slot's `state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum State {
    /// The thread waits for work, or is done with it.
    Done,
    /// The thread was given work, and arms its timer.
    Ready,
    /// The thread is in an operation.
    Inside,
    /// The thread is interrupted in an operation.
    Held,
}

/// The data that a thread and its handler share with other threads.
pub(crate) struct Slot {
    state: AtomicU32,
    /// The kind of the current operation.
    kind: AtomicUsize,
    /// How many more times the operation is interrupted, and after how many nanoseconds.
    again: AtomicU32,
    again_after: AtomicU64,
    pub(crate) timer: AtomicUsize,
    /// Whether a signal came before the operation began.
    early: AtomicBool,
    /// Whether a signal came during the operation.
    hit: AtomicBool,
    gave_up: AtomicU64,
    hits: [AtomicU64; Kind::COUNT],
}

impl Slot {
    const fn new() -> Self {
        Self {
            state: AtomicU32::new(State::Done as u32),
            kind: AtomicUsize::new(0),
            again: AtomicU32::new(0),
            again_after: AtomicU64::new(0),
            timer: AtomicUsize::new(0),
            early: AtomicBool::new(false),
            hit: AtomicBool::new(false),
            gave_up: AtomicU64::new(0),
            hits: [const { AtomicU64::new(0) }; Kind::COUNT],
        }
    }

    /// The slot of a thread.
    pub(crate) fn of(thread: usize) -> &'static Slot {
        &ALL[thread]
    }

    pub(crate) fn is(&self, state: State) -> bool {
        self.state.load(Ordering::Acquire) == state as u32
    }

    pub(crate) fn set(&self, state: State) {
        self.state.store(state as u32, Ordering::Release);
    }

    /// Begins an operation: the thread may be interrupted from now on.
    pub(crate) fn enter(&self, kind: Kind) {
        self.kind.store(kind as usize, Ordering::Relaxed);
        self.set(State::Inside);
    }

    /// Ends the operation.
    pub(crate) fn leave(&self) {
        self.set(State::Ready);
    }

    /// Releases an interrupted thread.
    pub(crate) fn release(&self) {
        if self.pass(State::Held, State::Inside) {
            futex::wake(&self.state);
        }
    }

    /// Sets the state of the thread, and wakes the threads that wait for it.
    pub(crate) fn tell(&self, state: State) {
        self.set(state);
        futex::wake(&self.state);
    }

    /// Sleeps until the state is one of `wanted`; `false` after a long time.
    ///
    /// Each sleep is long: with a shorter one, some systems take longer to set the clock than to run a cycle.
    pub(crate) fn await_any(&self, wanted: &[State]) -> bool {
        let is_wanted = |state: u32| wanted.iter().any(|wanted| *wanted as u32 == state);
        for _ in 0..30 {
            let state = self.state.load(Ordering::Acquire);
            if is_wanted(state) {
                return true;
            }
            futex::wait(&self.state, state, Duration::from_secs(1));
        }
        false
    }

    fn pass(&self, from: State, to: State) -> bool {
        let (from, to) = (from as u32, to as u32);
        self.state.compare_exchange(from, to, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// Waits as if interrupted. The closures of operations call this.
    pub(crate) fn stay(&self) {
        if self.pass(State::Inside, State::Held) {
            self.count();
            self.wait();
        }
    }

    fn count(&self) {
        self.hit.store(true, Ordering::Relaxed);
        self.hits[self.kind.load(Ordering::Relaxed)].fetch_add(1, Ordering::Relaxed);
    }

    /// Waits until the thread is released, or others seem to wait for it. The handler calls this: it reads atomics
    /// and the clock, and yields.
    fn wait(&self) {
        futex::wake(&self.state);
        let (mut seen, mut since, mut looks) = (progress(), time(), 0);
        while self.is(State::Held) {
            yield_now();
            let now = progress();
            if now != seen {
                (seen, since, looks) = (now, time(), 0);
                continue;
            }
            looks += 1;
            let most = match () {
                () if SLOW.load(Ordering::Relaxed) => LOOKS_SLOW,
                () if TOGETHER.load(Ordering::Relaxed) => LOOKS,
                () => LOOKS_BESIDE,
            };
            let stuck = looks > most || time().saturating_sub(since) > PATIENCE;
            if stuck && self.pass(State::Held, State::Inside) {
                self.gave_up.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Whether the thread was interrupted since [`outcome`](Self::outcome) was last asked for.
    pub(crate) fn was_hit(&self) -> bool {
        self.hit.load(Ordering::Relaxed)
    }

    /// Interrupts the thread `times` more times in its next operation, each time `after` nanoseconds later.
    pub(crate) fn interrupt_again(&self, times: u32, after: u64) {
        self.again_after.store(after, Ordering::Relaxed);
        self.again.store(times, Ordering::Relaxed);
    }

    /// Returns whether a signal came before the operation, and whether one came during it, since the last call.
    pub(crate) fn outcome(&self) -> (bool, bool) {
        (self.early.swap(false, Ordering::Relaxed), self.hit.swap(false, Ordering::Relaxed))
    }

    /// Handles the timer's signal.
    pub(crate) fn interrupted(&self) {
        if self.pass(State::Inside, State::Held) {
            self.count();
            self.wait();
            let more = self.again.load(Ordering::Relaxed);
            if more > 0 {
                self.again.store(more - 1, Ordering::Relaxed);
                // A signal handler may make this call.
                timer::arm(
                    self.timer.load(Ordering::Relaxed) as libc::timer_t,
                    self.again_after.load(Ordering::Relaxed),
                );
            }
        } else if self.is(State::Ready) {
            self.early.store(true, Ordering::Relaxed);
        }
    }
}

/// How often each kind of operation was interrupted, and how often a handler gave up.
pub(crate) fn counts() -> ([u64; Kind::COUNT], u64) {
    let sum = |of: &dyn Fn(&Slot) -> u64| ALL.iter().map(of).sum();
    let hits = std::array::from_fn(|kind| sum(&|slot: &Slot| slot.hits[kind].load(Ordering::Relaxed)));
    (hits, sum(&|slot: &Slot| slot.gave_up.load(Ordering::Relaxed)))
}
