use std::ops::ControlFlow;
use std::sync::Arc;

use crate::{HasLoads, Key, UpdateError, assert_same_length};

/// A concurrent map from keys to shared objects.
///
/// All methods take `&self` and may be called from any number of threads. The trait works as `dyn`, and is
/// implemented for `&T`, `Box<T>` and `Arc<T>`. Loading on a miss, and conveniences with closures and plain
/// values, are in [`ObjCacheExt`](crate::ObjCacheExt), which every `ObjCache` has, `dyn` ones too.
///
/// # Consistency
///
/// Every operation on one key is linearizable. Methods that look at many keys are weakly consistent: they see
/// each key that is present throughout, and may or may not see one that comes or goes meanwhile.
///
/// Closures may run under a lock: they must not call any cache. A panic in one leaves the cache usable. No object is dropped under a lock, so a `Drop` may call any cache.
///
/// # Examples
///
/// ```
/// use hotcache::{ObjCache, ObjCacheExt};
///
/// struct Event { title: String }
///
/// fn title(events: &dyn ObjCache<Event>, id: &str) -> Option<String> {
///     events.with(id, |event| event.title.clone())
/// }
/// ```
pub trait ObjCache<V, K: Key + ?Sized = str>: HasLoads<V, K> + Send + Sync {
    /// The object of a key, with a reference of its own; `None` if it is absent.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use hotcache::ObjCache;
    /// # let cache = hotcache::bucket::ObjCache::<u8>::default();
    /// cache.set("a", Arc::new(7));
    /// assert_eq!(cache.get("a").as_deref(), Some(&7));
    /// ```
    fn get(&self, key: &K) -> Option<Arc<V>>;

    /// Calls `f` with the object of a key, touching no reference count; `false` if the key is absent.
    ///
    /// This is the form that works as `dyn`; [`ObjCacheExt::with`](crate::ObjCacheExt::with) returns what the
    /// closure returns. `f` is called at most once, may run under a lock and must not call any cache.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hotcache::ObjCache;
    /// # let cache = hotcache::bucket::ObjCache::<String>::default();
    /// let mut length = 0;
    /// let found = cache.with_dyn("title", &mut |title| length = title.len());
    /// ```
    fn with_dyn(&self, key: &K, f: &mut dyn FnMut(&V)) -> bool;

    /// Whether a key is present.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use hotcache::ObjCache;
    /// # let cache = hotcache::bucket::ObjCache::<u8>::default();
    /// cache.set("a", Arc::new(7));
    /// assert!(cache.contains("a"));
    /// assert!(!cache.contains("b"));
    /// ```
    fn contains(&self, key: &K) -> bool {
        self.with_dyn(key, &mut |_| ())
    }

    /// Looks up many keys at once: `out[i]` becomes the object of `keys[i]`.
    ///
    /// Each look-up is linearizable by itself; the group is no snapshot.
    ///
    /// # Panics
    ///
    /// If `keys` and `out` are not of one length.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use hotcache::ObjCache;
    /// # let cache = hotcache::bucket::ObjCache::<u8>::default();
    /// cache.set("a", Arc::new(7));
    /// let mut out = [None, None];
    /// cache.get_many(&["a", "b"], &mut out);
    /// assert_eq!(out, [Some(Arc::new(7)), None]);
    /// ```
    fn get_many(&self, keys: &[&K], out: &mut [Option<Arc<V>>]) {
        assert_same_length(keys.len(), out.len());
        for (key, out) in keys.iter().zip(out) {
            *out = self.get(key);
        }
    }

    /// Stores an object, replacing and later dropping the one that was there.
    ///
    /// A load of this key that is in flight will not overwrite it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use hotcache::ObjCache;
    /// # let cache = hotcache::bucket::ObjCache::<u8>::default();
    /// cache.set("a", Arc::new(7));
    /// ```
    fn set(&self, key: &K, value: Arc<V>);

    /// Stores an object and returns the one that was there.
    ///
    /// A load of this key that is in flight will not overwrite it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use hotcache::ObjCache;
    /// # let cache = hotcache::bucket::ObjCache::<u8>::default();
    /// assert_eq!(cache.swap("a", Arc::new(7)), None);
    /// assert_eq!(cache.swap("a", Arc::new(8)), Some(Arc::new(7)));
    /// ```
    fn swap(&self, key: &K, value: Arc<V>) -> Option<Arc<V>>;

    /// Stores `new` if the object of the key is `current`: the very same one, not an equal one.
    ///
    /// # Errors
    ///
    /// `new`, handed back, if the key is absent or has another object.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use hotcache::ObjCache;
    /// # let cache = hotcache::bucket::ObjCache::<u8>::default();
    /// let (one, two) = (Arc::new(1), Arc::new(2));
    /// cache.set("a", Arc::clone(&one));
    /// assert_eq!(cache.replace_if_same("a", &one, two), Ok(()));
    /// assert_eq!(cache.replace_if_same("a", &one, Arc::new(3)), Err(Arc::new(3)));
    /// ```
    fn replace_if_same(&self, key: &K, current: &Arc<V>, new: Arc<V>) -> Result<(), Arc<V>>;

    /// Replaces the object of a present key by what `f` makes of it, atomically, and returns the new one.
    ///
    /// This is the form that works as `dyn`; see [`ObjCacheExt::update`](crate::ObjCacheExt::update). `f` is asked
    /// again if the object is replaced meanwhile. It may run under a lock and must not call any cache.
    ///
    /// # Errors
    ///
    /// [`UpdateError::Absent`] if the key is not there. [`UpdateError::Kept`] with the object if `f` returned `None`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use hotcache::ObjCache;
    /// # let cache = hotcache::bucket::ObjCache::<u8>::default();
    /// cache.set("a", Arc::new(7));
    /// let updated = cache.update_dyn("a", &mut |object| Some(Arc::new(**object + 1)));
    /// assert_eq!(updated, Ok(Arc::new(8)));
    /// ```
    fn update_dyn(
        &self,
        key: &K,
        f: &mut dyn FnMut(&Arc<V>) -> Option<Arc<V>>,
    ) -> Result<Arc<V>, UpdateError<Arc<V>>> {
        loop {
            let current = self.get(key).ok_or(UpdateError::Absent)?;
            let Some(new) = f(&current) else { return Err(UpdateError::Kept { current }) };
            if self.replace_if_same(key, &current, Arc::clone(&new)).is_ok() {
                // Not left to the end of the function: should its `Drop` panic there, what is returned would leak.
                drop(current);
                return Ok(new);
            }
        }
    }

    /// Stores an object if the key is absent; returns the one that is in the cache afterwards.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use hotcache::ObjCache;
    /// # let cache = hotcache::bucket::ObjCache::<u8>::default();
    /// assert_eq!(*cache.get_or_insert("a", Arc::new(7)), 7);
    /// assert_eq!(*cache.get_or_insert("a", Arc::new(8)), 7);
    /// ```
    fn get_or_insert(&self, key: &K, value: Arc<V>) -> Arc<V>;

    /// Removes a key, and tells whether it was there.
    ///
    /// A load of this key that is in flight will not bring it back.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use hotcache::ObjCache;
    /// # let cache = hotcache::bucket::ObjCache::<u8>::default();
    /// cache.set("a", Arc::new(7));
    /// assert!(cache.del("a"));
    /// assert!(!cache.del("a"));
    /// ```
    fn del(&self, key: &K) -> bool;

    /// Removes a key and returns its object.
    ///
    /// A load of this key that is in flight will not bring it back.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use hotcache::ObjCache;
    /// # let cache = hotcache::bucket::ObjCache::<u8>::default();
    /// cache.set("a", Arc::new(7));
    /// assert_eq!(cache.take("a"), Some(Arc::new(7)));
    /// assert_eq!(cache.take("a"), None);
    /// ```
    fn take(&self, key: &K) -> Option<Arc<V>>;

    /// Removes a key if `f` says so about the object that is removed; tells whether it did.
    ///
    /// This is the form that works as `dyn`; see [`ObjCacheExt::del_if`](crate::ObjCacheExt::del_if). If the object is
    /// replaced after `f` was asked, `f` is asked again. It may run under a lock and must not call any cache.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use hotcache::ObjCache;
    /// # let cache = hotcache::bucket::ObjCache::<u8>::default();
    /// cache.set("a", Arc::new(7));
    /// assert!(cache.del_if_dyn("a", &mut |object| **object == 7));
    /// ```
    fn del_if_dyn(&self, key: &K, f: &mut dyn FnMut(&Arc<V>) -> bool) -> bool;

    /// The number of keys, weakly consistent: exact when nothing is inserted or removed meanwhile.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hotcache::ObjCache;
    /// # let cache = hotcache::bucket::ObjCache::<u8>::default();
    /// assert_eq!(cache.len(), 0);
    /// ```
    fn len(&self) -> usize;

    /// Whether there is no key, weakly consistent as [`len`](ObjCache::len) is.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hotcache::ObjCache;
    /// # let cache = hotcache::bucket::ObjCache::<u8>::default();
    /// assert!(cache.is_empty());
    /// ```
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Removes every key that is present throughout; one that is inserted meanwhile may stay.
    ///
    /// Loads in flight will not bring their keys back.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hotcache::ObjCache;
    /// # let cache = hotcache::bucket::ObjCache::<u8>::default();
    /// cache.clear();
    /// assert!(cache.is_empty());
    /// ```
    fn clear(&self);

    /// All keys, in no order, weakly consistent.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hotcache::ObjCache;
    /// # let cache = hotcache::bucket::ObjCache::<u8>::default();
    /// for key in cache.keys() {
    ///     println!("{key}");
    /// }
    /// ```
    fn keys(&self) -> Vec<K::Owned> {
        let mut keys = Vec::with_capacity(self.len());
        self.for_each(&mut |key, _| keys.push(key.to_owned_key()));
        keys
    }

    /// Calls `f` with every key and its object, in no order, weakly consistent.
    ///
    /// `f` may run under a lock and must not call any cache; it may keep a clone of the `Arc`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hotcache::ObjCache;
    /// # let cache = hotcache::bucket::ObjCache::<String>::default();
    /// let mut longest = 0;
    /// cache.for_each(&mut |_key, title| longest = longest.max(title.len()));
    /// ```
    fn for_each(&self, f: &mut dyn FnMut(&K, &Arc<V>)) {
        // It ends early only if `f` says so.
        let _ = self.try_for_each_dyn(&mut |key, object| {
            f(key, object);
            ControlFlow::Continue(())
        });
    }

    /// Calls `f` with every key and its object until it breaks, in no order, weakly consistent.
    ///
    /// This is the form that works as `dyn`; [`ObjCacheExt::try_for_each`](crate::ObjCacheExt::try_for_each) returns
    /// what the closure breaks with. `f` may run under a lock and must not call any cache.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::ops::ControlFlow;
    /// # use std::sync::Arc;
    /// # use hotcache::ObjCache;
    /// # let cache = hotcache::bucket::ObjCache::<u8>::default();
    /// cache.set("a", Arc::new(7));
    /// let flow = cache.try_for_each_dyn(&mut |_key, _object| ControlFlow::Break(()));
    /// assert!(flow.is_break());
    /// ```
    fn try_for_each_dyn(&self, f: &mut dyn FnMut(&K, &Arc<V>) -> ControlFlow<()>) -> ControlFlow<()>;

    /// Removes the keys for which `f` returns `false`, weakly consistent.
    ///
    /// `f` may run under a lock and must not call any cache. An object that is set while `f` looks at the one before
    /// stays, unless `f` is asked about it too.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hotcache::ObjCache;
    /// # let cache = hotcache::bucket::ObjCache::<String>::default();
    /// cache.retain(&mut |_key, title| !title.is_empty());
    /// ```
    fn retain(&self, f: &mut dyn FnMut(&K, &Arc<V>) -> bool);

    /// Makes room for `additional` more keys, so that they are inserted without growing. A hint.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hotcache::ObjCache;
    /// # let cache = hotcache::bucket::ObjCache::<u8>::default();
    /// cache.reserve(1000);
    /// assert!(cache.capacity() >= 1000);
    /// ```
    ///
    /// # Performance
    ///
    /// May copy the table, and on backends with locks hold them meanwhile. A backend that cannot grow ahead of time
    /// does nothing; its page says so.
    fn reserve(&self, additional: usize) {
        let _ = additional;
    }

    /// The number of keys that fit without growing, weakly consistent and never less than [`len`](ObjCache::len).
    ///
    /// An estimate. With shards, one may grow while others have room. A backend whose map does not tell answers with
    /// what was last asked for; its page says so.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hotcache::ObjCache;
    /// # let cache = hotcache::bucket::ObjCache::<u8>::default();
    /// assert!(cache.capacity() >= cache.len());
    /// ```
    fn capacity(&self) -> usize {
        self.len()
    }

    /// Gives back what memory the keys that are left do not need. A hint.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hotcache::ObjCache;
    /// # let cache = hotcache::bucket::ObjCache::<u8>::default();
    /// cache.shrink_to_fit();
    /// ```
    ///
    /// # Performance
    ///
    /// As [`reserve`](ObjCache::reserve).
    fn shrink_to_fit(&self) {}
}
