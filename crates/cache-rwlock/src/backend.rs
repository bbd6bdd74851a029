use cache_core::{Backend, HashBuilder, Key, Options, Value};

use crate::{RwLockIntCache, RwLockObjCache};

/// The [`Backend`] of this crate, named `rwlock`.
///
/// # Examples
///
/// ```
/// use hotcache::{Backend, IntCache, Options, rwlock};
///
/// let cache = rwlock::Backend::int::<str, _>(Options::new());
/// cache.set("a", 1);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct RwLockBackend;

impl Backend for RwLockBackend {
    const NAME: &'static str = "rwlock";

    type Int<K: Key + ?Sized, S: HashBuilder> = RwLockIntCache<K, S>;
    type Obj<V: Value, K: Key + ?Sized, S: HashBuilder> = RwLockObjCache<V, K, S>;

    fn int<K: Key + ?Sized, S: HashBuilder>(options: Options<S>) -> Self::Int<K, S> {
        RwLockIntCache::with_options(options)
    }

    fn obj<V: Value, K: Key + ?Sized, S: HashBuilder>(options: Options<S>) -> Self::Obj<V, K, S> {
        RwLockObjCache::with_options(options)
    }
}
