//! Bugs planted on purpose. Each model and each tool is first seen to fail on one of them; otherwise its passing
//! would say nothing.
//!
//! A bug is a place in the kernel where an ordering is weakened or a check left out. The environment variable
//! `HOTCACHE_SEEDED` names the planted one. It is read
//!
//! * under `cfg(loom)`, when a model runs;
//! * under `cfg(seeded)`, when the first cache is made, so that one build serves all bugs. A place then costs one relaxed
//!   load and one comparison, and orderings stay as they are;
//! * under `cfg(tsan)`, when this is compiled.
//!
//! In any other build there are no bugs, and these functions are constants. `cargo xtask loom`, `cargo xtask soak
//! --preempt` and `cargo xtask sanitize` know the names, and which tool must catch each.

use crate::primitive::Ordering;

/// Whether the bug `name` is planted.
#[cfg(not(any(loom, seeded)))]
#[inline(always)]
pub(crate) fn bug(name: &str) -> bool {
    cfg!(tsan) && option_env!("HOTCACHE_SEEDED") == Some(name)
}

#[cfg(loom)]
pub(crate) fn bug(name: &str) -> bool {
    static PLANTED: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    PLANTED.get_or_init(|| std::env::var("HOTCACHE_SEEDED").ok()).as_deref() == Some(name)
}

#[cfg(all(seeded, not(loom)))]
#[inline(always)]
pub(crate) fn bug(name: &str) -> bool {
    runtime::PLANTED.load(Ordering::Relaxed) == runtime::hash(name)
}

/// Reads the variable, in builds that read it at run time. The first operation of a cache would be too late.
#[inline(always)]
pub(crate) fn read_variable() {
    #[cfg(all(seeded, not(loom)))]
    runtime::read_variable();
}

/// Returns `ordering`, or `Relaxed` if the bug `name` is planted.
#[inline(always)]
pub(crate) fn ordering(ordering: Ordering, name: &str) -> Ordering {
    // Not under `cfg(seeded)`: two orderings chosen at run time would be two stores and a branch, and no preemption
    // shows the difference.
    if !cfg!(seeded) && bug(name) { Ordering::Relaxed } else { ordering }
}

#[cfg(all(seeded, not(loom)))]
mod runtime {
    use std::sync::Once;

    use crate::primitive::{AtomicU64, Ordering};

    /// The hash of the planted bug's name, or 0.
    pub(super) static PLANTED: AtomicU64 = AtomicU64::new(0);

    /// Hashes a name by FNV-1a. The compiler evaluates it for a literal.
    #[inline(always)]
    pub(super) const fn hash(name: &str) -> u64 {
        let (bytes, mut hash, mut i) = (name.as_bytes(), 0xcbf2_9ce4_8422_2325_u64, 0);
        while i < bytes.len() {
            hash = (hash ^ bytes[i] as u64).wrapping_mul(0x100_0000_01b3);
            i += 1;
        }
        hash
    }

    pub(super) fn read_variable() {
        static READ: Once = Once::new();
        READ.call_once(|| {
            if let Ok(name) = std::env::var("HOTCACHE_SEEDED") {
                PLANTED.store(hash(&name), Ordering::Relaxed);
            }
        });
    }
}
