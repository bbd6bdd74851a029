//! Operations by weight, one after another on the same map.
//!
//! The expected results of a mix are known exactly. With one thread, a model follows it step by step. With several
//! threads, thread `i` of `n` writes only to the keys whose rank is `i` modulo `n`, and reads all keys. So in any
//! interleaving, every key ends with the value of its only writer, and a thread finds on its own keys what the model
//! finds. Where nothing but `add` writes, order makes no difference, and all threads write to all keys.

mod cell;
mod model;
mod stream;

pub use model::Model;
pub use stream::{MixStream, Step, Steps, streams};

use crate::subject::Tally;

/// The results of the steps of a mix.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mixed {
    /// The reads of keys that no other thread writes to.
    pub read: Tally,
    /// The reads of keys that another thread may be writing to.
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
