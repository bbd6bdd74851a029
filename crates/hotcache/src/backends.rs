//! One module for each backend that is compiled in.

/// Stamps a backend's module: its types under the names that all backends share.
macro_rules! module {
    ($name:ident, $feature:literal, $krate:ident, $int:ident, $obj:ident, $backend:ident, $over:literal, $not:literal) => {
        #[doc = concat!("The `", $feature, "` backend: ", $over)]
        ///
        /// # When not to use it
        ///
        #[doc = $not]
        ///
        /// # Examples
        ///
        /// ```
        /// use hotcache::prelude::*;
        #[doc = concat!("use hotcache::", $feature, "::{IntCache, ObjCache};")]
        ///
        /// let stock: IntCache = IntCache::new();
        /// stock.set("sku:1", 2);
        /// assert_eq!(stock.try_add("sku:1", -1, 0..), Ok(1));
        ///
        /// let events: ObjCache<String> = ObjCache::new();
        /// let title = events.get_or_insert_with("event:1", || "Flash sale".to_owned());
        /// assert_eq!(*title, "Flash sale");
        /// ```
        #[cfg(feature = $feature)]
        pub mod $name {
            #[doc(inline)]
            pub use $krate::$backend as Backend;
            #[doc(inline)]
            pub use $krate::$int as IntCache;
            #[doc(inline)]
            pub use $krate::$obj as ObjCache;
        }
    };
}

module!(
    rwlock,
    "rwlock",
    cache_rwlock,
    RwLockIntCache,
    RwLockObjCache,
    RwLockBackend,
    "shards of a hash table, each behind a `parking_lot::RwLock`.",
    "Several threads read or change a few hot keys: they pass one lock's cache line around. Readers must never wait: an \
     insert that grows a shard holds its lock while the shard is copied."
);
module!(
    dashmap,
    "dashmap",
    cache_dashmap,
    DashMapIntCache,
    DashMapObjCache,
    DashMapBackend,
    "over the `dashmap` crate.",
    "As for `rwlock`, and with few shards for inserts from several threads."
);
module!(
    flurry,
    "flurry",
    cache_flurry,
    FlurryIntCache,
    FlurryObjCache,
    FlurryBackend,
    "over the `flurry` crate, a port of Java's `ConcurrentHashMap`.",
    "Speed or memory matters (145 bytes a key): nearly every other backend is faster. It withstands keys of equal hash."
);
module!(
    scc,
    "scc",
    cache_scc,
    SccIntCache,
    SccObjCache,
    SccBackend,
    "over the `scc` crate.",
    "Several threads read a few keys, or replace the object of one hot key."
);
module!(
    papaya,
    "papaya",
    cache_papaya,
    PapayaIntCache,
    PapayaObjCache,
    PapayaBackend,
    "over the `papaya` crate.",
    "Keys come and go, or objects are replaced all the time. Clients can make keys of equal hash: iteration then hangs."
);
module!(
    bucket,
    "bucket",
    cache_bucket,
    BucketIntCache,
    BucketObjCache,
    BucketBackend,
    "a hash table of our own, the default.",
    "Most operations delete keys, or replace or delete objects. There are thousands of tiny caches (18 KiB each). Replaced \
     objects must be dropped at once: here they live a little longer."
);
