//! An action of a thread on a cache, and what the thread saw.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use cache_bucket::{BucketBackend, BucketObjCache};
use cache_core::{Backend, ObjCache};
use cache_testkit::history::{Event, Spec};

use crate::fault::fault;
use crate::interrupt::Slot;
use crate::kind::Kind;
use crate::values;
use crate::world::{OpOf, RetOf, World};

/// An action on a cache.
#[derive(Clone, Debug)]
pub(crate) enum Act<O> {
    /// An operation on one key.
    One(usize, O),
    /// Several operations on one key each, until one is interrupted.
    Several(Vec<(usize, O)>),
    GetMany(Vec<usize>),
    /// `for_each`, which stays in its closure after this many keys.
    ForEach(usize),
    /// `retain`, which removes one key.
    Retain {
        removed: usize,
        stays: usize,
    },
    Clear,
    /// Inserts absent keys of the pool.
    Inserts(Range<usize>),
    /// Deletes present keys of the pool.
    Deletes(Range<usize>),
    Shrink,
    Reclaim,
    /// Replaces objects in another cache until the epoch moves on, if it can.
    Replace,
}

/// How certain it is that an operation of a history took place, and with this answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sure {
    Yes,
    /// A removal by `retain` or `clear` that may not have happened.
    Perhaps,
    /// A removal by `clear`, which does not say whether the key was there.
    UnknownAnswer,
}

/// An operation on one key as a thread saw it.
pub(crate) struct Seen<S: Spec> {
    pub(crate) event: Event<S::Op, S::Ret>,
    pub(crate) sure: Sure,
}

/// A thread that works on a cache.
pub(crate) struct Worker<'a, W: World> {
    /// The number of the thread in histories.
    pub(crate) thread: usize,
    pub(crate) clock: &'a AtomicU64,
    /// The slot through which the thread is interrupted; `None` if it never is.
    pub(crate) slot: Option<&'static Slot>,
    pub(crate) seen: Vec<Seen<W::Spec>>,
}

/// Threads of a history have numbers below this. If a thread sees a key twice in one operation, the second sight
/// counts as another thread's.
const THREADS: usize = 10;

/// One in this many of several operations stays in its closure.
const STAYS_EVERY: u64 = 32;

/// The greatest number of generations that a table of this program has at once.
const GENERATIONS: usize = 3;

impl<O> Act<O> {
    pub(crate) fn kind<W: World>(&self) -> Kind
    where
        W::Spec: Spec<Op = O>,
    {
        match self {
            Act::One(_, op) => W::kind(op),
            Act::Several(_) => Kind::Several,
            Act::GetMany(_) => Kind::GetMany,
            Act::ForEach(_) => Kind::ForEach,
            Act::Retain { .. } => Kind::Retain,
            Act::Clear => Kind::Clear,
            Act::Inserts(_) => Kind::Inserts,
            Act::Deletes(_) => Kind::Deletes,
            Act::Shrink => Kind::Shrink,
            Act::Reclaim => Kind::Reclaim,
            Act::Replace => Kind::Replace,
        }
    }

    /// Whether the action waits for readers, in vain if one is interrupted.
    pub(crate) fn is_slow(&self) -> bool {
        matches!(self, Act::Clear | Act::Shrink | Act::Reclaim)
    }
}

impl<W: World> Worker<'_, W> {
    fn tick(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::AcqRel)
    }

    /// Performs an action, and records what was seen of the keys that are worked on.
    pub(crate) fn perform(&mut self, world: &Arc<W>, act: &Act<OpOf<W>>) {
        match act {
            Act::One(key, op) => {
                let called = self.tick();
                let ret = self.inside(W::kind(op), |inside| world.apply(*key, op, inside));
                self.note(*key, op.clone(), ret, called);
            }
            Act::Several(ops) => {
                for (key, op) in ops {
                    let called = self.tick();
                    // Not always: the first operation that has a closure would be the last.
                    let stays = called.is_multiple_of(STAYS_EVERY);
                    let ret = self.inside(W::kind(op), |inside| {
                        world.apply(*key, op, if stays { inside } else { &|| () })
                    });
                    self.note(*key, op.clone(), ret, called);
                    if self.slot.is_some_and(Slot::was_hit) {
                        break;
                    }
                }
            }
            Act::GetMany(keys) => {
                let called = self.tick();
                let values = self.inside(Kind::GetMany, |_| world.get_many(keys));
                for (key, value) in keys.iter().zip(values.into_iter().flatten()) {
                    self.note(*key, W::Spec::read(), W::seen(value), called);
                }
            }
            Act::ForEach(stays) => self.visit(world, Kind::ForEach, None, *stays),
            Act::Retain { removed, stays } => self.visit(world, Kind::Retain, Some(*removed), *stays),
            Act::Clear => {
                let called = self.tick();
                self.inside(Kind::Clear, |_| world.clear());
                for key in 0..world.plan().actors {
                    self.note(key, W::del(), W::removed(true), called);
                    self.doubt(Sure::UnknownAnswer);
                    // An entry that comes to a newer generation after the older one was cleared is removed with that.
                    for generation in 1..GENERATIONS {
                        self.note(key, W::del(), W::removed(true), called);
                        self.amend(generation, |_| ());
                        self.doubt(Sure::Perhaps);
                    }
                }
            }
            Act::Inserts(keys) => self.inside(Kind::Inserts, |inside| {
                for key in keys.clone() {
                    world.apply(key, &W::set(key, 1), inside);
                }
            }),
            Act::Deletes(keys) => self.inside(Kind::Deletes, |inside| {
                for key in keys.clone() {
                    if world.apply(key, &W::del(), inside) != W::removed(true) {
                        fault(&format!("key {key} was inserted in this cycle, but is gone"));
                    }
                }
            }),
            Act::Shrink => self.inside(Kind::Shrink, |_| world.shrink_to_fit()),
            Act::Reclaim => self.inside(Kind::Reclaim, |_| BucketBackend::reclaim()),
            Act::Replace => self.inside(Kind::Replace, |_| replace_elsewhere()),
        }
    }

    /// Runs `f`, in which this thread may be interrupted. The function that `f` gets waits as if interrupted.
    fn inside<R>(&self, kind: Kind, f: impl FnOnce(&dyn Fn()) -> R) -> R {
        let Some(slot) = self.slot else { return f(&|| ()) };
        slot.enter(kind);
        let result = f(&|| slot.stay());
        slot.leave();
        result
    }

    fn note(&mut self, key: usize, op: OpOf<W>, ret: RetOf<W>, called: u64) {
        check_value::<W>(key, &ret);
        let (thread, returned) = (self.thread, self.tick());
        let event = Event { thread, key, op, ret, called, returned };
        self.seen.push(Seen { event, sure: Sure::Yes });
    }

    /// Visits all keys. A visit reads each key once; a key that it does not show is absent at some moment.
    fn visit(&mut self, world: &Arc<W>, kind: Kind, removed: Option<usize>, stays: usize) {
        let (actors, called) = (world.plan().actors, self.tick());
        let mut sights = Vec::new();
        let clock = self.clock;
        let tick = || clock.fetch_add(1, Ordering::AcqRel);
        self.inside(kind, |inside| {
            let before = std::cell::Cell::new(0);
            let mut look = |key: usize, value: i64| {
                if values::count(key, value).is_none() {
                    fault(&format!("key {key} was shown with a value of another key: {value:x}"));
                }
                if key < actors {
                    sights.push((key, value, tick()));
                }
                removed != Some(key)
            };
            world.visit(removed.is_some(), &mut look, &|| {
                if before.replace(before.get() + 1) == stays {
                    inside();
                }
            });
        });
        for key in 0..actors {
            let mut times = 0;
            for &(_, value, at) in sights.iter().filter(|sight| sight.0 == key) {
                times += 1;
                self.note(key, W::Spec::read(), W::seen(Some(value)), called);
                self.amend(times, |event| event.returned = at);
                if removed == Some(key) {
                    self.note(key, W::del(), W::removed(true), at);
                    self.amend(times + THREADS, |_| ());
                    self.doubt(Sure::Perhaps);
                }
            }
            if times == 0 {
                self.note(key, W::Spec::read(), W::seen(None), called);
            }
        }
    }

    /// Sets the certainty of the last recorded operation.
    fn doubt(&mut self, sure: Sure) {
        if let Some(seen) = self.seen.last_mut() {
            seen.sure = sure;
        }
    }

    /// Changes the last recorded operation, and attributes it to another thread.
    fn amend(&mut self, other: usize, f: impl FnOnce(&mut Event<OpOf<W>, RetOf<W>>)) {
        if let Some(seen) = self.seen.last_mut() {
            seen.event.thread += other * THREADS;
            f(&mut seen.event);
        }
    }
}

/// Retires enough for the epoch to move on if no thread is in the way. Unlike `reclaim`, it waits for no thread.
fn replace_elsewhere() {
    /// More objects than a thread retires between two attempts to move the epoch.
    const ENOUGH: u64 = 256;
    static ELSEWHERE: LazyLock<BucketObjCache<u64, u64>> = LazyLock::new(BucketObjCache::new);
    for value in 0..ENOUGH {
        ELSEWHERE.set(&0, Arc::new(value));
    }
}

/// Reports a fault if an answer has a value of another key.
pub(crate) fn check_value<W: World>(key: usize, ret: &RetOf<W>) {
    if let Some(value) = W::value(ret)
        && values::count(key, value).is_none()
    {
        fault(&format!("key {key} has a value of another key: {value:x}, answer {ret:?}"));
    }
}
