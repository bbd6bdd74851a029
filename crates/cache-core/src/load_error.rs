use std::error::Error;
use std::fmt;
use std::sync::Arc;

const RECURSIVE: &str = "the loader asked for a key whose own load is waiting for it";

/// The reason why a load returned no value.
///
/// All callers that waited for one load share its error. `Failed` holds an [`Arc`] for that, so `E` need not be
/// `Clone`. If no other caller waited, [`into_failure`](LoadError::into_failure) returns the error itself.
///
/// This type adds no text: it displays the loader's error, and its [`source`](Error::source) is that error's source. A
/// chain of errors contains each text once.
///
/// # Examples
///
/// `?` converts it into an `anyhow::Error`, or into your own error type:
///
/// ```
/// use std::num::ParseIntError;
/// use hotcache::{LoadError, ObjCache, ObjCacheExt};
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
/// # let cache = hotcache::bucket::ObjCache::<u32>::default();
/// assert_eq!(price(&cache, "x").unwrap_err().to_string(), "invalid digit found in string");
/// assert!(matches!(doubled(&cache, "x"), Err(ShopError::Price(_))));
/// assert_eq!(price(&cache, "7").unwrap(), 7);
/// ```
///
/// If the loader itself returns `anyhow::Error`, see [`into_dyn`](LoadError::into_dyn).
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoadError<E> {
    /// The loader returned this error: the caller's own loader, or the one that it waited for.
    Failed(Arc<E>),
    /// The loader asked, directly or through other loads, for a key whose load waits for it.
    Recursive,
}

impl<E> LoadError<E> {
    /// Wraps a loader's error that is not shared.
    ///
    /// # Examples
    ///
    /// ```
    /// use hotcache::LoadError;
    /// assert_eq!(LoadError::failed("no such event").failure(), Some(&"no such event"));
    /// ```
    #[must_use]
    pub fn failed(failure: E) -> Self {
        LoadError::Failed(Arc::new(failure))
    }

    /// The loader's error; `None` for [`Recursive`](LoadError::Recursive).
    ///
    /// # Examples
    ///
    /// ```
    /// use hotcache::LoadError;
    /// assert_eq!(LoadError::<u8>::Recursive.failure(), None);
    /// ```
    #[must_use]
    pub fn failure(&self) -> Option<&E> {
        match self {
            LoadError::Failed(failure) => Some(failure),
            LoadError::Recursive => None,
        }
    }

    /// Returns the loader's error by value, if no other caller shares it.
    ///
    /// It is not shared if no other caller waited for the load.
    ///
    /// # Errors
    ///
    /// Returns `self` if the error is shared, or if this is [`Recursive`](LoadError::Recursive).
    ///
    /// # Examples
    ///
    /// ```
    /// use hotcache::LoadError;
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

    /// Converts this into an [`Error`] for a loader that returns `anyhow::Error` or `Box<dyn Error + Send + Sync>`.
    ///
    /// These two types do not implement [`Error`] themselves, so `LoadError` of them cannot either, and `?` does not accept
    /// it. The returned type implements [`Error`].
    ///
    /// # Examples
    ///
    /// ```
    /// use anyhow::Context;
    /// use hotcache::{LoadError, ObjCache, ObjCacheExt};
    ///
    /// fn price(cache: &dyn ObjCache<u32>, text: &str) -> anyhow::Result<u32> {
    ///     let load = || text.parse::<u32>().context("the price is not a number");
    ///     Ok(*cache.get_or_try_insert_with("price", load).map_err(LoadError::into_dyn)?)
    /// }
    ///
    /// # let cache = hotcache::bucket::ObjCache::<u32>::default();
    /// let error = price(&cache, "x").unwrap_err();
    /// assert_eq!(format!("{error:#}"), "the price is not a number: invalid digit found in string");
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

// A derived implementation would require `E: Clone`.
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

/// A [`LoadError`] with the type of the loader's error erased. Created by [`LoadError::into_dyn`].
///
/// # Examples
///
/// ```
/// use std::error::Error;
/// use hotcache::LoadError;
///
/// let boxed: Box<dyn Error + Send + Sync> = "no such event".into();
/// let error = LoadError::failed(boxed).into_dyn();
/// assert_eq!(error.failure().map(ToString::to_string).as_deref(), Some("no such event"));
/// ```
#[derive(Clone)]
pub struct DynLoadError {
    failure: Option<Arc<Failure>>,
}

/// An error such as `anyhow::Error`, which derefs to an [`Error`] and does not implement it.
type Failure = dyn AsRef<dyn Error + Send + Sync> + Send + Sync;

impl DynLoadError {
    /// The loader's error; `None` if the loader asked for a key whose load waits for it.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::error::Error;
    /// use hotcache::LoadError;
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
