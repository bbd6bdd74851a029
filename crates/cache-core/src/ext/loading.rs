//! Async loading on a miss, without blocking a thread.

use std::convert::Infallible;
use std::sync::Arc;

use super::Present;
use crate::{Key, LoadError, ObjCache};

/// Async loading for every [`ObjCache`], including `dyn`.
///
/// The futures run in any executor. They are [`Send`] if the loader and its future are.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use hotcache::{ObjCache, ObjCacheAsyncExt};
///
/// async fn title(events: Arc<dyn ObjCache<String>>, id: &str) -> String {
///     let title = events.get_or_load_async(id, async || format!("{id}, from the database")).await;
///     title.to_uppercase()
/// }
///
/// let events = Arc::new(hotcache::bucket::ObjCache::<String>::default());
/// let title = futures_executor::block_on(title(events, "event:1"));
/// assert_eq!(title, "EVENT:1, FROM THE DATABASE");
/// ```
pub trait ObjCacheAsyncExt<V, K: Key + ?Sized>: ObjCache<V, K> {
    /// Returns the object of a key. If the key is absent, `load` makes the object.
    ///
    /// This is the async form of [`get_or_insert_with`](crate::ObjCacheExt::get_or_insert_with), with the same rules.
    /// Callers of both forms share one load: tasks wait for threads, and threads wait for tasks.
    ///
    /// If the loader panics, or the future is dropped while it loads, one waiter runs its own loader. As with an
    /// async lock, do not keep this future without polling it: other callers may wait for it.
    ///
    /// # Panics
    ///
    /// If `load` asks for its own key, directly or through other loads that wait for it.
    /// [`get_or_try_load_async`](ObjCacheAsyncExt::get_or_try_load_async) returns an error instead. The check does
    /// not follow a loader into tasks or threads that it spawns: if the loader waits for such a task and the task
    /// asks for the key, both wait forever.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hotcache::{ObjCache, ObjCacheAsyncExt};
    /// # let cache = hotcache::bucket::ObjCache::<String>::default();
    /// async fn read_title() -> String {
    ///     "read from the database".to_owned()
    /// }
    ///
    /// # futures_executor::block_on(async {
    /// let title = cache.get_or_load_async("event:1", read_title).await;
    /// # assert_eq!(*title, "read from the database");
    /// # });
    /// ```
    fn get_or_load_async<F>(&self, key: &K, load: impl FnOnce() -> F) -> impl Future<Output = Arc<V>>
    where
        F: Future<Output = V>,
    {
        async move {
            let load = || async move { Ok(load().await) };
            value(self.get_or_try_load_async(key, load).await, "get_or_try_load_async")
        }
    }

    /// Returns the object of a key. If the key is absent, `load` makes the object or fails.
    ///
    /// This is the async form of [`get_or_try_insert_with`](crate::ObjCacheExt::get_or_try_insert_with). If the
    /// loader fails, all callers that waited for it share the error, which is not cached.
    ///
    /// # Errors
    ///
    /// * [`LoadError::Failed`] with the error of this caller's loader, or of the loader that it waited for.
    /// * [`LoadError::Recursive`] if `load` asks for its own key, directly or through other loads that wait for it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hotcache::{LoadError, ObjCache, ObjCacheAsyncExt};
    /// # let cache = hotcache::bucket::ObjCache::<u32>::default();
    /// # futures_executor::block_on(async {
    /// let bad = cache.get_or_try_load_async("n", async || "x".parse::<u32>()).await;
    /// assert!(matches!(bad, Err(LoadError::Failed(_))));
    /// let good = cache.get_or_try_load_async("n", async || "7".parse::<u32>()).await;
    /// assert_eq!(*good.unwrap(), 7);
    /// # });
    /// ```
    fn get_or_try_load_async<E, F>(
        &self,
        key: &K,
        load: impl FnOnce() -> F,
    ) -> impl Future<Output = Result<Arc<V>, LoadError<E>>>
    where
        E: Send + Sync + 'static,
        F: Future<Output = Result<V, E>>,
    {
        async move {
            match self.get(key) {
                Some(value) => {
                    // Dropped here: if the `Drop` of a captured value panicked at the end of the function, the return
                    // value would leak.
                    drop(load);
                    Ok(value)
                }
                None => self.loads().get_or_load_async(self, key, load).await,
            }
        }
    }

    /// Returns the objects of many keys, in their order. One call of `load` makes those that are absent.
    ///
    /// This is the async form of [`get_or_load_many`](crate::ObjCacheExt::get_or_load_many); `load` gets keys of its own,
    /// which its future may keep. If this future is dropped while it loads, the keys are handed over to their waiters.
    ///
    /// # Errors
    ///
    /// As [`get_or_load_many`](crate::ObjCacheExt::get_or_load_many).
    ///
    /// # Panics
    ///
    /// As [`get_or_load_many`](crate::ObjCacheExt::get_or_load_many).
    ///
    /// # Examples
    ///
    /// ```
    /// # use hotcache::{ObjCache, ObjCacheAsyncExt};
    /// # let cache = hotcache::bucket::ObjCache::<usize, u64>::default();
    /// # futures_executor::block_on(async {
    /// let squares = cache.get_or_load_many_async(&[&2, &3], async |absent: Vec<u64>| {
    ///     Ok::<_, std::io::Error>(absent.iter().map(|key| (key * key) as usize).collect())
    /// });
    /// assert_eq!(squares.await.unwrap().iter().map(|square| **square).collect::<Vec<_>>(), [4, 9]);
    /// # });
    /// ```
    fn get_or_load_many_async<E, F>(
        &self,
        keys: &[&K],
        load: impl FnMut(Vec<K::Owned>) -> F,
    ) -> impl Future<Output = Result<Vec<Arc<V>>, LoadError<E>>>
    where
        E: Send + Sync + 'static,
        F: Future<Output = Result<Vec<V>, E>>,
    {
        async move {
            let mut found = Present::look_up(self, keys);
            if !found.absent.is_empty() {
                let loaded = self.loads().get_or_load_many_async(self, &found.absent, load).await?;
                found.add(loaded);
            }
            Ok(found.values())
        }
    }
}

impl<V, K: Key + ?Sized, C: ObjCache<V, K> + ?Sized> ObjCacheAsyncExt<V, K> for C {}

/// Unwraps the result of a loader that cannot fail.
///
/// # Panics
///
/// If the loader would have waited for itself. The message names `instead`, the method that returns an error.
pub(super) fn value<V>(loaded: Result<Arc<V>, LoadError<Infallible>>, instead: &str) -> Arc<V> {
    match loaded {
        Ok(value) => value,
        Err(LoadError::Failed(never)) => match *never {},
        Err(LoadError::Recursive) => panic!(
            "a loader asked for a key whose own load is waiting for it; {instead} reports this as an error"
        ),
    }
}
