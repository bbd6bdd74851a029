//! Keys, rendered before any clock starts.

mod form;
mod iter;

use hotcache_bench_plan::{KEY_DIGITS, KeyType};

pub(crate) use form::group_of;
pub use form::{KeyForm, StrIter};
pub use iter::{KeyIter, KeyRef, Room};

/// Keys of one type and length, one after another in one block of memory.
///
/// An operation's key lies right behind the one before, so that it is in cache when it is needed, as the key of
/// a request that was just parsed is. It is never the memory of the key that a map stores.
///
/// # Examples
///
/// ```
/// use hotcache_bench::keys::{KeyForm, Keys};
/// use hotcache_bench_plan::KeyType;
///
/// let keys = Keys::render([0, 35, 36], 4);
/// assert_eq!(str::of(keys.all()).collect::<Vec<_>>(), ["0000", "000z", "0010"]);
/// let keys = Keys::of(KeyType::U64, [7, 7, 8], 8);
/// let numbers: Vec<_> = u64::of(keys.all()).collect();
/// assert!(numbers[0] == numbers[1] && numbers[1] != numbers[2]);
/// ```
#[derive(Clone, Debug)]
pub struct Keys {
    block: Block,
    len: usize,
}

/// The keys themselves.
#[derive(Clone, Debug)]
enum Block {
    Str(String),
    U64(Vec<u64>),
    Pair(Vec<(u64, u64)>),
}

/// Odd, so that products with different numbers differ: identifiers that are spread over all of 64 bits, as those of a
/// service are, and not counted from 0.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// The number of values of a pair's first part: events that many users have bought from.
const FIRST_PARTS: u32 = 64;

impl Keys {
    /// The keys of text of these numbers, in this order.
    ///
    /// # Panics
    ///
    /// If a number does not fit into `len` digits.
    #[must_use]
    pub fn render(numbers: impl IntoIterator<Item = u32>, len: usize) -> Self {
        Self::of(KeyType::Str, numbers, len)
    }

    /// The keys of this type of these numbers, in this order: different numbers give different keys. `len` is the length of
    /// keys of text.
    ///
    /// # Panics
    ///
    /// If a number does not fit into `len` digits of text.
    #[must_use]
    pub fn of(key_type: KeyType, numbers: impl IntoIterator<Item = u32>, len: usize) -> Self {
        let spread = |number: u32| (u64::from(number) + 1).wrapping_mul(SPREAD);
        let block = match key_type {
            KeyType::Str => Block::Str(text(numbers, len)),
            KeyType::U64 => Block::U64(numbers.into_iter().map(spread).collect()),
            KeyType::Pair => {
                let pair = |number: u32| (u64::from(number % FIRST_PARTS), spread(number));
                Block::Pair(numbers.into_iter().map(pair).collect())
            }
        };
        Self { block, len: key_type.fixed_len().unwrap_or(len) }
    }

    /// The type of the keys.
    #[must_use]
    pub fn key_type(&self) -> KeyType {
        match self.block {
            Block::Str(_) => KeyType::Str,
            Block::U64(_) => KeyType::U64,
            Block::Pair(_) => KeyType::Pair,
        }
    }

    /// The number of keys.
    #[must_use]
    pub fn count(&self) -> usize {
        match &self.block {
            Block::Str(text) => text.len() / self.len,
            Block::U64(numbers) => numbers.len(),
            Block::Pair(pairs) => pairs.len(),
        }
    }

    /// The bytes of all of them.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.count() * self.len
    }

    /// The text of all of them, one behind the other; empty for keys that are no text.
    #[must_use]
    pub fn text(&self) -> &str {
        if let Block::Str(text) = &self.block { text } else { "" }
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> KeyIter<'_> {
        self.range(0, self.count())
    }

    /// The keys from `start` to before `end`.
    #[must_use]
    pub fn range(&self, start: usize, end: usize) -> KeyIter<'_> {
        match &self.block {
            Block::Str(text) => KeyIter::Str(StrIter::new(&text[start * self.len..end * self.len], self.len)),
            Block::U64(numbers) => KeyIter::U64(&numbers[start..end]),
            Block::Pair(pairs) => KeyIter::Pair(&pairs[start..end]),
        }
    }
}

fn text(numbers: impl IntoIterator<Item = u32>, len: usize) -> String {
    let mut text = String::new();
    let mut digits = vec![KEY_DIGITS[0]; len];
    for number in numbers {
        let mut rest = number as usize;
        for digit in digits.iter_mut().rev() {
            *digit = KEY_DIGITS[rest % KEY_DIGITS.len()];
            rest /= KEY_DIGITS.len();
        }
        assert!(rest == 0, "key {number} does not fit into {len} digits");
        text.extend(digits.iter().map(|digit| char::from(*digit)));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn different_numbers_give_different_keys_of_every_type() {
        for key_type in KeyType::ALL {
            let keys = Keys::of(key_type, 0..100_000, 8);
            let distinct: HashSet<_> = keys.all().collect();
            assert_eq!((keys.count(), distinct.len(), keys.key_type()), (100_000, 100_000, key_type));
            assert_eq!(keys.bytes(), 100_000 * key_type.fixed_len().unwrap_or(8));
            let again = Keys::of(key_type, [99_999], 8);
            assert!(distinct.contains(&again.all().next().expect("a key")), "the same number, the same key");
        }
    }

    #[test]
    fn keys_that_were_brought_near_are_the_same() {
        let mut room = Room::default();
        for key_type in KeyType::ALL {
            let keys = Keys::of(key_type, 0..100, 8);
            let some = keys.range(10, 20);
            some.copy_to(&mut room);
            assert!(some.at(&room).eq(some), "{key_type}");
            assert_eq!(some.at(&room).len(), 10);
        }
    }
}
