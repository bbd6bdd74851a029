//! Keys whose bucket, home line and tag are chosen, for every way in which a table keeps keys.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{BuildHasher, Hash, Hasher};

use cache_core::Key;

use crate::values::Canary;

/// The number of home lines of a bucket.
pub(crate) const LINES: usize = 6;

/// The place of a key's entry, and its number. A key is these bytes, padded to its length.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// Less than [`LINES`].
    pub(crate) line: usize,
    /// The tag of the entry; less than 64.
    pub(crate) tag: usize,
    /// The bits that choose a bucket, the lowest first; less than 4096.
    pub(crate) index: usize,
    /// Less than 4096.
    pub(crate) number: usize,
}

/// The number of bytes of a key before its padding.
pub(crate) const HEAD: usize = 6;

impl Place {
    /// The bytes of the key. They are printable, so that the first eight make an invalid pointer.
    pub(crate) fn bytes(self, length: usize) -> Vec<u8> {
        let (index, number) = (self.index, self.number);
        let head = [self.line, self.tag, index % 64, index / 64, number % 64, number / 64];
        let padding = std::iter::repeat_n(b'y', length.max(HEAD) - HEAD);
        head.into_iter().map(|part| b'0' + part as u8).chain(padding).collect()
    }

    /// The place of a key with these bytes; `None` if there is no such key.
    fn of(bytes: &[u8]) -> Option<Self> {
        let part = |i: usize| {
            bytes.get(i).and_then(|byte| byte.checked_sub(b'0')).filter(|part| *part < 64).map(usize::from)
        };
        let (index, number) = (part(2)? + 64 * part(3)?, part(4)? + 64 * part(5)?);
        Some(Place { line: part(0)?, tag: part(1)?, index, number })
    }

    /// The hash that the table sees.
    fn hash(self) -> u64 {
        // The middle of the top bytes that choose the line.
        let top = self.line as u64 * 43 + 20;
        top << 56 | (self.index as u64) << 9 | self.tag as u64
    }
}

/// The number of a key with these bytes.
pub(crate) fn number_of(bytes: &[u8]) -> Option<usize> {
    Place::of(bytes).map(|place| place.number)
}

/// A hasher that puts a key at the place in its bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Placed {
    head: [u8; HEAD],
    begun: bool,
}

impl BuildHasher for Placed {
    type Hasher = Placed;

    fn build_hasher(&self) -> Placed {
        Placed::default()
    }
}

impl Hasher for Placed {
    fn write(&mut self, bytes: &[u8]) {
        if !self.begun {
            self.head.copy_from_slice(&bytes[..HEAD]);
            self.begun = true;
        }
    }

    fn finish(&self) -> u64 {
        unmix(Place::of(&self.head).map_or(0, Place::hash))
    }
}

/// The multiplier with which the table spreads the bits of a hash.
const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

/// Inverts the mixing that the table applies to the output of foreign hashers.
fn unmix(mixed: u64) -> u64 {
    let inverse = const {
        // Newton's iteration: each step doubles the number of correct bits, from three on.
        let (mut inverse, mut step) = (MULTIPLIER, 0);
        while step < 5 {
            inverse = inverse.wrapping_mul(2_u64.wrapping_sub(MULTIPLIER.wrapping_mul(inverse)));
            step += 1;
        }
        inverse
    };
    let mixed = (mixed ^ mixed >> 32).wrapping_mul(inverse);
    let mixed = (mixed ^ mixed >> 29 ^ mixed >> 58).wrapping_mul(inverse);
    mixed ^ mixed >> 32
}

/// A type of keys.
pub(crate) trait Form: Send + Sync + 'static {
    type Key: Key + ?Sized;

    /// The lengths that keys of this type may have.
    const LENGTHS: &'static [usize];

    fn key(bytes: &[u8]) -> Box<Self::Key>;

    fn has(key: &Self::Key, f: impl FnOnce(&[u8]) -> bool) -> bool;
}

/// Byte strings: in the bucket, or behind a pointer if they are long.
#[derive(Debug)]
pub(crate) struct Strings;

impl Form for Strings {
    type Key = [u8];
    const LENGTHS: &'static [usize] = &[8, 7, 24, 13, 40, 72, 73, 200];

    fn key(bytes: &[u8]) -> Box<[u8]> {
        bytes.into()
    }

    fn has(key: &[u8], f: impl FnOnce(&[u8]) -> bool) -> bool {
        f(key)
    }
}

/// Numbers, which are kept as they lie in memory.
#[derive(Debug)]
pub(crate) struct Numbers;

impl Form for Numbers {
    type Key = u64;
    const LENGTHS: &'static [usize] = &[8];

    fn key(bytes: &[u8]) -> Box<u64> {
        Box::new(u64::from_ne_bytes(bytes.try_into().expect("eight bytes")))
    }

    fn has(key: &u64, f: impl FnOnce(&[u8]) -> bool) -> bool {
        f(&key.to_ne_bytes())
    }
}

/// Keys of a type that the table does not know, which are kept in boxes.
#[derive(Debug)]
pub(crate) struct Names;

impl Form for Names {
    type Key = Name;
    const LENGTHS: &'static [usize] = &[8];

    fn key(bytes: &[u8]) -> Box<Name> {
        Box::new(Name { bytes: bytes.try_into().expect("eight bytes"), canary: Canary::new() })
    }

    fn has(key: &Name, f: impl FnOnce(&[u8]) -> bool) -> bool {
        f(key.bytes())
    }
}

/// A key that knows whether it was dropped.
pub(crate) struct Name {
    bytes: [u8; 8],
    canary: Canary,
}

impl Name {
    fn bytes(&self) -> &[u8; 8] {
        self.canary.check("a key");
        &self.bytes
    }
}

impl Clone for Name {
    fn clone(&self) -> Self {
        Name { bytes: *self.bytes(), canary: Canary::new() }
    }
}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(self.bytes());
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.bytes() == other.bytes()
    }
}

impl Eq for Name {}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        self.bytes().cmp(other.bytes())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Name").field(&String::from_utf8_lossy(self.bytes())).finish()
    }
}

impl Key for Name {
    type Owned = Name;

    fn to_owned_key(&self) -> Name {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The hash as the table computes it in `raw/hash.rs`.
    fn mix(hash: u64) -> u64 {
        let mixed = (hash ^ hash >> 32).wrapping_mul(MULTIPLIER);
        let mixed = (mixed ^ mixed >> 29).wrapping_mul(MULTIPLIER);
        mixed ^ mixed >> 32
    }

    #[test]
    fn a_hash_survives_the_table() {
        for hash in [0, 1, 0xffff_ffff_ffff_ffff, 0x0123_4567_89ab_cdef] {
            assert_eq!(mix(unmix(hash)), hash);
        }
    }

    #[test]
    fn a_key_lies_where_its_bytes_say() {
        let place = Place { line: 5, tag: 63, index: 4095, number: 777 };
        for length in [HEAD, 8, 200] {
            let bytes = place.bytes(length);
            assert_eq!((bytes.len(), number_of(&bytes)), (length, Some(777)));
            let mut hasher = Placed::default().build_hasher();
            hasher.write(&bytes);
            let hash = mix(hasher.finish());
            assert_eq!((hash >> 9 & 4095, hash & 0xff), (4095, 63));
            assert_eq!(((hash >> 56) * LINES as u64) >> 8, 5);
        }
        assert_eq!(number_of(b"yyy"), None);
    }
}
