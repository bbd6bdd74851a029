use std::error::Error;
use std::fmt;
use std::sync::Arc;

const RECURSIVE: &str = "the loader asked for a key whose own load is waiting for it";

/// Why a load gave no value.
///
/// Callers who waited for one load share its failure: `Failed` holds an [`Arc`], so `E` needs no `Clone`. If nobody else
/// waited, [`into_failure`](LoadError::into_failure) gives the error itself back.
///
/// Displayed, this is the loader's error and adds no text; its [`source`](Error::source) is that error's source. So a
/// chain of errors names each cause once.
///
/// # Examples
///
/// With `?`, into `anyhow::Error` or into an error of one's own:
///
/// ```
/// use std::num::ParseIntError;
/// use cache_core::{LoadError, ObjCache, ObjCacheExt};
///
/// fn price(cache: &dyn ObjCache<u32>, text: &str) -> anyhow::Result<u32> {
///     Ok(*cache.get_or_try_insert_with("price", || text.parse::<u32>())?)
/// }
///
/// #[derive(Debug)]
/// enum ShopError {
///     Price(LoadError<ParseIntError>),
/// }
///
/// impl From<LoadError<ParseIntError>> for ShopError {
///     fn from(error: LoadError<ParseIntError>) -> Self {
///         ShopError::Price(error)
///     }
/// }
///
/// fn doubled(cache: &dyn ObjCache<u32>, text: &str) -> Result<u32, ShopError> {
///     Ok(2 * *cache.get_or_try_insert_with("price", || text.parse::<u32>())?)
/// }
///
/// # let cache = cache_rwlock::RwLockObjCache::<u32>::default();
/// assert_eq!(price(&cache, "x").unwrap_err().to_string(), "invalid digit found in string");
/// assert!(matches!(doubled(&cache, "x"), Err(ShopError::Price(_))));
/// assert_eq!(price(&cache, "7").unwrap(), 7);
/// ```
///
/// An `anyhow::Error` is no [`Error`] itself. For a loader that returns one, see [`into_dyn`](LoadError::into_dyn).
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoadError<E> {
    /// The loader failed with this: the caller's own, or the one that the caller waited for.
    Failed(Arc<E>),
    /// The loader asked, directly or through other loads, for a key whose load waits for it.
    Recursive,
}

impl<E> LoadError<E> {
    /// The error of a loader that failed.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_core::LoadError;
    /// assert_eq!(LoadError::failed("no such event").failure(), Some(&"no such event"));
    /// ```
    #[must_use]
    pub fn failed(failure: E) -> Self {
        LoadError::Failed(Arc::new(failure))
    }

    /// What the loader failed with; `None` if it did not fail.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_core::LoadError;
    /// assert_eq!(LoadError::<u8>::Recursive.failure(), None);
    /// ```
    #[must_use]
    pub fn failure(&self) -> Option<&E> {
        match self {
            LoadError::Failed(failure) => Some(failure),
            LoadError::Recursive => None,
        }
    }

    /// What the loader failed with, owned, if no other caller shares it.
    ///
    /// A caller for whose load nobody waited is the only one to hold its failure.
    ///
    /// # Errors
    ///
    /// This error unchanged, if the failure is shared or there is none.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_core::LoadError;
    /// let failed = LoadError::failed("no such event".to_owned());
    /// assert_eq!(failed.into_failure(), Ok("no such event".to_owned()));
    ///
    /// let shared = LoadError::failed("no such event".to_owned());
    /// let another = shared.clone();
    /// assert_eq!(shared.into_failure(), Err(another));
    /// ```
    pub fn into_failure(self) -> Result<E, Self> {
        match self {
            LoadError::Failed(failure) => Arc::try_unwrap(failure).map_err(LoadError::Failed),
            LoadError::Recursive => Err(LoadError::Recursive),
        }
    }

    /// This error without its type parameter, for errors such as `anyhow::Error` and `Box<dyn Error + Send + Sync>`.
    ///
    /// Those stand for an [`Error`] and are none themselves, so `LoadError<anyhow::Error>` is none either, and `?` does
    /// not take it. What this returns is an [`Error`].
    ///
    /// # Examples
    ///
    /// ```
    /// use anyhow::Context;
    /// use cache_core::{LoadError, ObjCache, ObjCacheExt};
    ///
    /// fn price(cache: &dyn ObjCache<u32>, text: &str) -> anyhow::Result<u32> {
    ///     let load = || text.parse::<u32>().context("the price is no number");
    ///     Ok(*cache.get_or_try_insert_with("price", load).map_err(LoadError::into_dyn)?)
    /// }
    ///
    /// # let cache = cache_rwlock::RwLockObjCache::<u32>::default();
    /// let error = price(&cache, "x").unwrap_err();
    /// assert_eq!(format!("{error:#}"), "the price is no number: invalid digit found in string");
    /// ```
    pub fn into_dyn(self) -> DynLoadError
    where
        E: AsRef<dyn Error + Send + Sync> + Send + Sync + 'static,
    {
        match self {
            LoadError::Failed(failure) => DynLoadError { failure: Some(failure) },
            LoadError::Recursive => DynLoadError { failure: None },
        }
    }
}

// Derived, it would ask for `E: Clone`.
impl<E> Clone for LoadError<E> {
    fn clone(&self) -> Self {
        match self {
            LoadError::Failed(failure) => LoadError::Failed(failure.clone()),
            LoadError::Recursive => LoadError::Recursive,
        }
    }
}

impl<E: fmt::Display> fmt::Display for LoadError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoadError::Failed(failure) => failure.fmt(f),
            LoadError::Recursive => f.write_str(RECURSIVE),
        }
    }
}

impl<E: Error + 'static> Error for LoadError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.failure().and_then(Error::source)
    }
}

/// Why a load gave no value, whatever its loader fails with; made by [`LoadError::into_dyn`].
///
/// # Examples
///
/// ```
/// use std::error::Error;
/// use cache_core::LoadError;
///
/// let boxed: Box<dyn Error + Send + Sync> = "no such event".into();
/// let error = LoadError::failed(boxed).into_dyn();
/// assert_eq!(error.failure().map(ToString::to_string).as_deref(), Some("no such event"));
/// ```
#[derive(Clone)]
pub struct DynLoadError {
    failure: Option<Arc<Failure>>,
}

/// What stands for an error without being one.
type Failure = dyn AsRef<dyn Error + Send + Sync> + Send + Sync;

impl DynLoadError {
    /// What the loader failed with; `None` if it did not fail, but asked for a key whose load waits for it.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::error::Error;
    /// use cache_core::LoadError;
    /// let recursive = LoadError::<Box<dyn Error + Send + Sync>>::Recursive.into_dyn();
    /// assert!(recursive.failure().is_none());
    /// ```
    #[must_use]
    pub fn failure(&self) -> Option<&(dyn Error + Send + Sync + 'static)> {
        self.failure.as_ref().map(|failure| (**failure).as_ref())
    }
}

impl fmt::Debug for DynLoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.failure() {
            Some(failure) => f.debug_tuple("Failed").field(&failure).finish(),
            None => f.write_str("Recursive"),
        }
    }
}

impl fmt::Display for DynLoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.failure() {
            Some(failure) => fmt::Display::fmt(failure, f),
            None => f.write_str(RECURSIVE),
        }
    }
}

impl Error for DynLoadError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.failure().and_then(Error::source)
    }
}
