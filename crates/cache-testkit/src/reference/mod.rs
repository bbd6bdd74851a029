mod int;
mod obj;

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash};
use std::sync::{Mutex, MutexGuard, PoisonError};

use cache_core::{Backend, HashBuilder, Key, NoReentry, Options, Value};

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

/// A map under a lock, which its own closures must not take again.
type Locked<K, T, S> = NoReentry<Mutex<HashMap<K, T, S>>>;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic in a caller's closure or in a key must leave the cache usable; `HashMap` is whole after one.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Inserts a key that is absent.
///
/// A `HashMap` whose room is taken by removed entries sorts those that are left where they stand. A panic in a key's
/// `Hash` then loses entries; and up to the standard library of Rust 1.95 at least, where neither keys nor values have
/// anything to drop, the map goes on to count them and reads memory that is not its own. Shrinking copies instead.
fn insert_new<K: Eq + Hash, T, S: BuildHasher>(map: &mut HashMap<K, T, S>, key: K, value: T) {
    if map.len() == map.capacity() {
        map.shrink_to(map.len() + 1);
    }
    map.insert(key, value);
}
