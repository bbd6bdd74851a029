//! Alternatives to hotcache: the standard library, and caches that can evict, configured never to.
//!
//! They get the hasher of every other row, and inline keys up to 24 bytes. If there are several correct ways to do an
//! operation, they use the one that was measured to be the cheapest.

pub(super) mod moka;
pub(super) mod quick_cache;
pub(super) mod std_rwlock;
