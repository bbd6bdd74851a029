//! Settings from environment variables: a malformed one is an error, never a default.

use std::env::{self, VarError};
use std::fmt::Display;
use std::str::FromStr;

/// The number in `variable`, or `default` where it is not set.
pub(crate) fn number<T: FromStr<Err: Display>>(variable: &str, default: T) -> T {
    optional(variable).unwrap_or(default)
}

/// The number in `variable`, if it is set.
pub(crate) fn optional<T: FromStr<Err: Display>>(variable: &str) -> Option<T> {
    match env::var(variable) {
        Ok(text) => match text.parse() {
            Ok(number) => Some(number),
            Err(error) => panic!("{variable}={text:?} is no number that fits: {error}"),
        },
        Err(VarError::NotPresent) => None,
        Err(error) => panic!("{variable}: {error}"),
    }
}
