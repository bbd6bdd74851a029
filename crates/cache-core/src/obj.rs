use std::ops::ControlFlow;
use std::sync::Arc;

use crate::{HasLoads, Key, UpdateError, assert_reservable, assert_same_length};

/// How many keys [`ObjCache::get_many`] fetches from memory at once: as many misses as a processor has in flight, roughly.
const GROUP: usize = 16;

/// A concurrent map from keys to shared objects.
///
/// All methods take `&self` and may be called from any number of threads. The trait is `dyn`-compatible, and is
/// implemented for `&T`, `Box<T>` and `Arc<T>`. Loading on a miss, and methods that take closures or plain values,
/// are in [`ObjCacheExt`](crate::ObjCacheExt), which every `ObjCache` implements, including `dyn ObjCache`.
///
/// # Consistency
///
/// Every operation on one key is linearizable. Methods that visit many keys are weakly consistent: they see every key
/// that is present throughout the call, and may or may not see a key that is inserted or removed during it.
///
/// Closures may run under a lock, so they must not call the cache that runs them. A panic in a closure leaves the cache usable. No
/// object is dropped under a lock, so a `Drop` may call any cache.
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
    /// Returns a shared reference to the object of a key, or `None` if the key is absent.
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

    /// Calls `f` with the object of a key, without changing a reference count. Returns `false` if the key is absent.
    ///
    /// This is the `dyn`-compatible form of [`ObjCacheExt::with`](crate::ObjCacheExt::with), which returns the result
    /// of the closure. `f` is called at most once. It may run under a lock and must not call this cache.
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

    /// Returns whether a key is present.
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
    #[doc(alias = "contains_key")]
    fn contains(&self, key: &K) -> bool {
        self.with_dyn(key, &mut |_| ())
    }

    /// Looks up many keys at once: `out[i]` becomes the object of `keys[i]`.
    ///
    /// Each look-up is linearizable. Together they are not a snapshot.
    ///
    /// # Panics
    ///
    /// If `keys` and `out` have different lengths.
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
        for (keys, out) in keys.chunks(GROUP).zip(out.chunks_mut(GROUP)) {
            self.prefetch(keys);
            for (key, out) in keys.iter().zip(out) {
                *out = self.get(key);
            }
        }
    }

    /// Starts to fetch from memory what operations on these keys will read. A hint, which changes nothing else.
    ///
    /// A caller that is about to use several keys waits once for memory instead of once for each. By default it does nothing.
    ///
    /// # Performance
    ///
    /// Worth it for 4 to 16 keys of a table that is larger than the processor's caches. It hashes each key once more.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use hotcache::ObjCache;
    /// # let cache = hotcache::bucket::ObjCache::<u8>::default();
    /// # cache.set("a", Arc::new(7));
    /// cache.prefetch(&["a", "b", "c"]);
    /// assert_eq!(cache.get("a"), Some(Arc::new(7)));
    /// ```
    fn prefetch(&self, keys: &[&K]) {
        _ = keys;
    }

    /// Stores an object. An object that it replaces is dropped, possibly later.
    ///
    /// A load of this key that is in flight does not overwrite it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use hotcache::ObjCache;
    /// # let cache = hotcache::bucket::ObjCache::<u8>::default();
    /// cache.set("a", Arc::new(7));
    /// ```
    #[doc(alias = "insert")]
    #[doc(alias = "put")]
    fn set(&self, key: &K, value: Arc<V>);

    /// Stores an object and returns the previous one.
    ///
    /// A load of this key that is in flight does not overwrite it.
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

    /// Stores `new` if the object of the key is `current`. Objects are compared by address, not by value.
    ///
    /// # Errors
    ///
    /// Returns `new` if the key is absent or has another object.
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

    /// Removes a key if its object is `current`, and tells whether it did. Objects are compared by address, not by value.
    ///
    /// If it did, a load of this key that is in flight is not cached.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use hotcache::ObjCache;
    /// # let cache = hotcache::bucket::ObjCache::<u8>::default();
    /// let one = Arc::new(1);
    /// cache.set("a", Arc::clone(&one));
    /// assert!(!cache.del_if_same("a", &Arc::new(1)));
    /// assert!(cache.del_if_same("a", &one));
    /// assert!(!cache.del_if_same("a", &one));
    /// ```
    fn del_if_same(&self, key: &K, current: &Arc<V>) -> bool {
        self.del_if_dyn(key, &mut |object| Arc::ptr_eq(object, current))
    }

    /// Removes a key if its object is `current`, and tells whether it did, for a cache that removes on its own what it has no
    /// room for, or what is past its time.
    ///
    /// As [`del_if_same`](ObjCache::del_if_same), but no write: a load of this key that is in flight is cached all the same.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use hotcache::ObjCache;
    /// # let cache = hotcache::bucket::ObjCache::<u8>::default();
    /// let one = Arc::new(1);
    /// cache.set("a", Arc::clone(&one));
    /// assert!(cache.evict_if_same("a", &one));
    /// assert!(!cache.evict_if_same("a", &one));
    /// ```
    fn evict_if_same(&self, key: &K, current: &Arc<V>) -> bool;

    /// Atomically replaces the object of a present key with the result of `f`, and returns the new object.
    ///
    /// This is the `dyn`-compatible form of [`ObjCacheExt::update`](crate::ObjCacheExt::update). `f` is called again
    /// if the object is replaced during the call. `f` runs under no lock.
    ///
    /// # Errors
    ///
    /// [`UpdateError::Absent`] if the key is absent. [`UpdateError::Kept`] with the object if `f` returns `None`.
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
                // Dropped here: if its `Drop` panicked at the end of the function, the return value would leak.
                drop(current);
                return Ok(new);
            }
        }
    }

    /// Stores an object if the key is absent. Returns the object that is in the cache afterwards.
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
    #[doc(alias = "entry")]
    fn get_or_insert(&self, key: &K, value: Arc<V>) -> Arc<V>;

    /// Removes a key and returns whether it was present.
    ///
    /// A load of this key that is in flight does not bring it back.
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
    #[doc(alias = "remove")]
    #[doc(alias = "invalidate")]
    #[doc(alias = "delete")]
    fn del(&self, key: &K) -> bool;

    /// Removes a key and returns its object.
    ///
    /// A load of this key that is in flight does not bring it back.
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
    #[doc(alias = "remove")]
    fn take(&self, key: &K) -> Option<Arc<V>>;

    /// Removes a key if `f` returns `true` for its object. Returns whether it was removed.
    ///
    /// This is the `dyn`-compatible form of [`ObjCacheExt::del_if`](crate::ObjCacheExt::del_if). If the object is
    /// replaced after a call of `f`, `f` is called again. `f` may run under a lock and must not call this cache.
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
    #[doc(alias = "remove_if")]
    fn del_if_dyn(&self, key: &K, f: &mut dyn FnMut(&Arc<V>) -> bool) -> bool;

    /// Returns the number of keys. Weakly consistent: it is exact if no key is inserted or removed during the call.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hotcache::ObjCache;
    /// # let cache = hotcache::bucket::ObjCache::<u8>::default();
    /// assert_eq!(cache.len(), 0);
    /// ```
    fn len(&self) -> usize;

    /// Returns whether there are no keys. Weakly consistent, as [`len`](ObjCache::len) is.
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

    /// Removes all keys. A key that is inserted during the call may stay.
    ///
    /// Loads in flight do not bring their keys back.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hotcache::ObjCache;
    /// # let cache = hotcache::bucket::ObjCache::<u8>::default();
    /// cache.clear();
    /// assert!(cache.is_empty());
    /// ```
    #[doc(alias = "invalidate_all")]
    fn clear(&self);

    /// Returns all keys, in no particular order. Weakly consistent.
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

    /// Calls `f` with every key and its object, in no particular order. Weakly consistent.
    ///
    /// `f` may run under a lock and must not call this cache; it may clone the `Arc` and keep it.
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
        // The closure never breaks.
        let _ = self.try_for_each_dyn(&mut |key, object| {
            f(key, object);
            ControlFlow::Continue(())
        });
    }

    /// Calls `f` with every key and its object until `f` breaks, in no particular order. Weakly consistent.
    ///
    /// This is the `dyn`-compatible form of [`ObjCacheExt::try_for_each`](crate::ObjCacheExt::try_for_each), whose
    /// closure can break with a value. `f` may run under a lock and must not call this cache.
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

    /// Removes the keys for which `f` returns `false`. Weakly consistent.
    ///
    /// `f` may run under a lock and must not call this cache. If an object is replaced while `f` examines it, the new
    /// object stays, unless `f` returns `false` for that one too.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hotcache::ObjCache;
    /// # let cache = hotcache::bucket::ObjCache::<String>::default();
    /// cache.retain(&mut |_key, title| !title.is_empty());
    /// ```
    fn retain(&self, f: &mut dyn FnMut(&K, &Arc<V>) -> bool);

    /// Reserves room for `additional` more keys, so that inserting them does not grow the table. This is a hint.
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
    /// May copy the table. Backends with locks hold them for that time. A backend that cannot grow in advance does
    /// nothing; its page says so.
    ///
    /// # Panics
    ///
    /// If `additional` is more than [`Options::MOST_ENTRIES`](crate::Options::MOST_ENTRIES).
    fn reserve(&self, additional: usize) {
        assert_reservable(additional);
    }

    /// Returns the number of keys that fit without growing. Weakly consistent, and never less than
    /// [`len`](ObjCache::len).
    ///
    /// This is an estimate: one shard may have to grow while others have room. A backend whose map does not report
    /// its capacity returns the largest that was requested, and `bucket` counts keys of up to 8 bytes: longer keys take
    /// more room. The page of the backend says so.
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

    /// Frees memory that the remaining keys do not need. This is a hint.
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
    /// May copy the table, as [`reserve`](ObjCache::reserve) may.
    fn shrink_to_fit(&self) {}
}
