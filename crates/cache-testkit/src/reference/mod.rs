mod int;
mod obj;

use std::sync::{Mutex, MutexGuard, PoisonError};

use cache_core::{Backend, HashBuilder, Key, Options, Value};

pub use int::ReferenceIntCache;
pub use obj::ReferenceObjCache;

/// The specification as a backend: one mutex around a [`HashMap`](std::collections::HashMap), slow and obviously
/// right.
///
/// Not for use, and in no benchmark. It shows what the suite asks for, and that the suite asks for nothing
/// that cannot be had; faulty caches are made from it by spoiling one operation.
///
/// # Examples
///
/// ```
/// use cache_core::{Backend, IntCache, Options};
/// use cache_testkit::Reference;
///
/// let stock = Reference::int::<str, _>(Options::new());
/// assert_eq!(stock.add("sku:1", 5), 5);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Reference;

impl Backend for Reference {
    const NAME: &'static str = "reference";

    type Int<K: Key + ?Sized, S: HashBuilder> = ReferenceIntCache<K, S>;
    type Obj<V: Value, K: Key + ?Sized, S: HashBuilder> = ReferenceObjCache<V, K, S>;

    fn int<K: Key + ?Sized, S: HashBuilder>(options: Options<S>) -> Self::Int<K, S> {
        ReferenceIntCache::new(options)
    }

    fn obj<V: Value, K: Key + ?Sized, S: HashBuilder>(options: Options<S>) -> Self::Obj<V, K, S> {
        ReferenceObjCache::new(options)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic in a caller's closure or in a key must leave the cache usable; `HashMap` is whole after one.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
