//! What a user would reach for instead: the standard library, and caches that can evict, told never to.
//!
//! They are given what every row has: the same hasher, keys that are kept in place up to 24 bytes, and of several
//! correct ways to do an operation the one that measured cheapest.

pub(super) mod moka;
pub(super) mod quick_cache;
pub(super) mod std_rwlock;
