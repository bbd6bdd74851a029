//! A map under test as the harness drives it: many operations at a time.

mod floor;
mod int;
mod obj;

use std::sync::Arc;
use std::vec;

use hotcache_bench_plan::Op;

use crate::keys::KeyIter;
use crate::mix::{Mixed, Steps};
use crate::peer::Object;
use crate::timer::Timer;
use crate::trace::{Replayed, Requests};

pub use floor::Empty;
pub use int::Int;
pub use obj::Obj;

/// The different objects that a thread stores in turn: few, so that the harness adds no cache misses.
pub const OBJECTS: usize = 64;

/// Objects to store, created before the clock starts. Those that are not stored are dropped after it stops.
pub type Objects = vec::IntoIter<Arc<Object>>;

/// Operations to do, all of one kind.
#[derive(Debug)]
pub struct Batch<'a> {
    /// The keys, in order.
    pub keys: KeyIter<'a>,
    /// The value of the first integer. Each of the others is set to one more than the one before.
    pub first: i64,
    /// The objects to store, one for each key. Used by operations on objects only.
    pub objects: &'a mut Objects,
}

/// The results of a batch of operations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How often the key was there, where the operation tells.
    pub hits: u64,
    /// The sum of the values that were read, or of the ids of the objects.
    pub sum: i64,
}

impl Tally {
    /// Notes what was read of a key, if it was there.
    #[inline]
    pub fn read(&mut self, value: Option<i64>) {
        if let Some(value) = value {
            self.hits += 1;
            self.sum = self.sum.wrapping_add(value);
        }
    }
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Tally) {
        self.hits += other.hits;
        self.sum = self.sum.wrapping_add(other.sum);
    }
}

/// The checks that a subject supports after the clock has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checks {
    /// Nothing: it stores nothing.
    None,
    /// The sum of all values; keys share places.
    Sum,
    /// Everything.
    All,
}

/// A map under test.
///
/// The one `dyn` call is for a whole batch; the loop inside is compiled for the map.
pub trait Subject: Send + Sync {
    /// Does the operations of a batch.
    fn run(&self, op: Op, batch: Batch<'_>) -> Tally;
    /// Does the operations of a batch, each timed.
    fn timed(&self, op: Op, batch: Batch<'_>, timer: &mut Timer) -> Tally;
    /// Does the steps of a mix, the first value stored being `next`, which is left at the next to store.
    fn mix(&self, steps: Steps<'_>, next: &mut i64, objects: &mut Objects) -> Mixed;
    /// Does the steps of a mix, each timed.
    fn mix_timed(&self, steps: Steps<'_>, next: &mut i64, objects: &mut Objects, timer: &mut Timer) -> Mixed;
    /// Does the requests of a trace.
    fn replay(&self, requests: Requests<'_>, objects: &mut Objects) -> Replayed;
    /// Sets each key to its [`value_of`](crate::stream::value_of), counting from 0 in the order given.
    fn fill(&self, keys: KeyIter<'_>);
    /// The number of keys.
    fn count(&self) -> usize;
    /// The sum of all values, or of the ids of all objects.
    fn total(&self) -> i64;
    /// Returns the checks that this subject supports.
    fn checks(&self) -> Checks {
        Checks::All
    }
}

/// This many objects to store: [`OBJECTS`] in turn, their ids counting from `first`.
#[must_use]
pub fn objects(first: i64, count: usize) -> Objects {
    let few: Vec<_> = (0..OBJECTS.min(count)).map(|i| Arc::new(Object::new(first + i as i64))).collect();
    objects_among(&few, count)
}

/// This many objects to store, those of `few` in turn.
#[must_use]
pub fn objects_among(few: &[Arc<Object>], count: usize) -> Objects {
    let objects: Vec<_> = few.iter().cycle().take(count).cloned().collect();
    objects.into_iter()
}
