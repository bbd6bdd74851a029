use std::error::Error;
use std::fmt;

/// Why a bounded add was refused. The cache is unchanged.
///
/// # Examples
///
/// ```
/// use cache_core::AddError;
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
        /// The value at the moment of refusal; 0 for an absent key.
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

/// Why an update changed nothing.
///
/// # Examples
///
/// ```
/// use cache_core::UpdateError;
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
        /// The value that it was asked about, and that the key had then.
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

/// Why [`get_or_try_insert_with`](crate::ObjCacheExt::get_or_try_insert_with) gave no value.
///
/// # Examples
///
/// ```
/// use cache_core::LoadError;
/// let failed: LoadError<&str> = LoadError::Failed("no such event");
/// assert_eq!(failed.into_failure(), Some("no such event"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoadError<E> {
    /// The loader itself failed, with this.
    Failed(E),
    /// The loader asked, directly or through loads of other threads, for a key whose load waits for it.
    Recursive,
}

impl<E> LoadError<E> {
    /// What the loader failed with, if it was the loader that failed.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_core::LoadError;
    /// assert_eq!(LoadError::<u8>::Recursive.into_failure(), None);
    /// ```
    pub fn into_failure(self) -> Option<E> {
        match self {
            LoadError::Failed(error) => Some(error),
            LoadError::Recursive => None,
        }
    }
}

impl<E: fmt::Display> fmt::Display for LoadError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoadError::Failed(error) => write!(f, "the loader failed: {error}"),
            LoadError::Recursive => {
                f.write_str("the loader asked for a key whose own load is waiting for it")
            }
        }
    }
}

impl<E: Error + 'static> Error for LoadError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            LoadError::Failed(error) => Some(error),
            LoadError::Recursive => None,
        }
    }
}
