//! Many keys, loaded by one call.

use std::borrow::Borrow as _;

use cache_core::{
    Backend, HashBuilder, Key, LoadError, ObjCacheAsyncExt, ObjCacheExt, Value, assert_one_for_each, only,
};

use super::{Found, Loaded, Refresh};
use crate::cache::Cache;
use crate::entry::Handle;
use crate::loads::Loading;

/// What is in the cache of many keys.
struct Looked<'a, V, K: Key + ?Sized> {
    /// In the order of the keys; `None` for one that is absent.
    values: Vec<Option<Handle<V, K>>>,
    absent: Vec<&'a K>,
    /// Old values that this caller has to replace, each with its place.
    old: Vec<(usize, Refresh<V, K>)>,
}

impl<V: Value, K: Key + ?Sized, B: Backend, S: HashBuilder> Cache<V, K, B, S> {
    /// The values of many keys, in their order. One call of `load` makes those that are absent.
    ///
    /// `load` gets the absent keys that no other caller is loading, and returns a value for each, in their order. A key that
    /// another caller is loading is waited for after that. If that other load ends without a value, `load` is called again,
    /// for this key alone. For what is remembered as absent, let `V` be an `Option`.
    ///
    /// Old values that are to be replaced, as in [`get_or_load`](Cache::get_or_load), are loaded by one call more. If that one
    /// fails, the old values are returned.
    ///
    /// **Do not call this in async code**: it blocks. Use [`get_or_load_many_async`](Cache::get_or_load_many_async).
    ///
    /// # Errors
    ///
    /// As [`get_or_load`](Cache::get_or_load). What was loaded before stays in the cache.
    ///
    /// # Panics
    ///
    /// If `load` returns more or fewer values than it got keys. Nothing of that call is stored.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_policy::Cache;
    /// # use cache_rwlock::RwLockBackend;
    /// let lengths: Cache<usize, str, RwLockBackend> = Cache::new();
    /// lengths.insert("b", 1);
    /// let values = lengths.get_or_load_many(&["a", "b", "cc"], |absent| {
    ///     assert_eq!(absent, ["a", "cc"]);
    ///     Ok::<_, std::io::Error>(absent.iter().map(|key| key.len()).collect())
    /// });
    /// assert_eq!(values.unwrap().iter().map(|value| **value).collect::<Vec<_>>(), [1, 1, 2]);
    /// ```
    pub fn get_or_load_many<L: Into<Loaded<V>>, E: Send + Sync + 'static>(
        &self,
        keys: &[&K],
        mut load: impl FnMut(&[&K]) -> Result<Vec<L>, E>,
    ) -> Result<Vec<Handle<V, K>>, LoadError<E>> {
        let mut looked = self.look_many(keys);
        let absent = Loading(&self.0).get_or_load_many(&looked.absent, |absent: &[&K]| {
            let loaded = self.watched(false, || load(absent))?;
            assert_one_for_each(loaded.len(), absent.len());
            Ok(absent.iter().zip(loaded).map(|(key, loaded)| self.entry(key, loaded.into())).collect())
        })?;
        let absent = looked.absent.iter().zip(absent).map(|(key, entry)| match entry {
            // Perhaps another caller's, and dropped before this one asked.
            entry if entry.is_dropped_with_its_group() => self.load(key, || load(&[key]).map(only)),
            entry => Ok(Handle(entry)),
        });
        let absent: Vec<_> = absent.collect::<Result<_, _>>()?;
        looked.add(absent);
        if !looked.old.is_empty() {
            let old: Vec<_> = looked.old.iter().map(|(_, old)| old.0.clone()).collect();
            let keys: Vec<_> = old.iter().map(Handle::key).collect();
            let loaded = self.watched(true, || load(&keys));
            self.replace_old(&mut looked, loaded);
        }
        Ok(looked.values())
    }

    /// As [`get_or_load_many`](Cache::get_or_load_many), with a loader that is awaited. Blocks no thread.
    ///
    /// `load` gets keys of its own, which its future may keep. If this future is dropped while it loads, the keys are handed
    /// over to their waiters, and old values stay.
    ///
    /// # Errors
    ///
    /// As [`get_or_load_many`](Cache::get_or_load_many).
    ///
    /// # Panics
    ///
    /// As [`get_or_load_many`](Cache::get_or_load_many).
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_policy::Cache;
    /// # use cache_rwlock::RwLockBackend;
    /// # futures_executor::block_on(async {
    /// let squares: Cache<u64, u64, RwLockBackend> = Cache::new();
    /// let values = squares.get_or_load_many_async(&[&2, &3], async |absent: Vec<u64>| {
    ///     Ok::<Vec<u64>, std::io::Error>(absent.iter().map(|key| key * key).collect())
    /// });
    /// assert_eq!(values.await.unwrap().iter().map(|value| **value).collect::<Vec<_>>(), [4, 9]);
    /// # });
    /// ```
    pub async fn get_or_load_many_async<L, E, F>(
        &self,
        keys: &[&K],
        mut load: impl FnMut(Vec<K::Owned>) -> F,
    ) -> Result<Vec<Handle<V, K>>, LoadError<E>>
    where
        L: Into<Loaded<V>>,
        E: Send + Sync + 'static,
        F: Future<Output = Result<Vec<L>, E>>,
    {
        let mut looked = self.look_many(keys);
        let load_absent = |absent: Vec<K::Owned>| {
            let keys: Vec<_> = absent.iter().map(|key| key.borrow().to_owned_key()).collect();
            let loading = load(absent);
            async move {
                let loaded = self.watched_async(false, loading).await?;
                assert_one_for_each(loaded.len(), keys.len());
                let loaded = keys.iter().zip(loaded);
                Ok(loaded.map(|(key, loaded)| self.entry(key.borrow(), loaded.into())).collect())
            }
        };
        let entries = Loading(&self.0).get_or_load_many_async(&looked.absent, load_absent).await?;
        let mut absent = Vec::with_capacity(entries.len());
        for (key, entry) in looked.absent.iter().zip(entries) {
            absent.push(if entry.is_dropped_with_its_group() {
                let load = || {
                    let loading = load(vec![key.to_owned_key()]);
                    async { loading.await.map(only) }
                };
                self.load_async(key, load).await?
            } else {
                Handle(entry)
            });
        }
        looked.add(absent);
        if !looked.old.is_empty() {
            let keys = looked.old.iter().map(|(_, old)| old.0.key().to_owned_key()).collect();
            let loaded = self.watched_async(true, load(keys)).await;
            self.replace_old(&mut looked, loaded);
        }
        Ok(looked.values())
    }

    fn look_many<'a>(&self, keys: &[&'a K]) -> Looked<'a, V, K> {
        let mut looked =
            Looked { values: Vec::with_capacity(keys.len()), absent: Vec::new(), old: Vec::new() };
        for (place, &key) in keys.iter().enumerate() {
            let value = match self.look(key) {
                Found::Value(value) => Some(value),
                Found::Old(value) => {
                    looked.old.push((place, Refresh(value.clone())));
                    Some(value)
                }
                Found::Nothing => {
                    looked.absent.push(key);
                    None
                }
            };
            looked.values.push(value);
        }
        looked
    }

    /// Stores what was loaded in place of old values; keeps those if the load failed.
    fn replace_old<L: Into<Loaded<V>>, E>(&self, looked: &mut Looked<'_, V, K>, loaded: Result<Vec<L>, E>) {
        let Ok(loaded) = loaded else { return };
        assert_one_for_each(loaded.len(), looked.old.len());
        for ((place, old), loaded) in looked.old.drain(..).zip(loaded) {
            let new = self.refreshed(old.0.key(), &old.0, Ok::<_, E>(loaded.into()));
            looked.values[place] = Some(new);
        }
    }
}

impl<V, K: Key + ?Sized> Looked<'_, V, K> {
    /// Takes the values of the absent keys.
    fn add(&mut self, loaded: Vec<Handle<V, K>>) {
        let absent = self.values.iter_mut().filter(|value| value.is_none());
        absent.zip(loaded).for_each(|(value, loaded)| *value = Some(loaded));
    }

    fn values(self) -> Vec<Handle<V, K>> {
        self.values.into_iter().flatten().collect()
    }
}
