//! The load that the code on this thread is part of.
//!
//! A thread enters a context while it runs a loader, or polls a loader's future, and leaves it afterwards. So a context
//! follows a future from thread to thread, and two loads on one thread keep theirs apart.

use std::cell::Cell;
use std::iter;
use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The number of a load that is led; no two are alike.
pub(crate) type LoadId = u64;

/// No load.
pub(crate) const NO_LOAD: LoadId = 0;

/// A number for a new load.
pub(crate) fn new_load() -> LoadId {
    static NEXT: AtomicU64 = AtomicU64::new(NO_LOAD + 1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// The loads that some code is part of, innermost first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Context {
    innermost: Option<Arc<Frame>>,
    /// Whether the map is at work inside the innermost load.
    in_map: bool,
}

#[derive(Debug)]
struct Frame {
    load: LoadId,
    /// Where the load was started.
    outer: Context,
}

/// How code is part of a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The load's loader runs it.
    Loader,
    /// The map runs it, in work of its own: the `Drop` of an object that the map freed during the load.
    Map,
}

thread_local! {
    /// Without a destructor, so that a cache can be used in those of other thread-locals. Nothing leaks: a thread
    /// that has left all contexts has an empty one here.
    static CURRENT: Cell<ManuallyDrop<Context>> =
        const { Cell::new(ManuallyDrop::new(Context { innermost: None, in_map: false })) };
}

impl Context {
    /// The context of the code that calls this.
    pub(crate) fn current() -> Self {
        let current = replace(Context::default());
        replace(current.clone());
        current
    }

    /// The context of the loader of `load`, which is started in this one.
    pub(crate) fn within(self, load: LoadId) -> Self {
        Self { innermost: Some(Arc::new(Frame { load, outer: self })), in_map: false }
    }

    /// Whether this is part of no load.
    pub(crate) fn is_outside(&self) -> bool {
        self.innermost.is_none()
    }

    /// Whether this is the context that `other` was cloned from.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let (mine, others) = (self.innermost.as_ref(), other.innermost.as_ref());
        self.in_map == other.in_map && mine.map(Arc::as_ptr) == others.map(Arc::as_ptr)
    }

    /// How this is part of `load`; `None` if it is not.
    pub(crate) fn part_of(&self, load: LoadId) -> Option<Part> {
        let mut in_map = false;
        for (frame, at_work) in self.frames() {
            in_map |= at_work;
            if frame.load == load {
                return Some(if in_map { Part::Map } else { Part::Loader });
            }
        }
        None
    }

    /// The loads that this is part of.
    pub(crate) fn loads(&self) -> impl Iterator<Item = LoadId> {
        self.frames().map(|(frame, _)| frame.load)
    }

    /// The same load, as part of the context that the caller is in now.
    ///
    /// It differs from the one at the start if the future of a load was moved out of the loader that made it.
    pub(crate) fn moved_here(&mut self) {
        let Some(frame) = &self.innermost else { return };
        let here = Context::current();
        if !frame.outer.is_same(&here) {
            *self = here.within(frame.load);
        }
    }

    /// Each load, and whether the map is at work inside it.
    fn frames(&self) -> impl Iterator<Item = (&Frame, bool)> {
        let contexts = iter::successors(Some(self), |context| Some(&context.innermost.as_deref()?.outer));
        contexts.filter_map(|context| Some((context.innermost.as_deref()?, context.in_map)))
    }

    /// Runs `work` in this context.
    pub(crate) fn enter<R>(&self, work: impl FnOnce() -> R) -> R {
        struct Leave(Option<Context>);
        impl Drop for Leave {
            fn drop(&mut self) {
                if let Some(before) = self.0.take() {
                    replace(before);
                }
            }
        }
        let _leave = Leave(Some(replace(self.clone())));
        work()
    }
}

/// Makes `context` this thread's, and returns the one before.
fn replace(context: Context) -> Context {
    ManuallyDrop::into_inner(CURRENT.replace(ManuallyDrop::new(context)))
}

/// Runs a part of a load that is the map's own work.
///
/// A map may free other objects meanwhile, and their `Drop` may ask for any key. That is no fault of a loader's.
pub(crate) fn in_map<R>(work: impl FnOnce() -> R) -> R {
    let mut context = Context::current();
    if context.is_outside() {
        return work();
    }
    context.in_map = true;
    context.enter(work)
}
