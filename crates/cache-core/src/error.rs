use std::error::Error;
use std::fmt;

/// The reason why a bounded add was rejected. The cache is unchanged.
///
/// # Examples
///
/// ```
/// use hotcache::AddError;
/// let refused = AddError::OutOfBounds { current: 3 };
/// assert_eq!(refused.to_string(), "the result would leave the bounds; the value is 3");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddError {
    /// The key is not in the cache.
    Absent,
    /// The sum lies outside the bounds, or outside `i64`.
    OutOfBounds {
        /// The value when the add was rejected; 0 for an absent key.
        current: i64,
    },
}

impl fmt::Display for AddError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AddError::Absent => f.write_str("the key is absent"),
            AddError::OutOfBounds { current } => {
                write!(f, "the result would leave the bounds; the value is {current}")
            }
        }
    }
}

impl Error for AddError {}

/// The reason why an update changed nothing.
///
/// # Examples
///
/// ```
/// use hotcache::UpdateError;
/// assert_eq!(UpdateError::<i64>::Absent.to_string(), "the key is absent");
/// assert_eq!(UpdateError::Kept { current: 3 }.to_string(), "the update kept the value");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UpdateError<T> {
    /// The key is not in the cache.
    Absent,
    /// The closure returned `None`.
    Kept {
        /// The value that the closure was called with, which the key had then.
        current: T,
    },
}

impl<T> fmt::Display for UpdateError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            UpdateError::Absent => "the key is absent",
            UpdateError::Kept { .. } => "the update kept the value",
        })
    }
}

impl<T: fmt::Debug> Error for UpdateError<T> {}
