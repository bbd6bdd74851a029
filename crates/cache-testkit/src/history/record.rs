use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use stateright::semantics::SequentialSpec;

use super::Spec;
use crate::Random;
use crate::scale::budget;
use crate::threads::{Meeting, together};

/// What each thread does between two barriers: operations, each with the index of its key.
#[derive(Clone, Debug)]
pub struct Window<O> {
    /// One script for each thread; every window of a run has equally many.
    pub scripts: Vec<Vec<(usize, O)>>,
}

/// One operation as it was seen from outside.
#[derive(Clone, Debug)]
pub struct Event<O, R> {
    /// Who called.
    pub thread: usize,
    /// The index of the key.
    pub key: usize,
    /// What was called.
    pub op: O,
    /// What came back.
    pub ret: R,
    /// When it was called: an earlier ticket happened before.
    pub called: u64,
    /// When it had returned, from the same row of tickets.
    pub returned: u64,
}

/// What was seen of one window, in the order of the calls.
pub type History<S> = Vec<Event<<S as SequentialSpec>::Op, <S as SequentialSpec>::Ret>>;

/// Lets threads run the windows on a cache, one window after the other, and records what they see.
///
/// `apply` runs an operation on the key with that index. At the end of each window the first thread reads all
/// `keys`. `seed` decides where threads dawdle. Returns the history of each window; on a machine
/// with much else to do, only of as many as could be run in a second (more in proportion if the suite is scaled up).
///
/// # Examples
///
/// ```
/// use cache_core::Options;
/// use cache_testkit::ReferenceIntCache;
/// use cache_testkit::history::{IntOp, IntSpec, Window, check_windows, record};
///
/// let cache: ReferenceIntCache<str> = ReferenceIntCache::new(Options::new());
/// let window = Window {
///     scripts: vec![vec![(0, IntOp::Set(10))], vec![(0, IntOp::Add(5)), (0, IntOp::Get)]],
/// };
/// let histories = record::<IntSpec>(&[window], 1, 42, |_, op| op.apply(&cache, "stock"));
/// assert_eq!(check_windows::<IntSpec>(&histories), Ok(()));
/// ```
///
/// # Panics
///
/// If `apply` does, or if the windows differ in their number of threads.
#[must_use]
pub fn record<S: Spec>(
    windows: &[Window<S::Op>],
    keys: usize,
    seed: u64,
    apply: impl Fn(usize, &S::Op) -> S::Ret + Sync,
) -> Vec<History<S>> {
    let threads = windows.first().map_or(0, |window| window.scripts.len());
    assert!(
        windows.iter().all(|window| window.scripts.len() == threads),
        "every window needs a script for each of the {threads} threads"
    );
    let end = Instant::now() + budget();
    let late = AtomicBool::new(false);
    let clock = AtomicU64::new(0);
    let meeting = Meeting::new(threads);
    let by_thread = together(threads, |thread| {
        let attendance = meeting.attend();
        let mut random = Random::new(seed ^ thread as u64);
        let mut histories = Vec::with_capacity(windows.len());
        for window in windows {
            let mut history = Vec::with_capacity(window.scripts[thread].len() + keys);
            let call = |key: usize, op: &S::Op| {
                // The tickets are one row of read-modify-writes, so a lower one happened before a higher one:
                // what the checker takes for real time is an order that the cache must respect.
                let called = clock.fetch_add(1, Ordering::AcqRel);
                let ret = apply(key, op);
                let returned = clock.fetch_add(1, Ordering::AcqRel);
                Event { thread, key, op: op.clone(), ret, called, returned }
            };
            meeting.wait();
            // The first thread decides before it comes to this meeting, so all see the same.
            if late.load(Ordering::Acquire) {
                break;
            }
            for (key, op) in &window.scripts[thread] {
                dawdle(&mut random);
                history.push(call(*key, op));
            }
            meeting.wait();
            if meeting.is_broken() {
                break;
            }
            if thread == 0 {
                history.extend((0..keys).map(|key| call(key, &S::read())));
                if Instant::now() >= end {
                    late.store(true, Ordering::Release);
                }
            }
            histories.push(history);
        }
        drop(attendance);
        histories
    });
    merge(windows.len(), by_thread)
}

/// Now and then lets another thread in: on few cores threads would else hardly meet.
fn dawdle(random: &mut Random) {
    match random.below(8) {
        0 | 1 => thread::yield_now(),
        2 => (0..random.below(200)).for_each(|_| std::hint::spin_loop()),
        _ => {}
    }
}

fn merge<O, R>(windows: usize, by_thread: Vec<Vec<Vec<Event<O, R>>>>) -> Vec<Vec<Event<O, R>>> {
    let mut merged: Vec<Vec<_>> = (0..windows).map(|_| Vec::new()).collect();
    for histories in by_thread {
        for (window, history) in merged.iter_mut().zip(histories) {
            window.extend(history);
        }
    }
    for window in &mut merged {
        window.sort_by_key(|event| event.called);
    }
    merged
}
