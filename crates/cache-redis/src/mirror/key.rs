//! Keys of Redis as keys of a cache.

use std::io::Write;

use cache_core::Key;

/// A key of a cache that Redis knows by its bytes.
///
/// Implemented for `str` (UTF-8), `[u8]`, and integers in decimal. A name that is no key of the cache's type is
/// [reported](super::Mirror::undecodable), and so is `007` for an integer: it would be the key 7, which Redis may have too.
///
/// # Examples
///
/// ```
/// use cache_redis::MirrorKey;
///
/// assert_eq!(u64::from_redis(b"7", |key| *key), Some(7));
/// assert_eq!(u64::from_redis(b"007", |key| *key), None);
/// ```
pub trait MirrorKey: Key {
    /// Calls `f` with the key of these bytes; `None` if there is none.
    ///
    /// # Examples
    ///
    /// See [`MirrorKey`].
    fn from_redis<R>(bytes: &[u8], f: impl FnOnce(&Self) -> R) -> Option<R>;

    /// Appends the bytes of a key: the inverse.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_redis::MirrorKey;
    ///
    /// let mut bytes = Vec::new();
    /// 7_u64.to_redis(&mut bytes);
    /// assert_eq!(bytes, b"7");
    /// ```
    fn to_redis(&self, out: &mut Vec<u8>);
}

impl MirrorKey for str {
    fn from_redis<R>(bytes: &[u8], f: impl FnOnce(&Self) -> R) -> Option<R> {
        std::str::from_utf8(bytes).ok().map(f)
    }

    fn to_redis(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.as_bytes());
    }
}

impl MirrorKey for [u8] {
    fn from_redis<R>(bytes: &[u8], f: impl FnOnce(&Self) -> R) -> Option<R> {
        Some(f(bytes))
    }

    fn to_redis(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }
}

/// Implements [`MirrorKey`] for integers.
macro_rules! integers {
    ($($t:ty)*) => {$(
        impl MirrorKey for $t {
            fn from_redis<R>(bytes: &[u8], f: impl FnOnce(&Self) -> R) -> Option<R> {
                // Only as it would be written.
                let digits = bytes.strip_prefix(b"-").unwrap_or(bytes);
                if matches!(digits, [b'0', _, ..] | [b'+', ..]) || bytes == b"-0" {
                    return None;
                }
                std::str::from_utf8(bytes).ok()?.parse().ok().map(|key| f(&key))
            }

            fn to_redis(&self, out: &mut Vec<u8>) {
                write!(out, "{self}").expect("a vector takes every byte");
            }
        }
    )*};
}

integers!(u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_read_only_as_they_are_written() {
        for (bytes, key) in [("0", Some(0)), ("-7", Some(-7)), ("12", Some(12))] {
            assert_eq!(i64::from_redis(bytes.as_bytes(), |key| *key), key);
        }
        for bytes in ["", "+1", "-0", "01", "-01", "1 ", "9223372036854775808", "-+1"] {
            assert_eq!(i64::from_redis(bytes.as_bytes(), |key| *key), None, "{bytes}");
        }
    }
}
