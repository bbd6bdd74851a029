//! Bugs planted on purpose, one at a time, each of which a model must catch: else its passing would say nothing.
//!
//! Under `cfg(shuttle)`, the environment variable `HOTCACHE_SEEDED` names the planted one. In any other build there are none.
//! `cargo xtask loom` knows the names.

/// Whether the bug `name` is planted.
///
/// # Examples
///
/// ```
/// assert!(!cache_core::seeded::bug("publish-stale"));
/// ```
#[cfg(not(shuttle))]
#[inline(always)]
#[must_use]
pub const fn bug(_name: &str) -> bool {
    false
}

/// Whether the bug `name` is planted.
#[cfg(shuttle)]
#[must_use]
pub fn bug(name: &str) -> bool {
    std::env::var("HOTCACHE_SEEDED").is_ok_and(|planted| planted == name)
}
