use cache_core::{Backend, HashBuilder, Key, Options, Value};

use crate::{PapayaIntCache, PapayaObjCache};

/// The [`Backend`] of this crate, named `papaya`.
///
/// [`reclaim`](Backend::reclaim) does nothing: each papaya map reclaims on its own, in batches of at least 32 for
/// each thread. Incomplete batches are freed by later writes, or when the cache is dropped.
///
/// # Examples
///
/// ```
/// use hotcache::{Backend, IntCache, Options, papaya};
///
/// let cache = papaya::Backend::int::<str, _>(Options::new());
/// cache.set("a", 1);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct PapayaBackend;

impl Backend for PapayaBackend {
    const NAME: &'static str = "papaya";

    type Int<K: Key + ?Sized, S: HashBuilder> = PapayaIntCache<K, S>;
    type Obj<V: Value, K: Key + ?Sized, S: HashBuilder> = PapayaObjCache<V, K, S>;

    fn int<K: Key + ?Sized, S: HashBuilder>(options: Options<S>) -> Self::Int<K, S> {
        PapayaIntCache::with_options(options)
    }

    fn obj<V: Value, K: Key + ?Sized, S: HashBuilder>(options: Options<S>) -> Self::Obj<V, K, S> {
        PapayaObjCache::with_options(options)
    }
}
