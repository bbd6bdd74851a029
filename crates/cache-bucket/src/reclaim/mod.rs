//! When memory that readers may still look at can be used again.
//!
//! An epoch counts up. A thread *pins* the epoch it sees before it looks into a table, and unpins after. The
//! epoch moves on from `e` only when no thread is pinned at another than `e`. What was unlinked while the epoch
//! was `e` is out of everyone's sight at `e + GRACE`.
//!
//! Pinning is two plain stores. The fence that must follow the first is executed on the pinning thread's behalf
//! by whoever moves the epoch on, where the system can do that; elsewhere it is a real one. Why that is enough, and why
//! the models may use the real one, is in `docs/bucket-proofs.md`.

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
    QuickGuard, after_long_pin, decide, drive, make_room, pin, pin_either, quick_pin, sweep, tidy, try_move,
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
