//! Epoch-based reclamation: when memory that readers may still look at can be used again.
//!
//! An epoch counts up. A thread *pins* the epoch that it sees before it looks into a table, and unpins afterwards.
//! The epoch moves on from `e` when every thread has been seen to have pinned `e`, or is not pinned and will execute
//! a fence in its next pin. An entry that was unlinked in epoch `e` is out of everyone's sight at `e + GRACE`.
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
#[cfg(not(loom))]
pub(crate) use guard::Guard;
pub(crate) use guard::Pinned;
#[cfg(not(loom))]
pub(crate) use local::{
    FastGuard, after_long_pin, choose_barrier, collect, collect_all, collect_dropped, collect_now, fast_pin,
    make_room, pin, pin_either, quietly, try_move,
};
#[cfg(loom)]
pub(crate) use moving::{Advance, Effort};
#[cfg(loom)]
pub(crate) use record::Record;

/// The number of epochs between unlinking and reuse.
///
/// Two are enough for a thread that learns the epoch with a full fence after it unlinks. Our threads have no fence
/// there, so their epoch may be late by one, and one more is needed: see `docs/bucket-proofs.md`.
pub(crate) const GRACE: u64 = 3;
