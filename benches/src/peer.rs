//! The operations that a map must provide to be a row, under the harness's names.
//!
//! Peers are measured through generic code, so that nothing is `dyn` inside a timed loop.

use std::sync::Arc;

use crate::keys::KeyForm;
use crate::payload::Payload;

/// The objects of the benchmarks. With the two reference counts, one takes a cache line.
#[derive(Debug)]
pub struct Object {
    /// Tells whether the right object came back.
    pub id: i64,
    /// The payload.
    pub body: [u8; 24],
    /// More of it, in an allocation of its own. Objects that are replaced under a clock have none.
    pub payload: Option<Payload>,
}

impl Object {
    /// An object of this id.
    #[must_use]
    pub fn new(id: i64) -> Self {
        Self { id, body: [0; 24], payload: None }
    }

    /// An object of this id with a payload of this many bytes.
    #[must_use]
    pub fn with_payload(id: i64, bytes: usize) -> Self {
        Self { payload: Some(Payload::new(bytes)), ..Self::new(id) }
    }
}

/// A map from keys to integers.
pub trait IntPeer: Send + Sync {
    /// Its keys, as they are asked for.
    type Key: KeyForm + ?Sized;

    /// The value of a key.
    fn get(&self, key: &Self::Key) -> Option<i64>;
    /// The values of some keys. A map that has nothing for this asks for one after the other.
    fn get_many(&self, keys: &[&Self::Key], values: &mut [Option<i64>]) {
        for (key, value) in keys.iter().zip(values) {
            *value = self.get(key);
        }
    }
    /// Stores a value, whether or not the key is present.
    fn set(&self, key: &Self::Key, value: i64);
    /// Adds to a value, an absent one counting from 0, and returns the sum.
    fn add(&self, key: &Self::Key, delta: i64) -> i64;
    /// Inserts 0 if the key is absent.
    fn insert_if_absent(&self, key: &Self::Key);
    /// Removes a key, and tells whether it was there.
    fn del(&self, key: &Self::Key) -> bool;
    /// The number of keys.
    fn count(&self) -> usize;
    /// The sum of all values.
    fn total(&self) -> i64;
}

/// A map from keys to objects.
pub trait ObjPeer: Send + Sync {
    /// Its keys, as they are asked for.
    type Key: KeyForm + ?Sized;

    /// The object of a key.
    fn get(&self, key: &Self::Key) -> Option<Arc<Object>>;
    /// Looks at the object of a key where it lies. A map that can only share it does that.
    fn with<R>(&self, key: &Self::Key, look: impl FnOnce(&Object) -> R) -> Option<R> {
        self.get(key).map(|object| look(&object))
    }
    /// Stores an object, whether or not the key is present.
    fn set(&self, key: &Self::Key, value: Arc<Object>);
    /// Stores an object if the key is absent.
    fn insert_if_absent(&self, key: &Self::Key, value: Arc<Object>);
    /// Removes a key, and tells whether it was there.
    fn del(&self, key: &Self::Key) -> bool;
    /// The number of keys.
    fn count(&self) -> usize;
    /// The sum of all ids.
    fn total(&self) -> i64;
}
