//! One module for each backend that is compiled in.

/// Stamps a backend's module: its types under the names that all backends share.
macro_rules! module {
    ($name:ident, $feature:literal, $krate:ident, $int:ident, $obj:ident, $backend:ident) => {
        #[doc = concat!("The `", $feature, "` backend.")]
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

module!(rwlock, "rwlock", cache_rwlock, RwLockIntCache, RwLockObjCache, RwLockBackend);
module!(dashmap, "dashmap", cache_dashmap, DashMapIntCache, DashMapObjCache, DashMapBackend);
module!(flurry, "flurry", cache_flurry, FlurryIntCache, FlurryObjCache, FlurryBackend);
module!(scc, "scc", cache_scc, SccIntCache, SccObjCache, SccBackend);
module!(papaya, "papaya", cache_papaya, PapayaIntCache, PapayaObjCache, PapayaBackend);
module!(bucket, "bucket", cache_bucket, BucketIntCache, BucketObjCache, BucketBackend);
