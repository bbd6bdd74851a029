//! The threads that are interrupted.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use cache_testkit::Random;

use crate::act::{Act, Seen, Worker};
use crate::aim::{Aim, Outcome};
use crate::interrupt::{Slot, State};
use crate::timer::Timer;
use crate::world::{OpOf, World};

/// A cache, and the action that a thread is to perform on it.
struct Work<W: World> {
    world: Arc<W>,
    act: Act<OpOf<W>>,
}

/// The desk of a thread, with its work and what it saw.
pub(crate) struct Desk<W: World> {
    pub(crate) slot: &'static Slot,
    work: Mutex<Option<Work<W>>>,
    seen: Mutex<Vec<Seen<W::Spec>>>,
    closed: AtomicBool,
}

impl<W: World> Desk<W> {
    pub(crate) fn new(thread: usize) -> Self {
        Self {
            slot: Slot::of(thread),
            work: Mutex::new(None),
            seen: Mutex::new(Vec::new()),
            closed: AtomicBool::new(false),
        }
    }

    /// Gives the thread an action to perform. The thread chooses when it is interrupted.
    pub(crate) fn give(&self, world: &Arc<W>, act: Act<OpOf<W>>) {
        *self.work.lock().expect("no panic") = Some(Work { world: world.clone(), act });
        self.slot.tell(State::Ready);
    }

    /// Whether the thread is done with its action.
    pub(crate) fn is_done(&self) -> bool {
        self.slot.is(State::Done)
    }

    /// Moves what the thread saw to `seen`.
    pub(crate) fn take(&self, seen: &mut Vec<Seen<W::Spec>>) {
        seen.append(&mut self.seen.lock().expect("no panic"));
    }

    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        // Wakes the thread, without work.
        self.slot.tell(State::Ready);
    }

    /// Works until the desk is closed. `number` is the number of the thread in histories.
    pub(crate) fn serve(&self, number: usize, clock: &AtomicU64, aim: &mut Aim, mut random: Random) {
        let timer = Timer::of_this_thread(self.slot);
        let mut worker = Worker { thread: number, clock, slot: Some(self.slot), seen: Vec::new() };
        loop {
            if self.closed.load(Ordering::Acquire) {
                return self.slot.set(State::Done);
            }
            if !self.slot.await_any(&[State::Ready]) {
                continue;
            }
            let work = self.work.lock().expect("no panic").take();
            let Some(Work { world, act }) = work else { continue };
            let kind = act.kind::<W>();
            // Cleared here and not earlier: the last operation's signal may have come late.
            self.slot.outcome();
            let again = if random.one_in(4) { 1 + random.below(2) as u32 } else { 0 };
            self.slot.interrupt_again(again, aim.delay(kind, &mut random) / 2);
            timer.arm(aim.delay(kind, &mut random));
            worker.perform(&world, &act);
            timer.arm(0);
            let outcome = match self.slot.outcome() {
                (_, true) => Outcome::Hit,
                (true, false) => Outcome::Early,
                (false, false) => Outcome::Late,
            };
            aim.learn(kind, outcome);
            drop(world);
            self.seen.lock().expect("no panic").append(&mut worker.seen);
            self.slot.tell(State::Done);
        }
    }
}
