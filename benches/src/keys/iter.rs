use std::slice;

use super::StrIter;

/// Some keys, in order.
///
/// Timed loops take keys by their type: [`KeyForm::of`](super::KeyForm::of).
#[derive(Clone, Copy, Debug)]
pub enum KeyIter<'a> {
    /// Keys of text.
    Str(StrIter<'a>),
    /// Integers.
    U64(&'a [u64]),
    /// Pairs of integers.
    Pair(&'a [(u64, u64)]),
}

/// One key.
///
/// # Examples
///
/// ```
/// use hotcache_bench::keys::{KeyIter, KeyRef};
/// assert_eq!(KeyIter::one("sku:1").next(), Some(KeyRef::Str("sku:1")));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyRef<'a> {
    /// Text.
    Str(&'a str),
    /// An integer.
    U64(&'a u64),
    /// A pair of integers.
    Pair(&'a (u64, u64)),
}

/// Memory for a copy of some keys.
#[derive(Debug, Default)]
pub struct Room {
    text: String,
    numbers: Vec<u64>,
    pairs: Vec<(u64, u64)>,
}

impl<'a> From<&'a str> for KeyRef<'a> {
    fn from(text: &'a str) -> Self {
        KeyRef::Str(text)
    }
}

impl<'a> From<&'a String> for KeyRef<'a> {
    fn from(text: &'a String) -> Self {
        KeyRef::Str(text)
    }
}

impl<'a> KeyIter<'a> {
    /// This key alone.
    #[must_use]
    pub fn one(key: impl Into<KeyRef<'a>>) -> Self {
        match key.into() {
            KeyRef::Str(text) => KeyIter::Str(StrIter::new(text, text.len())),
            KeyRef::U64(number) => KeyIter::U64(slice::from_ref(number)),
            KeyRef::Pair(pair) => KeyIter::Pair(slice::from_ref(pair)),
        }
    }

    /// Copies them to other memory.
    pub fn copy_to(self, room: &mut Room) {
        match self {
            KeyIter::Str(keys) => {
                room.text.clear();
                room.text.push_str(keys.text());
            }
            KeyIter::U64(numbers) => {
                room.numbers.clear();
                room.numbers.extend_from_slice(numbers);
            }
            KeyIter::Pair(pairs) => {
                room.pairs.clear();
                room.pairs.extend_from_slice(pairs);
            }
        }
    }

    /// The keys of the same type and length that were [copied](KeyIter::copy_to) there.
    #[must_use]
    pub fn at<'r>(self, room: &'r Room) -> KeyIter<'r> {
        match self {
            KeyIter::Str(keys) => KeyIter::Str(StrIter::new(&room.text, keys.key_len())),
            KeyIter::U64(_) => KeyIter::U64(&room.numbers),
            KeyIter::Pair(_) => KeyIter::Pair(&room.pairs),
        }
    }
}

impl<'a> Iterator for KeyIter<'a> {
    type Item = KeyRef<'a>;

    fn next(&mut self) -> Option<KeyRef<'a>> {
        match self {
            KeyIter::Str(keys) => keys.next().map(KeyRef::Str),
            KeyIter::U64(numbers) => numbers.split_off_first().map(KeyRef::U64),
            KeyIter::Pair(pairs) => pairs.split_off_first().map(KeyRef::Pair),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = match self {
            KeyIter::Str(keys) => keys.len(),
            KeyIter::U64(numbers) => numbers.len(),
            KeyIter::Pair(pairs) => pairs.len(),
        };
        (left, Some(left))
    }
}

impl ExactSizeIterator for KeyIter<'_> {}
