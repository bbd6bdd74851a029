use std::error::Error;
use std::fmt;

use crate::shown;

/// An error for flags that cannot be used, with a message for the user.
///
/// # Examples
///
/// ```
/// use hotcache_bench_plan::{KeyCount, Refusal};
///
/// let refused: Refusal = "many".parse::<KeyCount>().unwrap_err();
/// assert!(refused.to_string().starts_with("invalid key count `many`"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal(String);

impl Refusal {
    pub(crate) fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }

    /// Refuses a name that is none of those there are.
    pub(crate) fn unknown<'a>(what: &str, name: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let known: Vec<_> = known.into_iter().collect();
        Self(format!("there is no {what} named `{}`; there are: {}", shown(name), known.join(", ")))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Refusal {}
