//! Loading on a miss: one loader at a time for each key, and none whose result outlives a write.

pub mod circles;
pub mod failures;
pub mod handover;
pub mod many;
pub mod mixed;
pub mod once;
mod overlap;
pub mod stress;
pub mod tasks;
pub mod writes;

use std::time::Duration;

/// For what is to happen on another thread, and can be seen from outside only by waiting: long enough that it
/// nearly always has. What is checked holds either way.
pub(crate) const A_MOMENT: Duration = Duration::from_millis(20);
