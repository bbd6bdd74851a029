use std::time::Duration;

use crate::MirrorKey;
use crate::feed::Position;

/// A change to be written: for [`Writer::apply`](super::Writer::apply), which writes many in one step.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use cache_redis::writer::Write;
///
/// let writes = [
///     Write::set_int("sku:1", 100),
///     Write::add("sku:2", -1),
///     Write::set("event:1", "Flash sale").time_to_live(Duration::from_secs(60)),
///     Write::del("sku:3"),
/// ];
/// # let _ = writes;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// Without the prefix.
    pub(super) key: Vec<u8>,
    pub(super) operation: Operation,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Set { value: Vec<u8>, time_to_live: Option<Duration> },
    Insert { value: Vec<u8>, time_to_live: Option<Duration> },
    Add(i64),
    Del,
}

impl Write {
    pub(super) fn new<K: MirrorKey + ?Sized>(key: &K, operation: Operation) -> Self {
        let mut bytes = Vec::new();
        key.to_redis(&mut bytes);
        Self { key: bytes, operation }
    }

    /// Stores an encoded object, whatever the key held before, and for ever.
    ///
    /// # Examples
    ///
    /// See [`Write`].
    #[must_use]
    pub fn set<K: MirrorKey + ?Sized>(key: &K, value: impl Into<Vec<u8>>) -> Self {
        Self::new(key, Operation::Set { value: value.into(), time_to_live: None })
    }

    /// Stores an integer, whatever the key held before, and for ever.
    ///
    /// # Examples
    ///
    /// See [`Write`].
    #[must_use]
    pub fn set_int<K: MirrorKey + ?Sized>(key: &K, value: i64) -> Self {
        Self::set(key, value.to_string())
    }

    /// Stores an encoded object or an integer in decimal if the key is absent.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_redis::writer::Write;
    /// let write = Write::insert("order:1", "paid");
    /// # let _ = write;
    /// ```
    #[must_use]
    pub fn insert<K: MirrorKey + ?Sized>(key: &K, value: impl Into<Vec<u8>>) -> Self {
        Self::new(key, Operation::Insert { value: value.into(), time_to_live: None })
    }

    /// Adds to an integer. An absent key counts from 0. A time to live that the key has goes on.
    ///
    /// # Examples
    ///
    /// See [`Write`].
    #[must_use]
    pub fn add<K: MirrorKey + ?Sized>(key: &K, delta: i64) -> Self {
        Self::new(key, Operation::Add(delta))
    }

    /// Removes a key.
    ///
    /// # Examples
    ///
    /// See [`Write`].
    #[must_use]
    pub fn del<K: MirrorKey + ?Sized>(key: &K) -> Self {
        Self::new(key, Operation::Del)
    }

    /// Sets how long a value lives, from when Redis stores it. A part of a millisecond counts as a whole one, and more than 100
    /// years as 100 years. No effect on `add` and `del`.
    ///
    /// # Examples
    ///
    /// See [`Write`].
    #[must_use]
    pub fn time_to_live(mut self, life: Duration) -> Self {
        match &mut self.operation {
            Operation::Set { time_to_live, .. } | Operation::Insert { time_to_live, .. } => {
                *time_to_live = Some(life);
            }
            Operation::Add(_) | Operation::Del => {}
        }
        self
    }
}

/// What became of a [`Write`].
///
/// # Examples
///
/// See [`Writer::apply`](super::Writer::apply).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Applied {
    /// It was written.
    Written {
        /// Its place in the change log, which is the version of the value.
        position: Position,
        /// The value after an `add`.
        sum: Option<i64>,
    },
    /// Nothing changed: a `del` of an absent key, or an `insert` of a present one.
    Unchanged,
    /// Redis refused it: an `add` to what is no integer, or past the limits of one. Other writes of the call were made.
    Refused {
        /// What the server said.
        reason: String,
    },
}
