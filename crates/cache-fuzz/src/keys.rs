//! Keys by number, of each kind that the table keeps in another way.

use cache_core::Key;

/// A kind of keys.
pub(crate) trait Keys {
    type Key: Key + ?Sized;

    /// The key of a number; each has another.
    fn key(number: u16) -> <Self::Key as Key>::Owned;
}

/// Lengths around those where the table turns to something else, and some that it points at.
const LENGTHS: [usize; 16] = [1, 3, 7, 8, 9, 15, 23, 24, 25, 40, 41, 56, 57, 72, 73, 300];

/// The number in digits, and blanks before or after it. The empty string is no number's but 0's.
fn text(number: u16) -> String {
    let length = LENGTHS[usize::from(number) % LENGTHS.len()];
    match number {
        0 => String::new(),
        _ if number.is_multiple_of(3) => format!("{number:<length$}"),
        _ => format!("{number:>length$}"),
    }
}

pub(crate) struct Strings;

impl Keys for Strings {
    type Key = str;

    fn key(number: u16) -> <str as Key>::Owned {
        text(number).to_owned_key()
    }
}

/// Bytes that are no text.
pub(crate) struct Slices;

impl Keys for Slices {
    type Key = [u8];

    fn key(number: u16) -> <[u8] as Key>::Owned {
        let bytes: Vec<u8> = text(number).bytes().map(|byte| !byte).collect();
        bytes.to_owned_key()
    }
}

pub(crate) struct Numbers;

impl Keys for Numbers {
    type Key = u64;

    fn key(number: u16) -> u64 {
        // Some close together, and some far apart.
        if number.is_multiple_of(2) { u64::from(number) } else { u64::from(number) << 48 }
    }
}

pub(crate) struct Pairs;

impl Keys for Pairs {
    type Key = (u128, u128);

    fn key(number: u16) -> (u128, u128) {
        (u128::from(number % 5), u128::from(number / 5) << 100)
    }
}

/// A key of a user's own, which is kept in a box.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Name(String, u8);

impl Key for Name {
    type Owned = Name;

    fn to_owned_key(&self) -> Name {
        self.clone()
    }
}

pub(crate) struct Names;

impl Keys for Names {
    type Key = Name;

    fn key(number: u16) -> Name {
        Name(text(number / 7), (number % 7) as u8)
    }
}

/// Runs a generic body with the kind of keys that a byte chooses.
macro_rules! with_keys {
    ($byte:expr, $Keys:ident => $body:expr) => {
        match $byte % 5 {
            0 => {
                type $Keys = $crate::keys::Slices;
                $body
            }
            1 => {
                type $Keys = $crate::keys::Numbers;
                $body
            }
            2 => {
                type $Keys = $crate::keys::Pairs;
                $body
            }
            3 => {
                type $Keys = $crate::keys::Names;
                $body
            }
            _ => {
                type $Keys = $crate::keys::Strings;
                $body
            }
        }
    };
}
pub(crate) use with_keys;

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn all_differ<K: Keys>() {
        let keys: HashSet<_> = (0..=u16::MAX).map(K::key).collect();
        assert_eq!(keys.len(), 1 << 16);
    }

    #[test]
    fn every_number_has_a_key_of_its_own() {
        all_differ::<Strings>();
        all_differ::<Slices>();
        all_differ::<Numbers>();
        all_differ::<Pairs>();
        all_differ::<Names>();
    }
}
