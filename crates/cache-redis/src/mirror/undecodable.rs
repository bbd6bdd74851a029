//! Keys that cannot be mirrored.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// The number of keys that are remembered.
const MOST_REMEMBERED: usize = 100;

/// Why the value of a key is not in the cache.
///
/// # Examples
///
/// ```
/// let reason = cache_redis::Reason::WrongType { found: "list".to_owned() };
/// assert!(reason.to_string().contains("list"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// The name, without the prefix, is no key of the cache's type.
    Key,
    /// The value is no integer.
    NotAnInteger {
        /// The beginning of the value.
        value: String,
    },
    /// The value is an integer outside `i64`.
    OutOfRange {
        /// The value.
        value: String,
    },
    /// The key holds no string.
    WrongType {
        /// The type, as `TYPE` names it.
        found: String,
    },
    /// The codec refused the value.
    Codec {
        /// What it said.
        error: String,
    },
    /// The counters have as many keys as they may.
    Full,
}

#[cfg(feature = "tracing")]
impl Reason {
    /// What kind it is, without anything of the value.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Reason::Key => "key",
            Reason::NotAnInteger { .. } => "not an integer",
            Reason::OutOfRange { .. } => "out of range",
            Reason::WrongType { .. } => "wrong type",
            Reason::Codec { .. } => "codec",
            Reason::Full => "full",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Key => f.write_str("the name is not a key of the cache's type"),
            Reason::NotAnInteger { value } => {
                write!(f, "`{value}` is not an integer; store it with SET or INCRBY, in decimal")
            }
            Reason::OutOfRange { value } => {
                write!(f, "{value} is out of range: allowed are {} to {}", i64::MIN, i64::MAX)
            }
            Reason::WrongType { found } => {
                write!(f, "it is a {found}, and only strings are mirrored; give other types another prefix")
            }
            Reason::Codec { error } => write!(f, "the value does not decode: {error}"),
            Reason::Full => f.write_str("the counters are full; raise `max_keys`"),
        }
    }
}

/// A key that is in Redis but not in the cache, and why.
///
/// # Examples
///
/// See [`Mirror::undecodable`](super::Mirror::undecodable).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Undecodable {
    /// The key of Redis, prefix included. Bytes that are no UTF-8 are replaced.
    pub key: String,
    /// Why its value is not in the cache.
    pub reason: Reason,
}

/// Hears of keys that cannot be mirrored.
pub(super) type Listener = Box<dyn Fn(&Undecodable) + Send + Sync>;

/// Collects what could not be mirrored.
#[derive(Default)]
pub(super) struct Undecodables {
    count: AtomicU64,
    last: Mutex<VecDeque<Undecodable>>,
    listener: Option<Listener>,
}

impl Undecodables {
    pub(super) fn new(listener: Option<Listener>) -> Self {
        Self { listener, ..Self::default() }
    }

    /// Counts and remembers a key. One that is remembered already moves to the end.
    pub(super) fn report(&self, key: &[u8], reason: Reason) {
        self.count.fetch_add(1, Ordering::Relaxed);
        let found = Undecodable { key: String::from_utf8_lossy(key).into_owned(), reason };
        if let Some(listener) = &self.listener {
            listener(&found);
        }
        let mut last = self.last.lock().expect("no holder of this lock panics");
        last.retain(|other| other.key != found.key);
        if last.len() == MOST_REMEMBERED {
            last.pop_front();
        }
        last.push_back(found);
    }

    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    pub(super) fn last(&self) -> Vec<Undecodable> {
        self.last.lock().expect("no holder of this lock panics").iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_are_remembered_and_each_once() {
        let found = Undecodables::default();
        for n in 0..200 {
            found.report(format!("k{n}").as_bytes(), Reason::Key);
            found.report(b"again", Reason::Full);
        }
        let last = found.last();
        assert_eq!((found.count(), last.len()), (400, MOST_REMEMBERED));
        assert_eq!(last[MOST_REMEMBERED - 1].key, "again");
        assert_eq!(last.iter().filter(|one| one.key == "again").count(), 1);
    }
}
