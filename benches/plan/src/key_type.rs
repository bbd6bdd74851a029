use std::fmt;
use std::str::FromStr;

use crate::Refusal;

/// The type of the keys of a cache.
///
/// # Examples
///
/// ```
/// use hotcache_bench_plan::KeyType;
///
/// assert_eq!("u64".parse(), Ok(KeyType::U64));
/// assert_eq!(KeyType::Pair.fixed_len(), Some(16));
/// assert!("uuid".parse::<KeyType>().unwrap_err().to_string().contains("there are: str, u64, pair"));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyType {
    /// Text: `str`, of any length.
    #[default]
    Str,
    /// Integers: `u64`.
    U64,
    /// Pairs of integers: `(u64, u64)`.
    Pair,
}

impl KeyType {
    /// Every type.
    pub const ALL: [KeyType; 3] = [KeyType::Str, KeyType::U64, KeyType::Pair];

    /// The name in flags, tables and JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            KeyType::Str => "str",
            KeyType::U64 => "u64",
            KeyType::Pair => "pair",
        }
    }

    /// The length of every key in bytes; `None` for text, whose length can be chosen.
    #[must_use]
    pub const fn fixed_len(self) -> Option<usize> {
        match self {
            KeyType::Str => None,
            KeyType::U64 => Some(8),
            KeyType::Pair => Some(16),
        }
    }
}

impl fmt::Display for KeyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for KeyType {
    type Err = Refusal;

    fn from_str(name: &str) -> Result<Self, Refusal> {
        let found = KeyType::ALL.into_iter().find(|key_type| key_type.name() == name);
        found.ok_or_else(|| Refusal::unknown("key type", name, KeyType::ALL.map(KeyType::name)))
    }
}
