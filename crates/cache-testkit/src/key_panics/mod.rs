//! Panics in a key's `Hash`, `Eq` and `Ord` and in `Drop`, at each call of them that an operation makes.
//!
//! Not every map survives these, so this suite is apart: [`panics_in_keys!`](crate::panics_in_keys) for backends
//! that promise to, [`probe_panics!`](crate::probe_panics) to find and hold what the others do.

mod fuse;
mod int;
mod obj;
mod sweep;
mod tidying;

pub use fuse::{Hazard, StoredTouchy, Touchy, TouchyObject};

use std::time::Duration;

use cache_core::Backend;

use crate::violation::OrPanic;
use crate::{Kind, Violation, ends_within};

/// How long is waited for what may never come.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// How long a step may take before it counts as hanging.
    pub hang: Duration,
    /// How long keys and objects may outlive their cache before they count as leaked.
    pub leak: Duration,
}

/// For backends that are to survive everything: hangs and leaks are not expected, so nobody waits in vain.
const LONG: Patience = Patience { hang: Duration::from_secs(120), leak: Duration::from_secs(60) };

/// Lets `hazard` panic in every operation of both caches, once at each call that the operation makes, and checks
/// what is left.
///
/// # Errors
///
/// The worst [`Violation`] found.
pub fn check_hazard<B: Backend>(hazard: Hazard, patience: Patience) -> Result<(), Violation> {
    let ints = int::sweep::<B>(hazard, patience);
    if matches!(&ints, Err(violation) if violation.kind() == Kind::Hang) {
        // What hangs may still hold a core, which would slow down and falsify what follows.
        return ints;
    }
    let found = sweep::worse(ints, obj::sweep::<B>(hazard, patience));
    if hazard != Hazard::Hash {
        return found;
    }
    let tidied = ends_within(patience.hang, "a table full of removed entries", tidying::check::<B>);
    sweep::worse(found, tidied.and_then(|result| result))
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

fn survives<B: Backend>(hazard: Hazard) {
    check_hazard::<B>(hazard, LONG).or_panic();
}
