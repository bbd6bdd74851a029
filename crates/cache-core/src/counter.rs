//! Atomic operations on one integer, for backends that store values as [`AtomicI64`].
//!
//! Loads acquire and stores release, so a thread that reads a value sees what its writer did before. Operations on a
//! single location need no more than that to be linearizable.
//!
//! [`Closable`] is for maps whose counters are changed without a lock. It can be closed, so that a removal knows the
//! final value.

mod closable;
#[cfg(all(test, loom))]
mod models;
mod primitive;

pub use closable::{Closable, Closed};

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::AddError;

/// Reads the value.
///
/// # Examples
///
/// ```
/// use std::sync::atomic::AtomicI64;
/// assert_eq!(cache_core::counter::get(&AtomicI64::new(7)), 7);
/// ```
#[inline]
pub fn get(cell: &AtomicI64) -> i64 {
    cell.load(Ordering::Acquire)
}

/// Stores a value.
///
/// # Examples
///
/// ```
/// use std::sync::atomic::AtomicI64;
/// let cell = AtomicI64::new(7);
/// cache_core::counter::set(&cell, 8);
/// assert_eq!(cell.into_inner(), 8);
/// ```
#[inline]
pub fn set(cell: &AtomicI64, value: i64) {
    cell.store(value, Ordering::Release);
}

/// Stores a value and returns the previous one.
///
/// # Examples
///
/// ```
/// use std::sync::atomic::AtomicI64;
/// assert_eq!(cache_core::counter::swap(&AtomicI64::new(7), 0), 7);
/// ```
#[inline]
pub fn swap(cell: &AtomicI64, value: i64) -> i64 {
    cell.swap(value, Ordering::AcqRel)
}

/// Stores `new` if the value is `current`.
///
/// # Errors
///
/// Returns the value if it is not `current`.
///
/// # Examples
///
/// ```
/// use std::sync::atomic::AtomicI64;
/// assert_eq!(cache_core::counter::compare_exchange(&AtomicI64::new(7), 6, 0), Err(7));
/// ```
#[inline]
pub fn compare_exchange(cell: &AtomicI64, current: i64, new: i64) -> Result<(), i64> {
    cell.compare_exchange(current, new, Ordering::AcqRel, Ordering::Acquire).map(drop)
}

/// Adds to the value, wrapping on overflow, and returns the sum.
///
/// # Examples
///
/// ```
/// use std::sync::atomic::AtomicI64;
/// assert_eq!(cache_core::counter::add(&AtomicI64::new(7), -3), 4);
/// ```
#[inline]
pub fn add(cell: &AtomicI64, delta: i64) -> i64 {
    cell.fetch_add(delta, Ordering::AcqRel).wrapping_add(delta)
}

/// Adds if the sum lies within `bounds`, and returns the sum.
///
/// # Errors
///
/// [`AddError::OutOfBounds`] if it does not, or if it overflows `i64`. The value is unchanged then.
///
/// # Examples
///
/// ```
/// use cache_core::{AddError, counter};
/// use std::sync::atomic::AtomicI64;
///
/// let stock = AtomicI64::new(1);
/// assert_eq!(counter::try_add(&stock, -1, &(0..=i64::MAX)), Ok(0));
/// assert_eq!(counter::try_add(&stock, -1, &(0..=i64::MAX)), Err(AddError::OutOfBounds { current: 0 }));
/// ```
#[inline]
pub fn try_add(cell: &AtomicI64, delta: i64, bounds: &RangeInclusive<i64>) -> Result<i64, AddError> {
    let mut current = get(cell);
    loop {
        let next = step(current, delta, bounds)?;
        match cell.compare_exchange_weak(current, next, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => return Ok(next),
            Err(seen) => current = seen,
        }
    }
}

/// Returns the sum of `current` and `delta`, if it lies within `bounds`.
///
/// # Errors
///
/// [`AddError::OutOfBounds`] if it does not, or if it overflows `i64`. An empty range rejects every sum.
///
/// # Examples
///
/// ```
/// use cache_core::{AddError, counter};
/// assert_eq!(counter::step(0, 5, &(0..=5)), Ok(5));
/// assert_eq!(counter::step(i64::MAX, 1, &(0..=i64::MAX)), Err(AddError::OutOfBounds { current: i64::MAX }));
/// ```
#[inline]
pub fn step(current: i64, delta: i64, bounds: &RangeInclusive<i64>) -> Result<i64, AddError> {
    match current.checked_add(delta) {
        Some(next) if bounds.contains(&next) => Ok(next),
        _ => Err(AddError::OutOfBounds { current }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_add_leaves_the_value() {
        let cell = AtomicI64::new(5);
        let empty = RangeInclusive::new(1, 0);
        for (delta, bounds) in [(1, 0..=5), (-6, 0..=5), (0, empty), (i64::MAX, i64::MIN..=i64::MAX)] {
            assert_eq!(try_add(&cell, delta, &bounds), Err(AddError::OutOfBounds { current: 5 }));
            assert_eq!(get(&cell), 5);
        }
    }

    #[test]
    fn an_exhausted_range_is_empty() {
        let mut bounds = 0..=0;
        bounds.next();
        assert_eq!(step(0, 0, &bounds), Err(AddError::OutOfBounds { current: 0 }));
    }

    #[test]
    fn add_wraps() {
        let cell = AtomicI64::new(i64::MAX);
        assert_eq!(add(&cell, 1), i64::MIN);
        assert_eq!(get(&cell), i64::MIN);
    }
}
