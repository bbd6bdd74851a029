use std::error::Error;
use std::fmt;

/// Why a counter was not changed.
///
/// # Examples
///
/// ```
/// use cache_policy::CountError;
/// assert_eq!(CountError::Full.to_string(), "there are as many keys as are allowed, and this is a new one");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CountError {
    /// There is no counter of this key, or it is past its time.
    Absent,
    /// The sum lies outside the bounds, or outside `i64`.
    OutOfBounds {
        /// The value at the moment of refusal; 0 for an absent key.
        current: i64,
    },
    /// The key is new, and there are as many as are allowed.
    Full,
}

impl fmt::Display for CountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CountError::Absent => f.write_str("the key is absent"),
            CountError::OutOfBounds { current } => {
                write!(f, "the result would leave the bounds; the value is {current}")
            }
            CountError::Full => f.write_str("there are as many keys as are allowed, and this is a new one"),
        }
    }
}

impl Error for CountError {}
