//! Bugs planted on purpose: each model is first seen to fail on one of them, or its passing would say nothing.
//!
//! A bug is one place of the kernel in which an ordering is weakened or a check left out. Under loom the variable
//! `HOTCACHE_SEEDED` names the one that is planted; elsewhere there are none, and these functions are constants.
//! `cargo xtask loom` knows them all, and the model that must catch each.

use crate::primitive::Ordering;

/// Whether this bug is planted.
#[cfg(not(loom))]
#[inline(always)]
pub(crate) const fn bug(_name: &str) -> bool {
    false
}

/// `ordering`; relaxed if this bug is planted.
#[cfg(not(loom))]
#[inline(always)]
pub(crate) const fn ordering(ordering: Ordering, _bug: &str) -> Ordering {
    ordering
}

#[cfg(loom)]
pub(crate) fn bug(name: &str) -> bool {
    static PLANTED: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    PLANTED.get_or_init(|| std::env::var("HOTCACHE_SEEDED").ok()).as_deref() == Some(name)
}

#[cfg(loom)]
pub(crate) fn ordering(ordering: Ordering, name: &str) -> Ordering {
    if bug(name) { Ordering::Relaxed } else { ordering }
}
