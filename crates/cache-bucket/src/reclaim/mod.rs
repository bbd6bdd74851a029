//! When memory that readers may still look at can be used again.
//!
//! An epoch counts up. A thread *pins* the epoch it sees before it looks into a table, and unpins after. The epoch moves on
//! from `e` when every thread has been seen to have pinned `e`, or is not pinned and will execute a fence in its next pin.
//! What was unlinked while the epoch was `e` is out of everyone's sight at `e + GRACE`.
//!
//! A pin is two plain stores and three loads. `docs/bucket-reclamation.md` has the design, `docs/bucket-proofs.md` says why it
//! is sound.

mod bag;
mod domain;
mod freeing;
mod garbage;
mod guard;
#[cfg(not(loom))]
mod local;
#[cfg(all(loom, test))]
mod models;
mod moving;
mod pending;
mod record;

#[cfg(loom)]
pub(crate) use domain::Domain;
pub(crate) use garbage::{Retired, free_all};
pub(crate) use guard::Pinned;
#[cfg(not(loom))]
pub(crate) use local::{
    QuickGuard, after_long_pin, decide, drive, make_room, pin, pin_either, quick_pin, quietly, sweep, tidy,
    tidy_now, try_move,
};
#[cfg(loom)]
pub(crate) use moving::{Advance, Effort};
#[cfg(loom)]
pub(crate) use record::Record;

/// How many epochs pass between unlinking and reuse.
///
/// Two are enough for a thread that learns the epoch with a full fence after it unlinks. Ours has no fence there,
/// may therefore be late by one, and needs one more: see `docs/bucket-proofs.md`.
pub(crate) const GRACE: u64 = 3;
