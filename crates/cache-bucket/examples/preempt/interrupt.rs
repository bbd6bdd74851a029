//! Interrupts: each thread has a timer, whose signal handler waits inside the operation until it is let go.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use crate::futex;
use crate::kind::Kind;
use crate::timer;

/// Threads that are interrupted at once, at most.
pub(crate) const SLOTS: usize = 3;

/// The slots of all threads. Static, as a signal may arrive when its timer is gone.
static ALL: [Slot; SLOTS] = [const { Slot::new() }; SLOTS];

/// Counts what other threads do. A handler waits for as long as it goes on counting.
static PULSE: AtomicU64 = AtomicU64::new(0);
/// Whether an operation is under way that takes long.
static SLOW: AtomicBool = AtomicBool::new(false);

/// How often a handler looks, with nothing done in between, until it gives up: the director may wait for a lock that the
/// interrupted thread holds. On one processor it looks only when everyone else waits or gives way.
const LOOKS: u32 = 100;
/// The same where the threads run beside each other.
const LOOKS_BESIDE: u32 = 1000;
/// And during what takes long and gives way.
const LOOKS_SLOW: u32 = 4000;
/// And for how long it looks at most, should others have the processor.
const PATIENCE: Duration = Duration::from_millis(5);

/// Whether the threads share a processor.
static TOGETHER: AtomicBool = AtomicBool::new(false);

/// Says whether the threads share a processor.
pub(crate) fn together(together: bool) {
    TOGETHER.store(together, Ordering::Relaxed);
}

/// Gives the processor to another thread. A signal handler may do so.
fn give_way() {
    // SAFETY: the call has no arguments.
    unsafe { libc::sched_yield() };
}

/// What the clock says. A signal handler may ask.
fn time() -> Duration {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a value of our own.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut now) };
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// Tells the handlers that something was done.
pub(crate) fn pulse() {
    PULSE.fetch_add(1, Ordering::Relaxed);
}

/// How often something was done.
pub(crate) fn pulses() -> u64 {
    PULSE.load(Ordering::Relaxed)
}

/// Says whether what follows takes long.
pub(crate) fn slow(slow: bool) {
    SLOW.store(slow, Ordering::Relaxed);
}

/// Where a thread stands. In a slot's `state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum State {
    /// It waits for work, or is done with it.
    Done,
    /// It was given work, and arms its timer.
    Ready,
    /// It is in an operation.
    Inside,
    /// It is interrupted in one.
    Held,
}

/// What a thread and its handler share with others.
pub(crate) struct Slot {
    state: AtomicU32,
    /// The operation that it is in.
    kind: AtomicUsize,
    /// How often more it is interrupted in the operation, and after how many nanoseconds.
    again: AtomicU32,
    again_after: AtomicU64,
    pub(crate) timer: AtomicUsize,
    /// Whether a signal came before the operation began.
    early: AtomicBool,
    /// Whether one came in time.
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

    /// Begins an operation: from here on its thread may be interrupted.
    pub(crate) fn enter(&self, kind: Kind) {
        self.kind.store(kind as usize, Ordering::Relaxed);
        self.set(State::Inside);
    }

    /// Ends it.
    pub(crate) fn leave(&self) {
        self.set(State::Ready);
    }

    /// Lets an interrupted thread go on.
    pub(crate) fn release(&self) {
        if self.pass(State::Held, State::Inside) {
            futex::wake(&self.state);
        }
    }

    /// Tells whoever waits for it that the thread now stands there.
    pub(crate) fn tell(&self, state: State) {
        self.set(state);
        futex::wake(&self.state);
    }

    /// Sleeps until it is one of these; `false` after some time.
    ///
    /// That time is long: where a shorter one is asked for, some systems take longer to set the clock than to run a cycle.
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

    /// Waits here, as if interrupted: for the closures of operations that have one.
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

    /// Waits until the thread is let go, or others seem to wait for it. Called by the handler: it looks at atomics and the
    /// clock, and gives way.
    fn wait(&self) {
        futex::wake(&self.state);
        let (mut pulse, mut since, mut looks) = (pulses(), time(), 0);
        while self.is(State::Held) {
            give_way();
            let now = pulses();
            if now != pulse {
                (pulse, since, looks) = (now, time(), 0);
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

    /// Interrupts the thread more often in its next operation, each time so many nanoseconds later.
    pub(crate) fn interrupt_again(&self, times: u32, after: u64) {
        self.again_after.store(after, Ordering::Relaxed);
        self.again.store(times, Ordering::Relaxed);
    }

    /// Whether a signal came before the operation and whether one came in it, since this was last asked.
    pub(crate) fn outcome(&self) -> (bool, bool) {
        (self.early.swap(false, Ordering::Relaxed), self.hit.swap(false, Ordering::Relaxed))
    }

    /// What the timer's signal does.
    pub(crate) fn interrupted(&self) {
        if self.pass(State::Inside, State::Held) {
            self.count();
            self.wait();
            let more = self.again.load(Ordering::Relaxed);
            if more > 0 {
                self.again.store(more - 1, Ordering::Relaxed);
                // The call may be made by a signal handler.
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
