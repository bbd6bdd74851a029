mod int;
mod loading;

use std::ops::ControlFlow;
use std::sync::Arc;

pub use self::int::{IntCacheExt, inclusive};
pub use self::loading::ObjCacheAsyncExt;

use crate::{Key, LoadError, ObjCache, UpdateError};

/// Extension methods for every [`ObjCache`], including `dyn ObjCache`.
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
    /// Calls `f` with the object of a key and returns its result, or `None` if the key is absent.
    ///
    /// `f` may run under a lock and must not call this cache.
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
    /// No reference count is changed, so reads of one object by many threads scale.
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

    /// Stores an object, moving it into an `Arc`.
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

    /// Atomically replaces the object of a present key with the result of `f`, and returns the new object.
    ///
    /// `f` is called again if the object is replaced during the call. `f` runs under no lock.
    ///
    /// # Errors
    ///
    /// [`UpdateError::Absent`] if the key is absent. [`UpdateError::Kept`] with the object if `f` returns `None`.
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

    /// Removes a key if `f` returns `true` for its object. Returns whether it was removed.
    ///
    /// If the object is replaced after a call of `f`, `f` is called again. `f` may run under a lock and must not call
    /// any cache.
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

    /// Calls `f` with every key and its object until `f` breaks, and returns the value that it breaks with.
    ///
    /// The order is unspecified. Weakly consistent. `f` may run under a lock and must not call this cache.
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
        // The outcome is in `result`.
        let _ = self.try_for_each_dyn(&mut |key, object| {
            result = f(key, object);
            if result.is_break() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        result
    }

    /// Looks up many keys at once and returns their objects, in the order of the keys.
    ///
    /// Each look-up is linearizable. Together they are not a snapshot.
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

    /// Returns the object of a key. If the key is absent, `load` makes the object.
    ///
    /// Only one loader runs at a time for each key, and it runs under no lock. Other callers of the key wait for it
    /// and share the object. If the loader panics, the next waiter runs its own loader. A [`set`](ObjCache::set) or
    /// [`del`](ObjCache::del) of the key during the load wins: callers that already wait still get the loaded object,
    /// but it is not cached, and later callers do not wait for it.
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

    /// Returns the object of a key. If the key is absent, `load` makes the object or fails.
    ///
    /// This is the fallible form of [`get_or_insert_with`](ObjCacheExt::get_or_insert_with). If the loader fails, all
    /// callers that waited for it share the error, and their own loaders do not run. The error is not cached: the
    /// next caller starts a new load. A waiter whose `E` is a different type cannot hold the error, and runs its own
    /// loader.
    ///
    /// **Do not call this in async code**: like `get_or_insert_with`, it may hang the runtime. Use
    /// [`get_or_try_load_async`](crate::ObjCacheAsyncExt::get_or_try_load_async) instead.
    ///
    /// # Errors
    ///
    /// * [`LoadError::Failed`] with the error of this caller's loader, or of the loader that it waited for.
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
                // Dropped here: if the `Drop` of a captured value panicked at the end of the function, the return
                // value would leak.
                drop(load);
                Ok(value)
            }
            None => self.loads().get_or_load(self, key, load),
        }
    }

    /// Returns the objects of many keys, in their order. One call of `load` makes those that are absent.
    ///
    /// `load` gets the absent keys that no other caller is loading, and returns an object for each, in their order. A key
    /// that another caller is loading is waited for after that. If that other load ends without an object, `load` is
    /// called again, for this key alone. Callers of [`get_or_try_insert_with`](ObjCacheExt::get_or_try_insert_with)
    /// wait for the keys that are loaded here. The group is no snapshot.
    ///
    /// **Do not call this in async code**: it blocks. Use
    /// [`get_or_load_many_async`](crate::ObjCacheAsyncExt::get_or_load_many_async) instead.
    ///
    /// # Errors
    ///
    /// As [`get_or_try_insert_with`](ObjCacheExt::get_or_try_insert_with). Objects that were loaded before stay in the
    /// cache.
    ///
    /// # Panics
    ///
    /// If `load` returns more or fewer objects than it got keys. Nothing of that call is stored, and waiters load their
    /// keys themselves.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hotcache::{ObjCache, ObjCacheExt};
    /// # let cache = hotcache::bucket::ObjCache::<usize>::default();
    /// cache.get_or_insert_with("event:2", || 2);
    /// let lengths = cache.get_or_load_many(&["event:1", "event:2", "event:30"], |absent| {
    ///     assert_eq!(absent, ["event:1", "event:30"]);
    ///     Ok::<_, std::io::Error>(absent.iter().map(|key| key.len()).collect())
    /// });
    /// assert_eq!(lengths.unwrap().iter().map(|length| **length).collect::<Vec<_>>(), [7, 2, 8]);
    /// ```
    fn get_or_load_many<E: Send + Sync + 'static>(
        &self,
        keys: &[&K],
        load: impl FnMut(&[&K]) -> Result<Vec<V>, E>,
    ) -> Result<Vec<Arc<V>>, LoadError<E>> {
        let mut found = Present::look_up(self, keys);
        if !found.absent.is_empty() {
            let loaded = self.loads().get_or_load_many(self, &found.absent, load)?;
            found.add(loaded);
        }
        Ok(found.values())
    }
}

/// The objects of many keys, as far as they are present.
struct Present<'a, V, K: Key + ?Sized> {
    values: Vec<Option<Arc<V>>>,
    absent: Vec<&'a K>,
}

impl<'a, V, K: Key + ?Sized> Present<'a, V, K> {
    fn look_up<C: ObjCache<V, K> + ?Sized>(cache: &C, keys: &[&'a K]) -> Self {
        let mut values = vec![None; keys.len()];
        cache.get_many(keys, &mut values);
        let absent = keys.iter().zip(&values).filter(|(_, value)| value.is_none()).map(|(key, _)| *key);
        Self { absent: absent.collect(), values }
    }

    /// Takes the objects of the absent keys.
    fn add(&mut self, loaded: Vec<Arc<V>>) {
        let absent = self.values.iter_mut().filter(|value| value.is_none());
        absent.zip(loaded).for_each(|(value, loaded)| *value = Some(loaded));
    }

    fn values(self) -> Vec<Arc<V>> {
        self.values.into_iter().flatten().collect()
    }
}

impl<V, K: Key + ?Sized, C: ObjCache<V, K> + ?Sized> ObjCacheExt<V, K> for C {}
