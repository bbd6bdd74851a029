mod int;
mod loading;

use std::ops::ControlFlow;
use std::sync::Arc;

pub use self::int::IntCacheExt;
pub use self::loading::ObjCacheAsyncExt;

use crate::{Key, LoadError, ObjCache, UpdateError};

/// Extension methods for every [`ObjCache`], `dyn` ones included.
///
/// # Examples
///
/// ```
/// use hotcache::{ObjCache, ObjCacheExt};
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
    /// # use hotcache::{ObjCache, ObjCacheExt};
    /// # let cache = hotcache::bucket::ObjCache::<String>::default();
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
    /// # use hotcache::{ObjCache, ObjCacheExt};
    /// # let cache = hotcache::bucket::ObjCache::<u8>::default();
    /// cache.insert("a", 7);
    /// ```
    fn insert(&self, key: &K, value: V) {
        self.set(key, Arc::new(value));
    }

    /// Replaces the object of a present key by what `f` makes of it, atomically, and returns the new one.
    ///
    /// `f` is asked again if the object is replaced meanwhile. It may run under a lock and must not call any cache.
    ///
    /// # Errors
    ///
    /// [`UpdateError::Absent`] if the key is not there. [`UpdateError::Kept`] with the object if `f` returned `None`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// # use hotcache::{ObjCache, ObjCacheExt};
    /// # let cache = hotcache::bucket::ObjCache::<u8>::default();
    /// cache.insert("a", 7);
    /// let updated = cache.update("a", |object| Some(Arc::new(**object + 1)));
    /// assert_eq!(updated, Ok(Arc::new(8)));
    /// ```
    #[inline]
    fn update(
        &self,
        key: &K,
        mut f: impl FnMut(&Arc<V>) -> Option<Arc<V>>,
    ) -> Result<Arc<V>, UpdateError<Arc<V>>> {
        self.update_dyn(key, &mut f)
    }

    /// Removes a key if `f` says so about the object that is removed; tells whether it did.
    ///
    /// If the object is replaced after `f` was asked, `f` is asked again. It may run under a lock and must not call any
    /// cache.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hotcache::{ObjCache, ObjCacheExt};
    /// # let cache = hotcache::bucket::ObjCache::<u8>::default();
    /// cache.insert("a", 7);
    /// assert!(!cache.del_if("a", |object| **object == 0));
    /// assert!(cache.del_if("a", |object| **object == 7));
    /// ```
    #[inline]
    fn del_if(&self, key: &K, mut f: impl FnMut(&Arc<V>) -> bool) -> bool {
        self.del_if_dyn(key, &mut f)
    }

    /// Calls `f` with every key and its object until it breaks; returns what it breaks with.
    ///
    /// In no order, weakly consistent. `f` may run under a lock and must not call any cache.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::ops::ControlFlow;
    /// # use hotcache::{ObjCache, ObjCacheExt};
    /// # let cache = hotcache::bucket::ObjCache::<u8>::default();
    /// cache.insert("a", 7);
    /// let first = cache.try_for_each(|key, _object| ControlFlow::Break(key.to_owned()));
    /// assert_eq!(first, ControlFlow::Break("a".to_owned()));
    /// ```
    fn try_for_each<B>(&self, mut f: impl FnMut(&K, &Arc<V>) -> ControlFlow<B>) -> ControlFlow<B> {
        let mut result = ControlFlow::Continue(());
        // What ended it is in `result`.
        let _ = self.try_for_each_dyn(&mut |key, object| {
            result = f(key, object);
            if result.is_break() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        result
    }

    /// Looks up many keys at once and returns their objects, in the order of the keys.
    ///
    /// Each look-up is linearizable by itself; the group is no snapshot.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hotcache::{ObjCache, ObjCacheExt};
    /// # let cache = hotcache::bucket::ObjCache::<u8>::default();
    /// cache.insert("a", 7);
    /// let found = cache.get_many_vec(&["a", "b"]);
    /// assert_eq!(found[0].as_deref(), Some(&7));
    /// assert!(found[1].is_none());
    /// ```
    fn get_many_vec(&self, keys: &[&K]) -> Vec<Option<Arc<V>>> {
        let mut objects = vec![None; keys.len()];
        self.get_many(keys, &mut objects);
        objects
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
    /// # use hotcache::{ObjCache, ObjCacheExt};
    /// # let cache = hotcache::bucket::ObjCache::<String>::default();
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
    /// # use hotcache::{LoadError, ObjCache, ObjCacheExt};
    /// # let cache = hotcache::bucket::ObjCache::<u32>::default();
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
