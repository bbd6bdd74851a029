use std::sync::Arc;

use crate::{HasLoads, Key};

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
/// Closures given to [`with_dyn`](ObjCache::with_dyn), [`for_each`](ObjCache::for_each) and
/// [`retain`](ObjCache::retain) may run under a lock: they must not call any cache. A panic in one leaves the
/// cache usable. No object is dropped under a lock, so a `Drop` may call any cache.
///
/// # Examples
///
/// ```
/// use cache_core::{ObjCache, ObjCacheExt};
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
    /// # use cache_core::ObjCache;
    /// # let cache = cache_rwlock::RwLockObjCache::<u8>::default();
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
    /// # use cache_core::ObjCache;
    /// # let cache = cache_rwlock::RwLockObjCache::<String>::default();
    /// let mut length = 0;
    /// let found = cache.with_dyn("title", &mut |title| length = title.len());
    /// ```
    fn with_dyn(&self, key: &K, f: &mut dyn FnMut(&V)) -> bool;

    /// Stores an object, replacing and later dropping the one that was there.
    ///
    /// A load of this key that is in flight will not overwrite it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use cache_core::ObjCache;
    /// # let cache = cache_rwlock::RwLockObjCache::<u8>::default();
    /// cache.set("a", Arc::new(7));
    /// ```
    fn set(&self, key: &K, value: Arc<V>);

    /// Stores an object if the key is absent; returns the one that is in the cache afterwards.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use cache_core::ObjCache;
    /// # let cache = cache_rwlock::RwLockObjCache::<u8>::default();
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
    /// # use cache_core::ObjCache;
    /// # let cache = cache_rwlock::RwLockObjCache::<u8>::default();
    /// cache.set("a", Arc::new(7));
    /// assert!(cache.del("a"));
    /// assert!(!cache.del("a"));
    /// ```
    fn del(&self, key: &K) -> bool;

    /// The number of keys, weakly consistent: exact when nothing is inserted or removed meanwhile.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_core::ObjCache;
    /// # let cache = cache_rwlock::RwLockObjCache::<u8>::default();
    /// assert_eq!(cache.len(), 0);
    /// ```
    fn len(&self) -> usize;

    /// Whether there is no key, weakly consistent as [`len`](ObjCache::len) is.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_core::ObjCache;
    /// # let cache = cache_rwlock::RwLockObjCache::<u8>::default();
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
    /// # use cache_core::ObjCache;
    /// # let cache = cache_rwlock::RwLockObjCache::<u8>::default();
    /// cache.clear();
    /// assert!(cache.is_empty());
    /// ```
    fn clear(&self);

    /// All keys, in no order, weakly consistent.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_core::ObjCache;
    /// # let cache = cache_rwlock::RwLockObjCache::<u8>::default();
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
    /// # use cache_core::ObjCache;
    /// # let cache = cache_rwlock::RwLockObjCache::<String>::default();
    /// let mut longest = 0;
    /// cache.for_each(&mut |_key, title| longest = longest.max(title.len()));
    /// ```
    fn for_each(&self, f: &mut dyn FnMut(&K, &Arc<V>));

    /// Removes the keys for which `f` returns `false`, weakly consistent.
    ///
    /// `f` may run under a lock and must not call any cache. An object that is set while `f` looks at the one before
    /// stays, unless `f` is asked about it too.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_core::ObjCache;
    /// # let cache = cache_rwlock::RwLockObjCache::<String>::default();
    /// cache.retain(&mut |_key, title| !title.is_empty());
    /// ```
    fn retain(&self, f: &mut dyn FnMut(&K, &Arc<V>) -> bool);
}
