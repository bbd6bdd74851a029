//! One module for each backend that is compiled in.

/// Generates the module of a backend, with its types under the names that all backends share.
macro_rules! module {
    ($name:ident, $feature:literal, $krate:ident, $int:ident, $obj:ident, $backend:ident, $over:literal, $not:literal) => {
        #[doc = concat!("The `", $feature, "` backend: ", $over)]
        ///
        /// # When not to use it
        ///
        #[doc = $not]
        ///
        /// [`Backend`] has the whole page: what this backend is good at, its memory, and callers' code in it.
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

/// Generates all modules.
///
/// Called in the crate's root: if a feature is missing, the compiler names it only for items that are left out where they are
/// looked for.
macro_rules! modules {
    () => {
        $crate::backends::module!(
            rwlock,
            "rwlock",
            cache_rwlock,
            RwLockIntCache,
            RwLockObjCache,
            RwLockBackend,
            "a hash table in shards, each behind a `parking_lot::RwLock`.",
            "If several threads read or change a few hot keys: they contend for the cache line of one lock. If readers must never \
             wait: an insert that grows a shard holds its lock while the shard is copied."
        );
        $crate::backends::module!(
            dashmap,
            "dashmap",
            cache_dashmap,
            DashMapIntCache,
            DashMapObjCache,
            DashMapBackend,
            "over the `dashmap` crate.",
            "As for `rwlock`; and if several threads insert: its shards are fewer by default."
        );
        $crate::backends::module!(
            flurry,
            "flurry",
            cache_flurry,
            FlurryIntCache,
            FlurryObjCache,
            FlurryBackend,
            "over the `flurry` crate, a port of Java's `ConcurrentHashMap`.",
            "If speed or memory matters: nearly every other backend is faster, and it takes 145 bytes per key. Its strength is \
             keys whose hashes collide."
        );
        $crate::backends::module!(
            scc,
            "scc",
            cache_scc,
            SccIntCache,
            SccObjCache,
            SccBackend,
            "over the `scc` crate.",
            "If several threads read a few keys, or replace the object of one hot key."
        );
        $crate::backends::module!(
            papaya,
            "papaya",
            cache_papaya,
            PapayaIntCache,
            PapayaObjCache,
            PapayaBackend,
            "over the `papaya` crate.",
            "If keys come and go, or objects are replaced often. If clients can create keys of equal hash: iteration then hangs."
        );
        $crate::backends::module!(
            bucket,
            "bucket",
            cache_bucket,
            BucketIntCache,
            BucketObjCache,
            BucketBackend,
            "a hash table of our own, the default.",
            "If most operations delete keys, or replace or delete objects. If there are thousands of tiny caches, of 18 KiB each. If \
             replaced objects must be dropped at once: here they live a little longer."
        );
    };
}

pub(crate) use {module, modules};
