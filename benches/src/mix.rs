//! Operations by weight, one after another on the same map.
//!
//! What a mix must come to is known exactly. One thread is followed by a model, step by step. Of several, each writes
//! to keys of its own, those of every so manieth rank, and reads all: so whatever the threads' order was, every key
//! holds in the end what its only writer left there, and what a thread found of its own keys is what the model found.
//! Where nothing but `add` writes, order makes no difference, and all threads write to all keys.

mod cell;
mod model;
mod stream;

pub use model::Model;
pub use stream::{MixStream, Step, Steps, streams};

use crate::subject::Tally;

/// What the steps of a mix returned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mixed {
    /// What was read of keys that no other thread writes to.
    pub read: Tally,
    /// What was read of keys that another thread may be writing to.
    pub looked: Tally,
    /// The sum of what `add` returned.
    pub added: i64,
    /// How many keys were there to be deleted.
    pub deleted: u64,
}

impl std::ops::AddAssign for Mixed {
    fn add_assign(&mut self, other: Mixed) {
        self.read += other.read;
        self.looked += other.looked;
        self.added = self.added.wrapping_add(other.added);
        self.deleted += other.deleted;
    }
}
