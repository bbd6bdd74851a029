//! What a mirror writes to.

mod cache;
mod counters;
mod int;
mod obj;

use std::time::Duration;

pub(super) use self::cache::CacheTarget;
pub(super) use self::counters::CountersTarget;
pub(super) use self::int::IntTarget;
pub(super) use self::obj::ObjTarget;

use super::{MirrorKey, Reason};

/// What a mirror keeps equal to Redis.
///
/// The crate has them for `IntCache`, `ObjCache`, `Cache` and `Counters`: see [`MirrorBuilder`](super::MirrorBuilder).
/// Implement it for a structure of your own. A key is that of Redis without the prefix, unless the mirror keeps it.
///
/// Methods are called from one task for each primary, must not block for long, and must not panic: a panic ends
/// the session, and everything is loaded again.
///
/// # Examples
///
/// ```
/// use std::collections::BTreeMap;
/// use std::sync::Mutex;
/// use std::time::Duration;
/// use cache_redis::{Reason, Target};
///
/// #[derive(Default)]
/// struct Sorted(Mutex<BTreeMap<Vec<u8>, Vec<u8>>>);
///
/// impl Target for Sorted {
///     fn set(&self, key: &[u8], value: &[u8], _: Option<Duration>) -> Result<(), Reason> {
///         self.0.lock().unwrap().insert(key.to_vec(), value.to_vec());
///         Ok(())
///     }
///     fn remove(&self, key: &[u8]) {
///         self.0.lock().unwrap().remove(key);
///     }
///     fn retain(&self, keep: &mut dyn FnMut(&[u8]) -> bool) {
///         self.0.lock().unwrap().retain(|key, _| keep(key));
///     }
///     fn is_empty(&self) -> bool {
///         self.0.lock().unwrap().is_empty()
///     }
/// }
/// ```
pub trait Target: Send + Sync + 'static {
    /// Stores the value of a key. `lifetime` is how long it lives from now on, if it expires in Redis.
    ///
    /// # Errors
    ///
    /// Why it cannot be stored. The mirror then [removes](Target::remove) the key.
    ///
    /// # Examples
    ///
    /// See [`Target`].
    fn set(&self, key: &[u8], value: &[u8], lifetime: Option<Duration>) -> Result<(), Reason>;

    /// Removes a key, if it is there.
    ///
    /// # Examples
    ///
    /// See [`Target`].
    fn remove(&self, key: &[u8]);

    /// Removes the keys for which `keep` is false. `keep` calls no cache, so it may run under a lock.
    ///
    /// # Examples
    ///
    /// See [`Target`].
    fn retain(&self, keep: &mut dyn FnMut(&[u8]) -> bool);

    /// Whether it has no keys.
    ///
    /// # Examples
    ///
    /// See [`Target`].
    fn is_empty(&self) -> bool;

    /// Whether values can expire by themselves. Only then does the mirror ask for the time that each has left.
    ///
    /// # Examples
    ///
    /// See [`Target`].
    fn expires(&self) -> bool {
        false
    }
}

/// Reads an integer as Redis writes it.
fn integer(value: &[u8]) -> Result<i64, Reason> {
    /// How much of a value is shown.
    const SHOWN: usize = 40;
    let text = std::str::from_utf8(value).ok().filter(|text| !text.starts_with('+'));
    let parsed = text.map(str::parse);
    if let Some(Ok(value)) = parsed {
        return Ok(value);
    }
    let value = String::from_utf8_lossy(&value[..value.len().min(SHOWN)]).into_owned();
    let digits = text.map(|text| text.strip_prefix('-').unwrap_or(text)).unwrap_or_default();
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        Err(Reason::OutOfRange { value })
    } else {
        Err(Reason::NotAnInteger { value })
    }
}

/// Asks `keep`, which knows the bytes that a key has in Redis, about keys of a cache.
fn of_key<K: MirrorKey + ?Sized>(keep: &mut dyn FnMut(&[u8]) -> bool) -> impl FnMut(&K) -> bool {
    let mut bytes = Vec::new();
    move |key| {
        bytes.clear();
        key.to_redis(&mut bytes);
        keep(&bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_those_of_i64() {
        assert_eq!(integer(b"-9223372036854775808"), Ok(i64::MIN));
        assert!(matches!(integer(b"9223372036854775808"), Err(Reason::OutOfRange { .. })));
        assert!(matches!(integer(b"-9223372036854775809"), Err(Reason::OutOfRange { .. })));
        for value in [&b""[..], b"1.5", b"+1", b" 1", b"-", b"\xff", &[b'x'; 1000]] {
            let Err(Reason::NotAnInteger { value }) = integer(value) else {
                panic!("{value:?} is no integer")
            };
            assert!(value.len() <= 120);
        }
    }
}
