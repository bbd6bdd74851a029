//! Callers' code inside a cache: it panics, or calls the cache that runs it, at each call that an operation makes of it.
//!
//! Not every map survives these, so these suites are apart: [`panics_in_keys!`](crate::panics_in_keys) and
//! [`calls_from_keys!`](crate::calls_from_keys) for backends that promise to, [`probe_panics!`](crate::probe_panics)
//! and [`probe_calls!`](crate::probe_calls) to find and hold what the others do.

pub mod calls;
mod fuse;
mod hazard;
mod int;
mod macros;
mod obj;
mod sweep;
mod tidying;
mod touchy;

pub use hazard::{Deed, Hazard};
pub use touchy::{StoredTouchy, Touchy, TouchyHasher, TouchyObject};

use std::time::Duration;

use cache_core::Backend;

use crate::violation::OrPanic;
use crate::{Kind, Violation, patience};

/// How long is waited for what may never come.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// How long a step may take before it counts as hanging.
    pub hang: Duration,
    /// How long keys and objects may outlive their cache before they count as leaked.
    pub leak: Duration,
}

/// For backends that are to survive everything: hangs and leaks are not expected, so nobody waits in vain.
fn long() -> Patience {
    Patience { hang: 2 * patience(), leak: patience() }
}

/// Lets `hazard` do its deed in every operation of both caches, once at each call that the operation makes of it, and
/// checks what is left.
///
/// # Errors
///
/// The worst [`Violation`] found.
pub fn check_hazard<B: Backend>(hazard: Hazard, deed: Deed, patience: Patience) -> Result<(), Violation> {
    let ints = int::sweep::<B>(hazard, deed, patience);
    if matches!(&ints, Err(violation) if violation.kind() == Kind::Hang) {
        // What hangs may still hold a core, which would slow down and falsify what follows.
        return ints;
    }
    let found = sweep::worse(ints, obj::sweep::<B>(hazard, deed, patience));
    if hazard != Hazard::Hash || deed != Deed::Panics {
        return found;
    }
    sweep::worse(found, tidying::check::<B>(patience.hang))
}

/// Panics in `Hash` leave both caches usable, and nothing leaks.
pub fn in_hash<B: Backend>() {
    survives::<B>(Hazard::Hash);
}

/// Panics in `Eq` and `Ord` leave both caches usable, and nothing leaks.
pub fn in_eq_and_ord<B: Backend>() {
    survives::<B>(Hazard::Compare);
}

/// Panics in the `Drop` of a stored key leave both caches usable, and nothing leaks.
pub fn in_the_drop_of_a_key<B: Backend>() {
    survives::<B>(Hazard::DropKey);
}

/// Panics in the `Drop` of an object leave its cache usable, and nothing leaks.
pub fn in_the_drop_of_an_object<B: Backend>() {
    survives::<B>(Hazard::DropObject);
}

/// Panics in the hasher leave both caches usable, and nothing leaks.
pub fn in_the_hasher<B: Backend>() {
    survives::<B>(Hazard::Hasher);
}

/// Panics in the `Borrow` of a stored key leave both caches usable, and nothing leaks.
pub fn in_borrow<B: Backend>() {
    survives::<B>(Hazard::Borrow);
}

/// Panics in the `Clone` of a stored key leave both caches usable, and nothing leaks.
pub fn in_clone<B: Backend>() {
    survives::<B>(Hazard::Clone);
}

/// Panics in `to_owned_key` leave both caches usable, and nothing leaks.
pub fn in_to_owned_key<B: Backend>() {
    survives::<B>(Hazard::ToOwned);
}

/// Panics in the closures of `with`, `for_each` and `retain` leave both caches usable, and nothing leaks.
pub fn in_closures<B: Backend>() {
    survives::<B>(Hazard::Closure);
}

/// Panics in loaders leave the cache usable, and nothing leaks.
pub fn in_loaders<B: Backend>() {
    survives::<B>(Hazard::Loader);
}

fn survives<B: Backend>(hazard: Hazard) {
    check_hazard::<B>(hazard, Deed::Panics, long()).or_panic();
}
