//! Signed tokens: who a user is, and who may buy what from when on.
//!
//! A token is text that a client carries and cannot change. [`User`] says who he is, so that a black list means something.
//! [`Purchase`] says that a user may buy one item within a window of time. Hand it out when the sale starts: nobody can ask for
//! an item ahead of time without one.
//!
//! ```
//! use std::time::{Duration, SystemTime};
//! use cache_gate::token::{Keyring, Purchase, TokenError};
//!
//! let keys = Keyring::new("2026-12", b"an example of a secret: use 32 random bytes")?;
//! let start = SystemTime::now();
//! let token = keys.sign(&Purchase::new("ann", "sku:1", start..start + Duration::from_secs(600))?);
//!
//! let purchase = keys.verify::<Purchase>(&token, start + Duration::from_secs(1))?;
//! assert_eq!((purchase.user(), purchase.item()), ("ann", "sku:1"));
//! let late = keys.verify::<Purchase>(&token, start + Duration::from_secs(600));
//! assert!(matches!(late, Err(TokenError::Expired { .. })));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What it is, and what it is not
//!
//! The signature is HMAC-SHA256, compared in constant time. Whoever has the secret can make tokens. The content is not encrypted:
//! a client can read it. A token that was copied is as good as its original until it expires, and cannot be taken back: a
//! black list refuses its user. It is no session, no login and no JWT.
//!
//! # Format
//!
//! `<key>.<claims>.<signature>`: the name of the key, then two parts in base64 (URL-safe, without padding). The signature covers all
//! that stands before it. The kind of a token is part of its claims, so that one kind never passes for the other.
//!
//! # Rotation
//!
//! Tokens name the key that signed them. Add the new key on all nodes with [`accept`](Keyring::accept), then sign with it, and
//! drop the old one when the last token of it has expired.

mod claims;
mod codec;
mod error;
mod keyring;

pub use self::claims::{Claims, Purchase, User};
pub use self::error::{ClaimsError, KeyError, TokenError};
pub use self::keyring::Keyring;

/// The longest token that is looked at, in bytes. The longest that can be made is shorter.
pub const MAX_LEN: usize = 1_024;

/// The longest name of a user or an item in a token, in bytes: as long as the gate allows.
pub const MAX_NAME: usize = crate::MAX_ID;
