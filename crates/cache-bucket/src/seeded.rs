//! Bugs planted on purpose: each model, and each tool, is first seen to fail on one of them, or its passing would say
//! nothing.
//!
//! A bug is one place of the kernel in which an ordering is weakened or a check left out. The variable `HOTCACHE_SEEDED`
//! names the one that is planted: under loom when a model runs, under `cfg(tsan)` when this is compiled. Elsewhere there
//! are none, and these functions are constants. `cargo xtask loom` and `cargo xtask sanitize` know them all, and what must
//! catch each.

use crate::primitive::Ordering;

/// Whether this bug is planted.
#[cfg(not(loom))]
#[inline(always)]
pub(crate) fn bug(name: &str) -> bool {
    cfg!(tsan) && option_env!("HOTCACHE_SEEDED") == Some(name)
}

#[cfg(loom)]
pub(crate) fn bug(name: &str) -> bool {
    static PLANTED: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    PLANTED.get_or_init(|| std::env::var("HOTCACHE_SEEDED").ok()).as_deref() == Some(name)
}

/// `ordering`; relaxed if this bug is planted.
#[inline(always)]
pub(crate) fn ordering(ordering: Ordering, name: &str) -> Ordering {
    if bug(name) { Ordering::Relaxed } else { ordering }
}
