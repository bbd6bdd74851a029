//! The keys that sign and verify.

use std::fmt;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::claims::{Claims, floor_millis};
use super::codec::Fields;
use super::error::{KeyError, TokenError};
use super::{MAX_LEN, MAX_NAME};

/// The shortest secret: that of the hash. A shorter one is the weakest part.
const LEAST_SECRET: usize = 32;

const MOST_NAME: usize = 32;

/// Room for the longest claims: a kind, two times, two names with their lengths.
const MOST_CLAIMS: usize = 1 + 8 + 8 + 2 * (1 + MAX_NAME);

/// Keys with names: the first signs, all verify. `Debug` shows their names only.
///
/// # Examples
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use cache_gate::token::{Keyring, User};
///
/// let now = SystemTime::now();
/// let old = Keyring::new("november", &[1; 32])?;
/// let token = old.sign(&User::new("ann", now + Duration::from_secs(60))?);
///
/// let keys = Keyring::new("december", &[2; 32])?.accept("november", &[1; 32])?;
/// assert!(keys.verify::<User>(&token, now).is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Keyring {
    keys: Vec<Key>,
}

#[derive(Clone)]
struct Key {
    name: String,
    /// Has taken in the secret. A clone of it signs one token.
    mac: Hmac<Sha256>,
}

impl Keyring {
    /// A keyring whose only key signs and verifies. Its name is part of each token, and no secret.
    ///
    /// # Examples
    ///
    /// See [`Keyring`].
    ///
    /// # Errors
    ///
    /// [`KeyError`]: a name is 1 to 32 of `A-Z a-z 0-9 - _`, a secret at least 32 bytes.
    pub fn new(name: &str, secret: &[u8]) -> Result<Self, KeyError> {
        Self { keys: Vec::new() }.accept(name, secret)
    }

    /// Adds a key that verifies, and does not sign.
    ///
    /// # Examples
    ///
    /// See [`Keyring`].
    ///
    /// # Errors
    ///
    /// As [`new`](Keyring::new), and if there is a key of that name.
    pub fn accept(mut self, name: &str, secret: &[u8]) -> Result<Self, KeyError> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if name.is_empty() || name.len() > MOST_NAME || !name.bytes().all(is_allowed) {
            return Err(KeyError::Name { name: name.to_owned() });
        }
        if self.keys.iter().any(|key| key.name == name) {
            return Err(KeyError::Duplicate { name: name.to_owned() });
        }
        let short = KeyError::Secret { len: secret.len() };
        if secret.len() < LEAST_SECRET {
            return Err(short);
        }
        let mac = Hmac::new_from_slice(secret).map_err(|_| short)?;
        self.keys.push(Key { name: name.to_owned(), mac });
        Ok(self)
    }

    /// Makes a token.
    ///
    /// # Examples
    ///
    /// See [`Keyring`].
    pub fn sign<C: Claims>(&self, claims: &C) -> String {
        // `new` is the only way to a keyring, and leaves a key in it.
        let key = &self.keys[0];
        let mut token = format!("{}.", key.name);
        BASE64.encode_string(claims.fields().encode(C::KIND), &mut token);
        let signature = key.sign(token.as_bytes()).finalize().into_bytes();
        token.push('.');
        BASE64.encode_string(signature, &mut token);
        token
    }

    /// Returns what a token says, if it is genuine, of this kind, and valid at the time `now`.
    ///
    /// # Examples
    ///
    /// See [`Keyring`].
    ///
    /// # Errors
    ///
    /// [`TokenError`] says which of these it is not. Nothing of the token is believed before its signature was verified.
    ///
    /// # Performance
    ///
    /// Allocates nothing, if the names in the token have 24 bytes or fewer.
    pub fn verify<C: Claims>(&self, token: &str, now: SystemTime) -> Result<C, TokenError> {
        let malformed = |what| TokenError::Malformed { what };
        if token.len() > MAX_LEN {
            return Err(malformed("it is too long"));
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(malformed("it has no signature"))?;
        let (name, claims) = signed.split_once('.').ok_or(malformed("it has no key"))?;
        let key = self.keys.iter().find(|key| key.name == name).ok_or(TokenError::UnknownKey)?;

        // A signature that is no base64, or of another length, is a wrong one: who made it had no secret.
        let mut buffer = [0; 2 * LEAST_SECRET];
        let len = BASE64.decode_slice(signature, &mut buffer).map_err(|_| TokenError::Forged)?;
        key.sign(signed.as_bytes()).verify_slice(&buffer[..len]).map_err(|_| TokenError::Forged)?;

        let mut buffer = [0; MOST_CLAIMS + 4];
        let len =
            BASE64.decode_slice(claims, &mut buffer).map_err(|_| malformed("its claims are no base64"))?;
        let (kind, fields) = Fields::decode(&buffer[..len]).ok_or(malformed("its claims cannot be read"))?;
        if kind != C::KIND {
            return Err(TokenError::OtherKind);
        }
        let now = floor_millis(now);
        if now < fields.from {
            return Err(TokenError::NotYet { starts_in: Duration::from_millis(fields.from - now) });
        }
        if now >= fields.until {
            return Err(TokenError::Expired { ago: Duration::from_millis(now - fields.until) });
        }
        Ok(C::from_fields(fields))
    }
}

impl Key {
    fn sign(&self, text: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.mac.clone();
        mac.update(text);
        mac
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|key| &key.name)).finish()
    }
}
