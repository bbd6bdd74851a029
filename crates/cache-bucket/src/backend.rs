use cache_core::{Backend, HashBuilder, Key, Options, Value};

use crate::{BucketIntCache, BucketObjCache, reclaim};

/// The `bucket` backend: both caches over this crate's table. See the [crate's documentation](crate).
///
/// # Examples
///
/// ```
/// use hotcache::{Backend, IntCache, Options, bucket};
///
/// let stock = bucket::Backend::int::<str, _>(Options::new());
/// stock.set("sku:1", 100);
/// assert_eq!(stock.add("sku:1", -1), 99);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct BucketBackend;

impl Backend for BucketBackend {
    const NAME: &'static str = "bucket";

    type Int<K: Key + ?Sized, S: HashBuilder> = BucketIntCache<K, S>;
    type Obj<V: Value, K: Key + ?Sized, S: HashBuilder> = BucketObjCache<V, K, S>;

    fn int<K: Key + ?Sized, S: HashBuilder>(options: Options<S>) -> BucketIntCache<K, S> {
        BucketIntCache::with_options(options)
    }

    fn obj<V: Value, K: Key + ?Sized, S: HashBuilder>(options: Options<S>) -> BucketObjCache<V, K, S> {
        BucketObjCache::with_options(options)
    }

    fn reclaim() {
        reclaim::collect_all();
    }
}
