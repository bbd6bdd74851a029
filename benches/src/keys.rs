//! Keys, rendered before any clock starts.

use hotcache_bench_plan::KEY_DIGITS;

/// Keys of one length, one after another in one block of memory.
///
/// An operation's key lies right behind the one before, so that it is in cache when it is needed, as the key of
/// a request that was just parsed is. It is never the memory of the key that a map stores.
///
/// # Examples
///
/// ```
/// use hotcache_bench::keys::Keys;
/// let keys = Keys::render([0, 35, 36], 4);
/// assert_eq!(keys.all().collect::<Vec<_>>(), ["0000", "000z", "0010"]);
/// ```
#[derive(Clone, Debug)]
pub struct Keys {
    text: String,
    len: usize,
}

impl Keys {
    /// The keys of these numbers, in this order.
    ///
    /// # Panics
    ///
    /// If a number does not fit into `len` digits.
    #[must_use]
    pub fn render(numbers: impl IntoIterator<Item = u32>, len: usize) -> Self {
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
        Self { text, len }
    }

    /// The number of keys.
    #[must_use]
    pub fn count(&self) -> usize {
        self.text.len() / self.len
    }

    /// The text of all of them, one behind the other.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> KeyIter<'_> {
        self.range(0, self.count())
    }

    /// The keys from `start` to before `end`.
    #[must_use]
    pub fn range(&self, start: usize, end: usize) -> KeyIter<'_> {
        KeyIter { rest: &self.text[start * self.len..end * self.len], len: self.len }
    }
}

/// Some [`Keys`], in order.
#[derive(Clone, Copy, Debug)]
pub struct KeyIter<'a> {
    rest: &'a str,
    len: usize,
}

impl<'a> KeyIter<'a> {
    /// This key alone.
    #[must_use]
    pub fn one(key: &'a str) -> Self {
        Self { rest: key, len: key.len() }
    }

    /// Copies their text to other memory.
    pub fn copy_to(self, room: &mut String) {
        room.clear();
        room.push_str(self.rest);
    }

    /// The keys of the same length that were [copied](KeyIter::copy_to) there.
    #[must_use]
    pub fn at<'r>(self, room: &'r str) -> KeyIter<'r> {
        KeyIter { rest: room, len: self.len }
    }

    /// The next keys, as many as there is room for or left; `None` if none is left.
    #[inline]
    pub fn group<'g>(&mut self, room: &'g mut [&'a str]) -> Option<&'g [&'a str]> {
        let mut taken = 0;
        for (place, key) in room.iter_mut().zip(&mut *self) {
            *place = key;
            taken += 1;
        }
        (taken > 0).then(|| &room[..taken])
    }
}

impl<'a> Iterator for KeyIter<'a> {
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

impl ExactSizeIterator for KeyIter<'_> {}
