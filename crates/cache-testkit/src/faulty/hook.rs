use std::fmt;

use crate::history::IntOp;

/// A place inside an operation of a faulty cache where others can overtake it.
///
/// # Examples
///
/// ```
/// use cache_testkit::faulty::Step;
/// assert_ne!(Step::Entered, Step::Done);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// The operation begins.
    Entered,
    /// It found no counter and is about to publish one of its own: the race window.
    Missed,
    /// Its own counter is in the map, still at 0.
    Published,
    /// The operation has looked at the value and is about to act on what it saw: the other race window.
    Checked,
    /// The operation is about to return.
    Done,
}

type Call = dyn Fn(&IntOp, Step) + Send + Sync;

/// What a faulty cache calls at each [`Step`], on the thread that runs the operation.
pub struct Hook(Box<Call>);

impl Hook {
    /// A hook that calls `f`.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_testkit::faulty::Hook;
    /// let hook = Hook::new(|operation, step| println!("{operation:?} {step:?}"));
    /// # let _ = hook;
    /// ```
    pub fn new(f: impl Fn(&IntOp, Step) + Send + Sync + 'static) -> Self {
        Self(Box::new(f))
    }

    pub(super) fn reach(&self, operation: &IntOp, step: Step) {
        (self.0)(operation, step);
    }
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hook")
    }
}
