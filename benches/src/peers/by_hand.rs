//! The maps below the backends, used as their own documentation suggests: what hotcache must not be slower than.

pub(super) mod dashmap;
pub(super) mod flurry;
pub(super) mod papaya;
pub(super) mod rwlock;
pub(super) mod rwlock_one;
pub(super) mod scc;
