use std::fmt;
use std::str::FromStr;

use crate::Refusal;

/// The variable of the environment that chooses key counts where `--max-key` does not.
pub const MAX_KEY_VARIABLE: &str = "maxKey";

/// How many keys a map has at most where every operation has a key of its own.
pub const OWN_KEY_BATCH: usize = 1_000_000;

/// Past this, the keys of a run alone would fill tens of gigabytes.
const MOST: usize = 1_000_000_000;

/// How many keys a map has.
///
/// 0 means that every operation has a key of its own, in batches of at most [`OWN_KEY_BATCH`].
///
/// # Examples
///
/// ```
/// use hotcache_bench_plan::KeyCount;
///
/// assert_eq!(KeyCount::parse_list("100, 1_000_000"), Ok(vec![KeyCount(100), KeyCount(1_000_000)]));
/// assert!(KeyCount(0).is_own());
/// assert!(KeyCount::parse_list("100,-1").unwrap_err().to_string().contains("`-1`"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyCount(pub usize);

impl KeyCount {
    /// Whether every operation has a key of its own.
    #[must_use]
    pub const fn is_own(self) -> bool {
        self.0 == 0
    }

    /// Reads counts with commas between them.
    ///
    /// # Errors
    ///
    /// If one of them is not a valid key count. The message names it.
    pub fn parse_list(text: &str) -> Result<Vec<KeyCount>, Refusal> {
        text.split(',').map(|one| one.trim().parse()).collect()
    }
}

impl FromStr for KeyCount {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        let digits = text.replace('_', "");
        match digits.parse::<usize>() {
            Ok(count) if count <= MOST => Ok(KeyCount(count)),
            Ok(_) => Err(Refusal::new(format!("`{text}` keys are too many: at most {MOST} are allowed"))),
            Err(_) => Err(Refusal::new(format!(
                "invalid key count `{text}`: expected an integer such as 100, or 0 for a new key in every operation"
            ))),
        }
    }
}

impl fmt::Display for KeyCount {
    /// Short, for tables: `100`, `100k`, `1M`, `own`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.0 {
            0 => "own".to_owned(),
            n if n.is_multiple_of(1_000_000) => format!("{}M", n / 1_000_000),
            n if n.is_multiple_of(1_000) => format!("{}k", n / 1_000),
            n => n.to_string(),
        };
        f.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_is_refused_by_name() {
        for bad in ["", "x", "1e6", "-1", "1.5", "100;200"] {
            let refused = KeyCount::parse_list(bad).expect_err(bad).to_string();
            assert!(refused.contains(&format!("`{bad}`")), "{refused}");
        }
        assert!("1000000000000".parse::<KeyCount>().expect_err("too many").to_string().contains("too many"));
    }

    #[test]
    fn counts_are_shown_short() {
        let shown = [0, 7, 100, 1_500, 100_000, 1_000_000].map(|n| KeyCount(n).to_string());
        assert_eq!(shown, ["own", "7", "100", "1500", "100k", "1M"]);
    }
}
