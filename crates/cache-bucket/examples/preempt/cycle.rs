//! A cycle: some threads are interrupted, other operations come in between, and everything that was seen is checked.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use cache_bucket::BucketBackend;
use cache_core::Backend;
use cache_testkit::Random;
use cache_testkit::history::Spec;

use crate::act::{Act, Worker, check_value};
use crate::fault::fault;
use crate::history::check_key;
use crate::interrupt::{self, State};
use crate::profile::Profile;
use crate::subject::Desk;
use crate::values;
use crate::world::{OpOf, World};

/// How long objects may outlive their cache.
const LEAKS: Duration = Duration::from_secs(10);

/// The totals of what was done so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    pub(crate) cycles: u64,
    pub(crate) operations: u64,
    /// The number of histories, each of one key in one cycle.
    pub(crate) histories: u64,
    pub(crate) caches: u64,
}

/// A cache, and its known state between two cycles.
pub(crate) struct Stage<W: World> {
    pub(crate) world: Arc<W>,
    /// The state of each key that is worked on.
    pub(crate) states: Vec<W::Spec>,
    /// How many keys of the pool are present: the first ones.
    pub(crate) pooled: usize,
    /// Whether the state of the other keys is unknown.
    pub(crate) cleared: bool,
    cycles: usize,
}

/// The kind of a cycle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mood {
    #[default]
    Any,
    /// While operations begin, the director does nothing; then all keys die in the next epoch, while a thread looks
    /// at them.
    Deadly,
}

/// The kind of a cycle, and the actions that may come only once in it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spent {
    mood: Mood,
    /// Whether an operation of unknown outcome was begun: each doubles the work of the check.
    pub(crate) unsure: bool,
    /// Whether a thread that may be interrupted inserts or deletes keys of the pool.
    pub(crate) pool: bool,
}

/// The thread that decides what happens, and performs the actions in between.
pub(crate) struct Director<'a, W: World> {
    pub(crate) profile: &'static Profile,
    pub(crate) desks: &'a [Desk<W>],
    pub(crate) worker: Worker<'a, W>,
    pub(crate) random: Random,
    pub(crate) totals: Totals,
    pub(crate) new_world: &'a dyn Fn(&mut Random) -> Arc<W>,
}

impl<W: World> Director<'_, W> {
    /// Runs cycles until a given time.
    pub(crate) fn run(&mut self, until: Instant) {
        while Instant::now() < until {
            let objects = values::objects();
            let mut stage = self.new_stage();
            let most = 1 + self.random.below(self.profile.cycles);
            while stage.cycles < most && !stage.cleared && Instant::now() < until {
                self.cycle(&mut stage);
            }
            drop(stage);
            self.all_dropped(objects);
        }
    }

    fn new_stage(&mut self) -> Stage<W> {
        let world = (self.new_world)(&mut self.random);
        self.totals.caches += 1;
        let plan = world.plan();
        for key in plan.fillers() {
            world.apply(key, &W::set(key, 1), &|| ());
        }
        let states = vec![W::Spec::absent(); plan.actors];
        Stage { world, states, pooled: 0, cleared: false, cycles: 0 }
    }

    /// Checks that no object outlives its cache once no thread can see it.
    fn all_dropped(&self, before: i64) {
        let end = Instant::now() + LEAKS;
        while values::objects() != before {
            BucketBackend::reclaim();
            if Instant::now() > end {
                fault(&format!("{} objects outlive their cache", values::objects() - before));
            }
        }
    }

    fn cycle(&mut self, stage: &mut Stage<W>) {
        stage.cycles += 1;
        self.totals.cycles += 1;
        let mut begun = Vec::new();
        let mut spent = Spent::default();
        if self.random.one_in(2) {
            // Makes the granules of all dead entries usable again.
            self.step(stage, &Act::Reclaim);
        }
        self.steps(stage, &mut spent, 3);
        if self.profile.deadly && self.random.one_in(2) {
            spent.mood = Mood::Deadly;
        }
        let least = if spent.mood == Mood::Deadly { 2 } else { 1 };
        for desk in 0..least + self.random.below(self.desks.len() + 1 - least) {
            let deadly = spent.mood == Mood::Deadly;
            let looks = deadly && desk == 0 && !self.random.one_in(4);
            let act = if looks {
                Act::ForEach(self.random.below(2))
            } else {
                match self.act(stage, self.profile.weights, &mut spent) {
                    Act::One(..) => self.several(stage.states.len(), deadly),
                    act => act,
                }
            };
            spent.pool |= matches!(act, Act::Inserts(_) | Act::Deletes(_));
            self.desks[desk].give(&stage.world, act);
            self.totals.operations += 1;
            self.await_stop(desk);
            begun.push(desk);
            if !deadly {
                self.steps(stage, &mut spent, 2);
            }
        }
        if spent.mood == Mood::Deadly {
            self.all_die(stage);
        } else {
            self.steps(stage, &mut spent, 4);
        }
        while !begun.is_empty() {
            let next = self.random.below(begun.len());
            let desk = &self.desks[begun[next]];
            if desk.is_done() {
                begun.swap_remove(next);
                continue;
            }
            desk.slot.release();
            interrupt::note_progress();
            self.await_stop(begun[next]);
            if spent.mood == Mood::Any {
                self.steps(stage, &mut spent, 2);
            }
        }
        self.check(stage);
    }

    /// Waits until a thread is interrupted or done. A thread that others wait for goes on by itself.
    fn await_stop(&self, desk: usize) {
        if !self.desks[desk].slot.await_any(&[State::Done, State::Held]) {
            fault("an operation hangs");
        }
    }

    /// Performs up to `most` actions.
    fn steps(&mut self, stage: &mut Stage<W>, spent: &mut Spent, most: usize) {
        for _ in 0..self.random.below(most + 1) {
            let act = self.act(stage, self.profile.others, spent);
            self.step(stage, &act);
        }
    }

    /// Moves the epoch on, and then deletes nearly all keys. A delete in the home pair leaves no trace in the
    /// bucket's state.
    fn all_die(&mut self, stage: &mut Stage<W>) {
        self.step(stage, &Act::Replace);
        for key in 0..stage.states.len() {
            if !self.random.one_in(8) {
                self.step(stage, &Act::One(key, W::del()));
            }
        }
    }

    fn step(&mut self, stage: &mut Stage<W>, act: &Act<OpOf<W>>) {
        interrupt::slow(act.is_slow());
        self.worker.perform(&stage.world, act);
        interrupt::slow(false);
        interrupt::note_progress();
        self.totals.operations += 1;
    }

    /// Checks what all threads saw, and reads every key.
    fn check(&mut self, stage: &mut Stage<W>) {
        for desk in self.desks {
            desk.take(&mut self.worker.seen);
        }
        let (world, plan) = (&stage.world, stage.world.plan());
        let mut present = 0;
        for key in 0..plan.actors {
            self.worker.perform(world, &Act::One(key, W::Spec::read()));
            stage.states[key] = check_key::<W>(key, &stage.states[key], &self.worker.seen);
            present += usize::from(stage.states[key] != W::Spec::absent());
        }
        self.totals.histories += plan.actors as u64;
        self.worker.seen.clear();
        if stage.cleared {
            return;
        }
        let pooled = plan.pool().start..plan.pool().start + stage.pooled;
        for key in plan.fillers().chain(pooled) {
            let ret = world.apply(key, &W::Spec::read(), &|| ());
            check_value::<W>(key, &ret);
            if W::value(&ret) != Some(values::number(key, 1)) {
                fault(&format!("key {key} was set to 1 and not changed, but a read returns {ret:?}"));
            }
            present += 1;
        }
        if world.len() != present {
            fault(&format!("the cache has {present} keys, but its `len` is {}", world.len()));
        }
    }
}

/// The clock of all threads of histories.
pub(crate) static CLOCK: AtomicU64 = AtomicU64::new(0);
