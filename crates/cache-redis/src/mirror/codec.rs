//! How objects are stored in Redis.

use std::error::Error;

/// Why a value does not decode.
pub type CodecError = Box<dyn Error + Send + Sync>;

/// Makes objects of the bytes that Redis has.
///
/// A function from `&[u8]` to `Result<V, CodecError>` is one too.
///
/// # Examples
///
/// ```
/// use cache_redis::{Codec, CodecError, Text};
///
/// assert_eq!(Text.decode(b"Flash sale").unwrap(), "Flash sale");
///
/// let seats = |bytes: &[u8]| -> Result<u32, CodecError> { Ok(std::str::from_utf8(bytes)?.parse()?) };
/// assert_eq!(seats.decode(b"12").unwrap(), 12);
/// ```
pub trait Codec<V>: Send + Sync + 'static {
    /// Makes an object.
    ///
    /// # Errors
    ///
    /// Why the bytes are none. The text is reported with the key.
    ///
    /// # Examples
    ///
    /// See [`Codec`].
    fn decode(&self, bytes: &[u8]) -> Result<V, CodecError>;
}

impl<V, F: Fn(&[u8]) -> Result<V, CodecError> + Send + Sync + 'static> Codec<V> for F {
    fn decode(&self, bytes: &[u8]) -> Result<V, CodecError> {
        self(bytes)
    }
}

/// Values that are text in UTF-8.
///
/// # Examples
///
/// See [`Codec`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Text;

impl Codec<String> for Text {
    fn decode(&self, bytes: &[u8]) -> Result<String, CodecError> {
        Ok(std::str::from_utf8(bytes)?.to_owned())
    }
}

/// Values that are JSON. Needs the feature `json`, `serde` of `hotcache`.
///
/// # Examples
///
/// ```
/// use cache_redis::{Codec, Json};
///
/// let seats: Vec<u32> = Json.decode(b"[1, 2]").unwrap();
/// assert_eq!(seats, [1, 2]);
/// ```
#[cfg(feature = "json")]
#[cfg_attr(docsrs, doc(cfg(feature = "json")))]
#[derive(Clone, Copy, Debug, Default)]
pub struct Json;

#[cfg(feature = "json")]
impl<V: serde::de::DeserializeOwned> Codec<V> for Json {
    fn decode(&self, bytes: &[u8]) -> Result<V, CodecError> {
        Ok(serde_json::from_slice(bytes)?)
    }
}
