//! What can be wrong with a key, with claims, and with a token.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use super::MAX_NAME;

/// Why a key cannot be used.
///
/// # Examples
///
/// ```
/// use cache_gate::token::{KeyError, Keyring};
/// assert_eq!(Keyring::new("k", b"short").unwrap_err(), KeyError::Secret { len: 5 });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyError {
    /// The name of the key is not allowed.
    Name {
        /// The name.
        name: String,
    },
    /// The secret is too short.
    Secret {
        /// Its length in bytes.
        len: usize,
    },
    /// There is a key of this name already.
    Duplicate {
        /// The name.
        name: String,
    },
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyError::Name { name } => {
                write!(f, "invalid key name `{name}`: allowed are 1 to 32 of `A-Z a-z 0-9 - _`")
            }
            KeyError::Secret { len } => {
                write!(f, "a secret of {len} bytes: 32 or more are needed, from a random source")
            }
            KeyError::Duplicate { name } => write!(f, "two keys are named `{name}`"),
        }
    }
}

impl StdError for KeyError {}

/// Why claims cannot be made.
///
/// # Examples
///
/// ```
/// use std::time::SystemTime;
/// use cache_gate::token::{ClaimsError, User};
/// assert_eq!(User::new("", SystemTime::now()), Err(ClaimsError::Name { len: 0 }));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClaimsError {
    /// The name of the user or the item is empty or too long.
    Name {
        /// Its length in bytes.
        len: usize,
    },
    /// The window of time ends before it begins.
    Window,
}

impl fmt::Display for ClaimsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClaimsError::Name { len } => write!(f, "a name of {len} bytes: 1 to {MAX_NAME} are allowed"),
            ClaimsError::Window => {
                f.write_str("the window of time is empty: its end must come after its start")
            }
        }
    }
}

impl StdError for ClaimsError {}

/// Why a token was not accepted.
///
/// # Examples
///
/// ```
/// use std::time::SystemTime;
/// use cache_gate::token::{Keyring, TokenError, User};
///
/// let keys = Keyring::new("k", &[7; 32])?;
/// let verify = |token: &str| keys.verify::<User>(token, SystemTime::now()).unwrap_err();
/// assert!(matches!(verify("rubbish"), TokenError::Malformed { .. }));
/// assert!(matches!(verify("old.AAAA.AAAA"), TokenError::UnknownKey));
/// assert!(matches!(verify("k.AAAA.AAAA"), TokenError::Forged));
/// # Ok::<(), cache_gate::token::KeyError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenError {
    /// It is no token.
    Malformed {
        /// What is wrong with it.
        what: &'static str,
    },
    /// It was signed with a key that is not known here.
    UnknownKey,
    /// The signature is wrong: it was made or changed by somebody without the secret.
    Forged,
    /// It is a token of another kind.
    OtherKind,
    /// It is not valid yet.
    NotYet {
        /// How long until it is.
        starts_in: Duration,
    },
    /// It is not valid any more.
    Expired {
        /// Since when.
        ago: Duration,
    },
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TokenError::Malformed { what } => write!(f, "malformed token: {what}"),
            TokenError::UnknownKey => f.write_str("the token was signed with a key that is not known"),
            TokenError::Forged => f.write_str("the signature of the token is wrong"),
            TokenError::OtherKind => f.write_str("the token is of another kind"),
            TokenError::NotYet { starts_in } => {
                write!(f, "the token is valid in {starts_in:?}, and not before")
            }
            TokenError::Expired { ago } => write!(f, "the token expired {ago:?} ago"),
        }
    }
}

impl StdError for TokenError {}
