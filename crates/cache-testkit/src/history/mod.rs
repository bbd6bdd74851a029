//! Concurrent histories: recorded while threads work on a cache, then checked for linearizability.
//!
//! The search for a sequential order is exponential in what overlaps, so work comes in [`Window`]s with a
//! barrier between any two, no window with more than [`MAX_OPS`] operations on one key. At the end of a window
//! nothing is in flight; one thread then reads every key, which both checks the outcome and is where the next
//! window starts from.

mod check;
mod int_spec;
mod obj_spec;
mod record;
mod script;

pub use check::{check, check_windows};
pub use int_spec::{IntOp, IntRet, IntSpec};
pub use obj_spec::{ObjOp, ObjRet, ObjSpec};
pub use record::{Event, History, Window, record};
pub use script::{random_windows, random_windows_of};

use std::fmt::Debug;

use stateright::semantics::SequentialSpec;

use crate::Random;

/// The most operations on one key in one window.
pub const MAX_OPS: usize = 24;

/// What one key of a cache does when nothing is concurrent, and how to work on the real one.
pub trait Spec:
    SequentialSpec<Op: Clone + Debug + Send + Sync, Ret: Clone + Debug + Send> + Clone + Debug
{
    /// The state of an absent key.
    fn absent() -> Self;

    /// An operation that reads the whole state of a key, and the state that its answer tells of.
    fn read() -> Self::Op;

    /// The state that an answer to [`read`](Spec::read) tells of.
    fn from_read(answer: &Self::Ret) -> Self;

    /// Any operation; `fresh` is a value that no other operation writes.
    fn random_op(random: &mut Random, fresh: i64) -> Self::Op;
}
