use std::fmt;
use std::ops::Deref;

/// The length in bytes up to which a composite key needs no heap allocation.
const INLINE: usize = 72;

/// A key of several parts, stored as bytes. Up to 72 bytes need no heap allocation.
///
/// For caches keyed by bytes, such as `IntCache<[u8]>`. The parts are written one after the other into a buffer on
/// the stack. Keys that are built from the same sequence of part types are equal only if all of their parts are
/// equal: a string is followed by its length, and an integer has a fixed width.
///
/// Keys that differ only in an integer sort in the order of that integer.
///
/// # Examples
///
/// ```
/// use hotcache::{Composite, IntCache};
/// # let bought = hotcache::bucket::IntCache::<[u8]>::default();
/// let key = Composite::new().int(42).str("sku:1");
/// assert_eq!(bought.add(&key, 1), 1);
/// assert_eq!(bought.get(&Composite::new().int(42).str("sku:1")), Some(1));
/// ```
///
/// # Performance
///
/// Building a key copies its parts. The backend `bucket` stores keys of up to 72 bytes inline.
#[derive(Clone)]
pub struct Composite(Bytes);

#[derive(Clone)]
enum Bytes {
    Inline { bytes: [u8; INLINE], length: usize },
    Heap(Vec<u8>),
}

impl Composite {
    /// Creates a key without parts.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(hotcache::Composite::new().is_empty());
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self(Bytes::Inline { bytes: [0; INLINE], length: 0 })
    }

    /// Appends an integer as eight bytes, in big-endian order.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(*hotcache::Composite::new().int(1), [0, 0, 0, 0, 0, 0, 0, 1]);
    /// ```
    #[must_use]
    pub fn int(self, part: u64) -> Self {
        self.push(&part.to_be_bytes())
    }

    /// Appends a string, followed by its length as eight bytes.
    ///
    /// # Examples
    ///
    /// ```
    /// use hotcache::Composite;
    /// assert_ne!(*Composite::new().str("a").str("bc"), *Composite::new().str("ab").str("c"));
    /// ```
    #[must_use]
    pub fn str(self, part: &str) -> Self {
        self.bytes(part.as_bytes())
    }

    /// Appends bytes, followed by their number as eight bytes.
    ///
    /// # Examples
    ///
    /// ```
    /// use hotcache::Composite;
    /// assert_eq!(*Composite::new().bytes(b"a"), *Composite::new().str("a"));
    /// ```
    #[must_use]
    pub fn bytes(self, part: &[u8]) -> Self {
        self.push(part).push(&(part.len() as u64).to_be_bytes())
    }

    fn push(mut self, part: &[u8]) -> Self {
        match &mut self.0 {
            Bytes::Inline { bytes, length } if part.len() <= INLINE - *length => {
                bytes[*length..*length + part.len()].copy_from_slice(part);
                *length += part.len();
            }
            Bytes::Inline { bytes, length } => {
                let mut all = Vec::with_capacity(2 * (*length + part.len()));
                all.extend_from_slice(&bytes[..*length]);
                all.extend_from_slice(part);
                self.0 = Bytes::Heap(all);
            }
            Bytes::Heap(all) => all.extend_from_slice(part),
        }
        self
    }
}

impl Default for Composite {
    fn default() -> Self {
        Self::new()
    }
}

impl Deref for Composite {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Bytes::Inline { bytes, length } => &bytes[..*length],
            Bytes::Heap(all) => all,
        }
    }
}

impl AsRef<[u8]> for Composite {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl fmt::Debug for Composite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Composite").field(&&**self).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn different_parts_give_different_keys() {
        let parts = ["", "a", "ab", "b", "\0", "\0\0\0\0\0\0\0\x01"];
        let mut keys = HashSet::new();
        for a in parts {
            for b in parts {
                for id in [0, 1, u64::MAX] {
                    assert!(keys.insert(Composite::new().str(a).int(id).str(b).to_vec()), "{a:?} {id} {b:?}");
                }
            }
        }
    }

    #[test]
    fn a_key_that_outgrows_the_buffer_is_whole() {
        for length in [63, 64, 65, 500] {
            let long = "x".repeat(length);
            let key = Composite::new().str(&long).int(7);
            assert_eq!(key.len(), length + 16);
            assert!(key.starts_with(long.as_bytes()) && key.ends_with(&7_u64.to_be_bytes()));
        }
    }
}
