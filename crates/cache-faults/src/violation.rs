use std::fmt;

use anyhow::Result;

/// What an oracle found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation(String);

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Violation {}

pub(crate) fn violated<T>(what: impl Into<String>) -> Result<T> {
    Err(Violation(what.into()).into())
}
