mod composite;

use std::borrow::Borrow;
use std::fmt::Debug;
use std::hash::Hash;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use compact_str::CompactString;

pub use self::composite::Composite;

/// A key as callers hold it, with the owned form that a cache stores.
///
/// Callers look keys up by reference (`&str`, `&[u8]`, `&u64`). The owned form is created only for an insert. The
/// trait is implemented for `str`, `[u8]`, `[u8; N]`, `bool`, `char`, all integers and IP addresses, for `uuid::Uuid`
/// with the feature `uuid`, and for pairs and triples of these, except `str` and `[u8]`. For `String` keys, use a
/// cache keyed by `str` and look up with `&*name`. For keys that combine a string with other parts, see
/// [`Composite`].
///
/// As [`Borrow`] requires, a key and its owned form must have the same hash and the same order.
///
/// # Examples
///
/// Implementing it for your own type takes a few lines:
///
/// ```
/// use hotcache::Key;
///
/// #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
/// struct Sku { shop: u32, item: u64 }
///
/// impl Key for Sku {
///     type Owned = Sku;
///     fn to_owned_key(&self) -> Sku { *self }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a cache key",
    label = "not a cache key",
    note = "the type of the values comes first, and `str` is the default for keys: `Cache<V, K>`, `ObjCache<V, K>`",
    note = "for a `String`, use a cache keyed by `str`, and look up with `&*name` or `name.as_str()`",
    note = "for a `Vec<u8>`, use a cache keyed by `[u8]`",
    note = "for several parts of which one is a string, key the cache by `[u8]`, and look up with a `Composite`",
    note = "for a type of your own, derive Clone, Debug, PartialEq, Eq, PartialOrd, Ord and Hash, and implement `Key` in two lines"
)]
pub trait Key: Hash + Ord + Send + Sync + 'static {
    /// The form that a cache stores.
    type Owned: Borrow<Self> + Hash + Ord + Clone + Debug + Send + Sync + 'static;

    /// Returns the owned form of this key.
    ///
    /// # Examples
    ///
    /// ```
    /// use hotcache::{CompactString, Key};
    /// let owned: CompactString = "sku:1".to_owned_key();
    /// assert_eq!(owned, "sku:1");
    /// ```
    fn to_owned_key(&self) -> Self::Owned;

    /// Returns the bytes of this key, if its type is represented by bytes.
    ///
    /// `Some` for `str`, `[u8]` and `[u8; N]`. A table may then store the bytes in its entries, and hash and compare
    /// them a word at a time. Two keys are equal exactly if their bytes are equal. A type returns `Some` for all of
    /// its keys or for none.
    ///
    /// # Examples
    ///
    /// ```
    /// use hotcache::Key;
    /// assert_eq!("é".as_bytes(), &[0xc3, 0xa9]);
    /// assert_eq!(Key::as_bytes("é"), Some(&[0xc3, 0xa9][..]));
    /// assert_eq!(Key::as_bytes(&7_u64), None);
    /// ```
    fn as_bytes(&self) -> Option<&[u8]> {
        None
    }

    /// Returns the key with these bytes: the inverse of [`as_bytes`](Key::as_bytes).
    ///
    /// `None` if the type is not represented by bytes, or if the bytes are not a valid key (for `str`, not UTF-8).
    ///
    /// # Examples
    ///
    /// ```
    /// use hotcache::Key;
    /// assert_eq!(<str as Key>::from_bytes(b"sku"), Some("sku"));
    /// assert_eq!(<str as Key>::from_bytes(b"\xff"), None);
    /// ```
    fn from_bytes(bytes: &[u8]) -> Option<&Self> {
        let _ = bytes;
        None
    }
}

impl Key for str {
    type Owned = CompactString;

    fn to_owned_key(&self) -> CompactString {
        CompactString::new(self)
    }

    fn as_bytes(&self) -> Option<&[u8]> {
        Some(self.as_bytes())
    }

    fn from_bytes(bytes: &[u8]) -> Option<&str> {
        std::str::from_utf8(bytes).ok()
    }
}

impl Key for [u8] {
    type Owned = Box<[u8]>;

    fn to_owned_key(&self) -> Box<[u8]> {
        self.into()
    }

    fn as_bytes(&self) -> Option<&[u8]> {
        Some(self)
    }

    fn from_bytes(bytes: &[u8]) -> Option<&[u8]> {
        Some(bytes)
    }
}

/// Implements [`Key`] for types that are `Copy`, which are their own owned form.
macro_rules! copy_keys {
    ($($t:ty)*) => {$(
        impl Key for $t {
            type Owned = $t;

            fn to_owned_key(&self) -> $t {
                *self
            }
        }
    )*};
}

copy_keys!(u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize bool char IpAddr Ipv4Addr Ipv6Addr);

#[cfg(feature = "uuid")]
copy_keys!(uuid::Uuid);

impl<const N: usize> Key for [u8; N] {
    type Owned = [u8; N];

    fn to_owned_key(&self) -> [u8; N] {
        *self
    }

    fn as_bytes(&self) -> Option<&[u8]> {
        Some(self)
    }

    fn from_bytes(bytes: &[u8]) -> Option<&[u8; N]> {
        bytes.try_into().ok()
    }
}

impl<A, B> Key for (A, B)
where
    A: Key<Owned = A> + Copy + Debug,
    B: Key<Owned = B> + Copy + Debug,
{
    type Owned = (A, B);

    fn to_owned_key(&self) -> (A, B) {
        *self
    }
}

impl<A, B, C> Key for (A, B, C)
where
    A: Key<Owned = A> + Copy + Debug,
    B: Key<Owned = B> + Copy + Debug,
    C: Key<Owned = C> + Copy + Debug,
{
    type Owned = (A, B, C);

    fn to_owned_key(&self) -> (A, B, C) {
        *self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip<K: Key + ?Sized + Debug>(key: &K) {
        assert_eq!(key.to_owned_key().borrow(), key);
        if let Some(bytes) = key.as_bytes() {
            assert_eq!(K::from_bytes(bytes), Some(key));
        }
    }

    #[test]
    fn a_key_survives_being_owned() {
        round_trip("");
        round_trip("a\0b");
        round_trip("größer als vierundzwanzig Bytes");
        round_trip(&b"\xff\0"[..]);
        round_trip(&0_u8);
        round_trip(&i64::MIN);
        round_trip(&(7_u64, u64::MAX));
        round_trip(&(7_u64, true, [1_u8, 2]));
        round_trip(&[0_u8; 16]);
        round_trip(&IpAddr::from([127, 0, 0, 1]));
        round_trip(&Ipv6Addr::LOCALHOST);
        #[cfg(feature = "uuid")]
        round_trip(&uuid::Uuid::from_u128(1));
    }

    #[test]
    fn short_strings_are_owned_without_the_heap() {
        assert!(!"x".repeat(24).as_str().to_owned_key().is_heap_allocated());
    }
}
