use cache_core::{Backend, HashBuilder, Key, Options, Value};

use crate::{FlurryIntCache, FlurryObjCache};

/// The [`Backend`] of this crate, named `flurry`.
///
/// [`reclaim`](Backend::reclaim) does nothing: each flurry map reclaims on its own, in batches of 120 for each
/// thread. Incomplete batches are freed by later writes, or when the cache is dropped.
///
/// # Examples
///
/// ```
/// use hotcache::{Backend, IntCache, Options, flurry};
///
/// let cache = flurry::Backend::int::<str, _>(Options::new());
/// cache.set("a", 1);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct FlurryBackend;

impl Backend for FlurryBackend {
    const NAME: &'static str = "flurry";

    type Int<K: Key + ?Sized, S: HashBuilder> = FlurryIntCache<K, S>;
    type Obj<V: Value, K: Key + ?Sized, S: HashBuilder> = FlurryObjCache<V, K, S>;

    fn int<K: Key + ?Sized, S: HashBuilder>(options: Options<S>) -> Self::Int<K, S> {
        FlurryIntCache::with_options(options)
    }

    fn obj<V: Value, K: Key + ?Sized, S: HashBuilder>(options: Options<S>) -> Self::Obj<V, K, S> {
        FlurryObjCache::with_options(options)
    }
}
