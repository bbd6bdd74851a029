use crate::keys::KeyForm;

/// The operations that a cache must provide to be a row.
pub trait Peer: Send + Sync {
    /// Its keys, as they are asked for.
    type Key: KeyForm + ?Sized;

    /// The value of a key, read through whatever the cache shares it by, which is dropped.
    fn get(&self, key: &Self::Key) -> Option<u64>;
    /// Stores a value.
    fn insert(&self, key: &Self::Key, value: u64);
    /// The number of entries, once the cache has done what it put off; `None` if it does not tell.
    fn count(&self) -> Option<usize>;
}
