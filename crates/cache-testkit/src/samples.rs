//! Keys of every kind that callers may have.

use cache_core::Key;

/// A key type of a user's own, with a stored form of its own too.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Sku {
    pub(crate) shop: u32,
    pub(crate) item: u64,
}

/// What a cache stores for a [`Sku`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct StoredSku(Box<Sku>);

impl Key for Sku {
    type Owned = StoredSku;

    fn to_owned_key(&self) -> StoredSku {
        StoredSku(Box::new(self.clone()))
    }
}

impl std::borrow::Borrow<Sku> for StoredSku {
    fn borrow(&self) -> &Sku {
        &self.0
    }
}

/// Bytes of the longest key: nobody should, and it must work.
const MEGABYTE: usize = 1 << 20;

/// Strings that a table could take for one another, or not take at all.
pub(crate) fn odd_strings() -> Vec<String> {
    let mut strings: Vec<String> = [
        "",
        "\0",
        "\0\0",
        "a",
        "a\0",
        "\0a",
        "a\0b",
        "A",
        "ä",
        "a\u{308}",
        "日本語のキー",
        "ключ с пробелами и довольно длинный",
        "🛒🛒🛒🛒🛒🛒🛒🛒",
        "\u{10ffff}",
        "\u{feff}",
        " ",
        "\n",
    ]
    .map(str::to_owned)
    .into();
    // Every length around the sizes that a table or a string may keep inline, equal but for the last byte or
    // for the first.
    for length in 1..=70 {
        let stem = "x".repeat(length - 1);
        strings.extend([format!("{stem}y"), format!("{stem}z"), format!("w{stem}x")]);
    }
    let long = "m".repeat(MEGABYTE - 1);
    strings.extend([format!("{long}y"), format!("{long}z")]);
    strings
}

/// The same for bytes, with some that are not UTF-8.
pub(crate) fn odd_bytes() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = odd_strings().into_iter().map(String::into_bytes).collect();
    all.extend([vec![0xff], vec![0xff; 16], vec![0xc3], vec![0x80; 100], vec![0; 8], vec![0; 9]]);
    all
}
