use std::fmt;
use std::time::Duration;

/// A place in a change log. The change after position `n` has position `n + 1`; the first one has 1.
///
/// # Examples
///
/// ```
/// use cache_redis::feed::Position;
///
/// assert_eq!(Position::new(7).next(), Position::new(8));
/// assert!(Position::START < Position::new(1));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(u64);

impl Position {
    /// Before the first change.
    pub const START: Self = Self(0);

    /// The position of the `number`-th change, from 1.
    ///
    /// # Examples
    ///
    /// See [`Position`].
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number of the change at this position; 0 before the first.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_redis::feed::Position;
    /// assert_eq!(Position::START.number(), 0);
    /// ```
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The position after this one.
    ///
    /// # Examples
    ///
    /// See [`Position`].
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A change of one key.
///
/// # Examples
///
/// ```
/// use cache_redis::feed::{Change, Changed, Position};
///
/// let change = Change::new(Position::new(1), b"sku:1".to_vec(), Changed::Deleted);
/// assert_eq!(change.key, b"sku:1");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// Its place in the log, which is also the version of the value.
    pub position: Position,
    /// The key, without the prefix.
    pub key: Vec<u8>,
    /// What became of it.
    pub changed: Changed,
}

impl Change {
    /// A change, for implementations of a feed.
    ///
    /// # Examples
    ///
    /// See [`Change`].
    #[must_use]
    pub const fn new(position: Position, key: Vec<u8>, changed: Changed) -> Self {
        Self { position, key, changed }
    }
}

/// What became of a key.
///
/// # Examples
///
/// See [`Change`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Changed {
    /// It has a value now.
    Set {
        /// The value, as it is in Redis: an integer in decimal, or an encoded object.
        value: Vec<u8>,
        /// How long the value lives, counted from when the change was read. `None` for ever.
        time_to_live: Option<Duration>,
    },
    /// It is gone.
    Deleted,
}
