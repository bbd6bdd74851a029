//! The load that the code on this thread belongs to.
//!
//! A thread enters a load's context to run its loader or to poll its loader's future, and leaves it afterwards. So the
//! context follows a future from thread to thread, and two futures on one thread have a context each.

use std::cell::Cell;
use std::iter;
use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Identifies one run of a loader. Never reused.
pub(crate) type LoadId = u64;

/// The id that no load has.
pub(crate) const NO_LOAD: LoadId = 0;

/// A fresh id.
pub(crate) fn new_load() -> LoadId {
    static NEXT: AtomicU64 = AtomicU64::new(NO_LOAD + 1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A chain of nested loads, innermost first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Context {
    innermost: Option<Arc<Frame>>,
    /// Whether the map is doing work of its own inside the innermost load.
    in_map: bool,
}

#[derive(Debug)]
struct Frame {
    load: LoadId,
    /// The context in which the load was started.
    outer: Context,
}

/// How some code came to run during a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The loader runs it.
    Loader,
    /// The map runs it: the `Drop` of an object that the map frees during the load.
    Map,
}

#[cfg(not(shuttle))]
thread_local! {
    /// Has no destructor, so that the destructors of other thread-locals can use a cache. Nothing leaks: once a thread
    /// has left every context, this one is empty.
    static CURRENT: Cell<ManuallyDrop<Context>> =
        const { Cell::new(ManuallyDrop::new(Context { innermost: None, in_map: false })) };
}

#[cfg(shuttle)]
shuttle::thread_local! {
    static CURRENT: Cell<ManuallyDrop<Context>> = Cell::new(ManuallyDrop::new(Context::default()));
}

impl Context {
    /// The context of the calling code.
    pub(crate) fn current() -> Self {
        let current = replace(Context::default());
        replace(current.clone());
        current
    }

    /// The context of the loader of `load`, started in this context.
    pub(crate) fn within(self, load: LoadId) -> Self {
        Self { innermost: Some(Arc::new(Frame { load, outer: self })), in_map: false }
    }

    /// Whether no load is running in this context.
    pub(crate) fn is_outside(&self) -> bool {
        self.innermost.is_none()
    }

    /// Whether one of the two was cloned from the other.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let (mine, others) = (self.innermost.as_ref(), other.innermost.as_ref());
        self.in_map == other.in_map && mine.map(Arc::as_ptr) == others.map(Arc::as_ptr)
    }

    /// How code in this context came to run during `load`; `None` if it is not part of it.
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

    /// The loads of this context, innermost first.
    pub(crate) fn loads(&self) -> impl Iterator<Item = LoadId> {
        self.frames().map(|(frame, _)| frame.load)
    }

    /// Moves the innermost load into the calling code's context.
    ///
    /// The two differ if a load's future has been moved out of the loader that created it.
    pub(crate) fn moved_here(&mut self) {
        let Some(frame) = &self.innermost else { return };
        let here = Context::current();
        if !frame.outer.is_same(&here) {
            *self = here.within(frame.load);
        }
    }

    /// Each load, with whether the map is doing work of its own inside it.
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

/// Sets this thread's context and returns the previous one.
fn replace(context: Context) -> Context {
    CURRENT.with(|current| ManuallyDrop::into_inner(current.replace(ManuallyDrop::new(context))))
}

/// Runs `work` as the map's own.
///
/// During `work`, the map may free other objects, and their `Drop` may request any key. Such a request does not come
/// from the loader.
pub(crate) fn in_map<R>(work: impl FnOnce() -> R) -> R {
    let mut context = Context::current();
    if context.is_outside() {
        return work();
    }
    context.in_map = true;
    context.enter(work)
}
