use std::slice;

use hotcache::Key;

use super::KeyIter;

/// A type of keys, for loops that are compiled for it.
pub trait KeyForm: Key {
    /// Keys of this type, in order.
    type Iter<'a>: ExactSizeIterator<Item = &'a Self>;

    /// These keys, by their type.
    ///
    /// # Panics
    ///
    /// If they are of another type. A map is always built for the keys of its cell.
    fn of(keys: KeyIter<'_>) -> Self::Iter<'_>;

    /// A number that only this key has, among keys of one length that differ in their last eight bytes.
    fn tag(&self) -> u64;

    /// This text as a key; `None` unless keys are text.
    fn of_text(text: &str) -> Option<&Self> {
        let _ = text;
        None
    }
}

/// The message of the panic when a map is given keys of another type.
const OTHER_KEYS: &str = "a map is built for the keys that it is asked for";

impl KeyForm for str {
    type Iter<'a> = StrIter<'a>;

    #[inline]
    fn of(keys: KeyIter<'_>) -> StrIter<'_> {
        let KeyIter::Str(keys) = keys else { panic!("{OTHER_KEYS}") };
        keys
    }

    #[inline]
    fn tag(&self) -> u64 {
        match self.as_bytes().last_chunk() {
            Some(last) => u64::from_le_bytes(*last),
            None => self.bytes().fold(0, |tag, byte| tag << 8 | u64::from(byte)),
        }
    }

    #[inline]
    fn of_text(text: &str) -> Option<&str> {
        Some(text)
    }
}

impl KeyForm for u64 {
    type Iter<'a> = slice::Iter<'a, u64>;

    #[inline]
    fn of(keys: KeyIter<'_>) -> slice::Iter<'_, u64> {
        let KeyIter::U64(keys) = keys else { panic!("{OTHER_KEYS}") };
        keys.iter()
    }

    #[inline]
    fn tag(&self) -> u64 {
        *self
    }
}

impl KeyForm for (u64, u64) {
    type Iter<'a> = slice::Iter<'a, (u64, u64)>;

    #[inline]
    fn of(keys: KeyIter<'_>) -> slice::Iter<'_, (u64, u64)> {
        let KeyIter::Pair(keys) = keys else { panic!("{OTHER_KEYS}") };
        keys.iter()
    }

    #[inline]
    fn tag(&self) -> u64 {
        self.1
    }
}

/// Returns the next keys, as many as there are or as fit; `None` if there are none.
#[inline]
pub(crate) fn group_of<'a, 'g, K: ?Sized>(
    keys: &mut impl Iterator<Item = &'a K>,
    room: &'g mut [&'a K],
) -> Option<&'g [&'a K]> {
    let mut taken = 0;
    for (place, key) in room.iter_mut().zip(keys) {
        *place = key;
        taken += 1;
    }
    (taken > 0).then(|| &room[..taken])
}

/// Keys of text of one length, one behind the other.
#[derive(Clone, Copy, Debug)]
pub struct StrIter<'a> {
    rest: &'a str,
    len: usize,
}

impl<'a> StrIter<'a> {
    pub(super) fn new(text: &'a str, len: usize) -> Self {
        Self { rest: text, len }
    }

    pub(super) fn text(self) -> &'a str {
        self.rest
    }

    pub(super) fn key_len(self) -> usize {
        self.len
    }
}

impl<'a> Iterator for StrIter<'a> {
    type Item = &'a str;

    #[inline]
    fn next(&mut self) -> Option<&'a str> {
        let (key, rest) = self.rest.split_at_checked(self.len)?;
        self.rest = rest;
        Some(key)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.rest.len() / self.len;
        (left, Some(left))
    }
}

impl ExactSizeIterator for StrIter<'_> {}
