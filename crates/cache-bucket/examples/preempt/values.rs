//! Values that carry their key, so that a value of another key is detected.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use crate::fault::fault;

/// The number of bits for the count. The bits above hold the count times a hash of the key.
const COUNT_BITS: u32 = 16;
/// The number of bits of the hash: with the count's bits it fits into the rest.
const HASH_BITS: u32 = 30;
/// The greatest count.
pub(crate) const MOST: i64 = (1 << (COUNT_BITS - 1)) - 1;

/// The unit of a key: a hash of its number above, and 1 below.
fn unit(key: usize) -> i64 {
    let hash = (key as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - HASH_BITS);
    (hash as i64) << COUNT_BITS | 1
}

/// The value of `count` units of a key: the count in the low bits, and the count times the key's hash above. Sums of
/// such values have this form too; a sum of two keys' values does not.
pub(crate) fn number(key: usize, count: i64) -> i64 {
    count * unit(key)
}

/// The count in a value; `None` if it is not a value of this key.
pub(crate) fn count(key: usize, value: i64) -> Option<i64> {
    let count = value & ((1 << COUNT_BITS) - 1);
    ((1..=MOST).contains(&count) && number(key, count) == value).then_some(count)
}

const ALIVE: u64 = 0x0b1e_c70b_1ec7_0b1e;
const DEAD: u64 = 0xdead_dead_dead_dead;

/// The number of living objects.
static OBJECTS: AtomicI64 = AtomicI64::new(0);

/// The number of objects that were created and not dropped.
pub(crate) fn objects() -> i64 {
    OBJECTS.load(Ordering::Relaxed)
}

/// A canary, which knows whether it was dropped.
#[derive(Debug)]
pub(crate) struct Canary(AtomicU64);

impl Canary {
    pub(crate) fn new() -> Self {
        Self(AtomicU64::new(ALIVE))
    }

    /// Reports a fault if the canary was dropped.
    pub(crate) fn check(&self, what: &str) {
        let canary = black_box(self).0.load(Ordering::Relaxed);
        if canary != ALIVE {
            fault(&format!("{what} was read after its drop, or was never valid: {canary:x}"));
        }
    }
}

impl Drop for Canary {
    fn drop(&mut self) {
        self.check("what is dropped");
        black_box(&self.0).store(DEAD, Ordering::Relaxed);
    }
}

/// An object that carries its key's number.
#[derive(Debug)]
pub(crate) struct Object {
    canary: Canary,
    value: i64,
}

impl Object {
    pub(crate) fn new(value: i64) -> Arc<Self> {
        OBJECTS.fetch_add(1, Ordering::Relaxed);
        Arc::new(Self { canary: Canary::new(), value })
    }

    /// The value of the object.
    pub(crate) fn value(&self) -> i64 {
        self.canary.check("an object");
        self.value
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        OBJECTS.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_tells_its_key() {
        for key in 0..200 {
            for n in [1, 2, 77, MOST] {
                assert_eq!(count(key, number(key, n)), Some(n));
                assert_eq!(count(key + 1, number(key, n)), None);
                // An addition to another key's value.
                assert_eq!(count(key, number(key, n).wrapping_add(number(key + 1, 1))), None);
            }
            assert_eq!(count(key, number(key, 3) + number(key, 4)), Some(7));
        }
        for nothing in [0, -1, 1, i64::MIN, i64::from_le_bytes(*b"yyyyyyyy")] {
            assert_eq!(count(5, nothing), None);
        }
    }

    #[test]
    fn objects_are_counted() {
        let before = objects();
        let object = Object::new(number(3, 4));
        assert_eq!((object.value(), objects() - before), (number(3, 4), 1));
    }
}
