use cache_core::{Backend, HashBuilder, Key, Options, Value};

use crate::{DashMapIntCache, DashMapObjCache};

/// The [`Backend`] of this crate, named `dashmap`.
///
/// # Examples
///
/// ```
/// use hotcache::{Backend, IntCache, Options, dashmap};
///
/// let cache = dashmap::Backend::int::<str, _>(Options::new());
/// cache.set("a", 1);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct DashMapBackend;

impl Backend for DashMapBackend {
    const NAME: &'static str = "dashmap";

    type Int<K: Key + ?Sized, S: HashBuilder> = DashMapIntCache<K, S>;
    type Obj<V: Value, K: Key + ?Sized, S: HashBuilder> = DashMapObjCache<V, K, S>;

    fn int<K: Key + ?Sized, S: HashBuilder>(options: Options<S>) -> Self::Int<K, S> {
        DashMapIntCache::with_options(options)
    }

    fn obj<V: Value, K: Key + ?Sized, S: HashBuilder>(options: Options<S>) -> Self::Obj<V, K, S> {
        DashMapObjCache::with_options(options)
    }
}
