//! Callers' code that calls the cache that runs it: everything works, inside and afterwards.

use cache_core::Backend;

use super::{Deed, Hazard, check_hazard, long};
use crate::violation::OrPanic;

/// A key's `Hash` may call the cache.
pub fn in_hash<B: Backend>() {
    works::<B>(Hazard::Hash);
}

/// The hasher may call the cache.
pub fn in_the_hasher<B: Backend>() {
    works::<B>(Hazard::Hasher);
}

/// A key's `Eq` and `Ord` may call the cache.
pub fn in_eq_and_ord<B: Backend>() {
    works::<B>(Hazard::Compare);
}

/// The `Borrow` of a stored key may call the cache.
pub fn in_borrow<B: Backend>() {
    works::<B>(Hazard::Borrow);
}

/// The `Clone` of a stored key may call the cache.
pub fn in_clone<B: Backend>() {
    works::<B>(Hazard::Clone);
}

/// `to_owned_key` may call the cache.
pub fn in_to_owned_key<B: Backend>() {
    works::<B>(Hazard::ToOwned);
}

/// The `Drop` of a stored key may call the cache.
pub fn in_the_drop_of_a_key<B: Backend>() {
    works::<B>(Hazard::DropKey);
}

/// The `Drop` of an object may call the cache.
pub fn in_the_drop_of_an_object<B: Backend>() {
    works::<B>(Hazard::DropObject);
}

/// The closures of `with`, `for_each` and `retain` may call the cache.
pub fn in_closures<B: Backend>() {
    works::<B>(Hazard::Closure);
}

/// A loader may call the cache.
pub fn in_loaders<B: Backend>() {
    works::<B>(Hazard::Loader);
}

fn works<B: Backend>(hazard: Hazard) {
    check_hazard::<B>(hazard, Deed::Calls, long()).or_panic();
    check_hazard::<B>(hazard, Deed::CallsInPasses, long()).or_panic();
}
