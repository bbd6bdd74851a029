mod loading;

use std::sync::Arc;

pub use self::loading::ObjCacheAsyncExt;
use crate::{Key, LoadError, ObjCache};

/// What every [`ObjCache`] can do besides, `dyn` ones included.
///
/// # Examples
///
/// ```
/// use cache_core::{ObjCache, ObjCacheExt};
///
/// fn greeting(cache: &dyn ObjCache<String>) -> String {
///     cache.get_or_insert_with("greeting", || "hello".to_owned()).to_uppercase()
/// }
/// ```
pub trait ObjCacheExt<V, K: Key + ?Sized>: ObjCache<V, K> {
    /// Calls `f` with the object of a key and returns what it returns; `None` if the key is absent.
    ///
    /// `f` may run under a lock and must not call any cache.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_core::{ObjCache, ObjCacheExt};
    /// # let cache = cache_rwlock::RwLockObjCache::<String>::default();
    /// cache.insert("title", "Flash sale".to_owned());
    /// assert_eq!(cache.with("title", |title| title.len()), Some(10));
    /// ```
    ///
    /// # Performance
    ///
    /// No reference count is touched: with many threads on one object this is the read that scales.
    #[inline]
    fn with<R>(&self, key: &K, f: impl FnOnce(&V) -> R) -> Option<R> {
        let mut f = Some(f);
        let mut result = None;
        self.with_dyn(key, &mut |value| {
            if let Some(f) = f.take() {
                result = Some(f(value));
            }
        });
        result
    }

    /// Stores an object that is not shared yet.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_core::{ObjCache, ObjCacheExt};
    /// # let cache = cache_rwlock::RwLockObjCache::<u8>::default();
    /// cache.insert("a", 7);
    /// ```
    fn insert(&self, key: &K, value: V) {
        self.set(key, Arc::new(value));
    }

    /// The object of a key, made by `load` if it is absent.
    ///
    /// One loader runs at a time for each key, under no lock. Other callers that ask for the key wait for it and share
    /// the object. If the loader panics, the next waiter runs its own. A [`set`](ObjCache::set) or
    /// [`del`](ObjCache::del) of the key during the load wins: the loaded object goes to the callers that already waited
    /// for it, but is not cached, and later callers do not wait for it.
    ///
    /// **Do not call this in async code.** It blocks the thread while it waits. In an async runtime, that thread is a
    /// worker. If every worker waits here for a load that a task leads, no worker is left to run that task, and the
    /// runtime hangs. Use [`get_or_load_async`](crate::ObjCacheAsyncExt::get_or_load_async) instead. Callers of both forms
    /// share one load.
    ///
    /// # Panics
    ///
    /// If `load` asks for its own key, directly or through other loads that wait for it.
    /// [`get_or_try_insert_with`](ObjCacheExt::get_or_try_insert_with) returns an error instead.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_core::{ObjCache, ObjCacheExt};
    /// # let cache = cache_rwlock::RwLockObjCache::<String>::default();
    /// let title = cache.get_or_insert_with("event:1", || "read from the database".to_owned());
    /// ```
    fn get_or_insert_with(&self, key: &K, load: impl FnOnce() -> V) -> Arc<V> {
        loading::value(self.get_or_try_insert_with(key, || Ok(load())), "get_or_try_insert_with")
    }

    /// The object of a key, made by `load` if it is absent and `load` succeeds.
    ///
    /// Works as [`get_or_insert_with`](ObjCacheExt::get_or_insert_with) does. If the loader fails, all callers that
    /// waited for it share the error, and their own loaders do not run. The error is not cached: the next caller starts a
    /// new load. A waiter whose `E` is a different type cannot hold the error, and runs its own loader.
    ///
    /// **Do not call this in async code**: it may hang the runtime, as `get_or_insert_with` may. Use
    /// [`get_or_try_load_async`](crate::ObjCacheAsyncExt::get_or_try_load_async) instead.
    ///
    /// # Errors
    ///
    /// * [`LoadError::Failed`] with the loader's error: this caller's loader, or the one that it waited for.
    /// * [`LoadError::Recursive`] if `load` asks for its own key, directly or through other loads that wait for it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_core::{LoadError, ObjCache, ObjCacheExt};
    /// # let cache = cache_rwlock::RwLockObjCache::<u32>::default();
    /// let bad = cache.get_or_try_insert_with("n", || "x".parse::<u32>());
    /// assert!(matches!(bad, Err(LoadError::Failed(_))));
    /// let good = cache.get_or_try_insert_with("n", || "7".parse::<u32>());
    /// assert_eq!(*good.unwrap(), 7);
    /// ```
    fn get_or_try_insert_with<E: Send + Sync + 'static>(
        &self,
        key: &K,
        load: impl FnOnce() -> Result<V, E>,
    ) -> Result<Arc<V>, LoadError<E>> {
        match self.get(key) {
            Some(value) => {
                // What the loader owns may have a `Drop` that panics: a value that is being returned would leak.
                drop(load);
                Ok(value)
            }
            None => self.loads().get_or_load(self, key, load),
        }
    }
}

impl<V, K: Key + ?Sized, C: ObjCache<V, K> + ?Sized> ObjCacheExt<V, K> for C {}
