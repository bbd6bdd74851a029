//! Keys of several parts, built on the stack.

use std::ops::Deref;

use crate::MAX_ID;

/// The bytes of a key, at most `N`.
pub(crate) struct StackKey<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

impl<const N: usize> StackKey<N> {
    const fn new() -> Self {
        Self { bytes: [0; N], length: 0 }
    }

    /// Appends bytes. The gate has checked the lengths of all ids, so that they fit; what does not is cut off.
    fn push(mut self, part: &[u8]) -> Self {
        let fits = part.len().min(N - self.length);
        self.bytes[self.length..self.length + fits].copy_from_slice(&part[..fits]);
        self.length += fits;
        self
    }
}

impl<const N: usize> Deref for StackKey<N> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// The key of a user's count: the item's number, which no other item ever has, and the user.
pub(crate) fn count(item: u64, user: &str) -> StackKey<{ 8 + MAX_ID }> {
    StackKey::new().push(&item.to_be_bytes()).push(user.as_bytes())
}

/// The item's number and the user in a key of [`count`].
pub(crate) fn split_count(key: &[u8]) -> Option<(u64, &str)> {
    let (item, user) = key.split_first_chunk()?;
    Some((u64::from_be_bytes(*item), std::str::from_utf8(user).ok()?))
}

/// The key of a request id. The length of the user's id comes first, so that no two pairs have one key.
pub(crate) fn request(user: &str, id: &str) -> StackKey<{ 1 + 2 * MAX_ID }> {
    StackKey::new().push(&[user.len() as u8]).push(user.as_bytes()).push(id.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_pairs_have_one_key() {
        assert_ne!(&*request("a", "bc"), &*request("ab", "c"));
        let long = "x".repeat(MAX_ID);
        assert_eq!(request(&long, &long).len(), 1 + 2 * MAX_ID);
        assert_ne!(&*request(&long, &long), &*request(&long, &long[1..]));
    }

    #[test]
    fn a_count_tells_its_item_and_user() {
        assert_eq!(split_count(&count(7, "ann")), Some((7, "ann")));
        assert_eq!(split_count(b"short"), None);
    }
}
