use std::fmt::Debug;
use std::hash::BuildHasher;

use crate::{IntCache, Key, ObjCache, Options};

/// A hasher that a cache can own and share between threads. Implemented for every type that meets the bounds.
///
/// # Examples
///
/// ```
/// fn qualifies<S: hotcache::HashBuilder>() {}
/// qualifies::<hotcache::DefaultHashBuilder>();
/// qualifies::<std::hash::RandomState>();
/// ```
pub trait HashBuilder: BuildHasher + Clone + Send + Sync + 'static {}

impl<S: BuildHasher + Clone + Send + Sync + 'static> HashBuilder for S {}

/// An object that a cache can share between threads. Implemented for every type that meets the bounds.
///
/// # Examples
///
/// ```
/// fn qualifies<V: hotcache::Value>() {}
/// qualifies::<String>();
/// qualifies::<Box<dyn std::any::Any + Send + Sync>>();
/// ```
pub trait Value: Send + Sync + 'static {}

impl<V: Send + Sync + 'static> Value for V {}

/// A backend: its name, and the two caches that it builds.
///
/// Code that is generic over `B: Backend` runs on every backend, as the conformance suite and the benchmarks do.
///
/// # Examples
///
/// ```
/// use hotcache::{Backend, IntCache, Options};
///
/// fn stock_of<B: Backend>(items: &[(&str, i64)]) -> impl IntCache + use<B> {
///     let stock = B::int::<str, _>(Options::new().capacity(items.len()));
///     for (item, pieces) in items {
///         stock.set(item, *pieces);
///     }
///     stock
/// }
/// ```
pub trait Backend: Copy + Debug + Default + Send + Sync + 'static {
    /// The name of this backend. It is also its feature in `hotcache` and its row in benchmarks.
    const NAME: &'static str;

    /// The type of its integer cache.
    type Int<K: Key + ?Sized, S: HashBuilder>: IntCache<K> + Debug + 'static;

    /// The type of its object cache.
    type Obj<V: Value, K: Key + ?Sized, S: HashBuilder>: ObjCache<V, K> + Debug + 'static;

    /// Builds an integer cache.
    ///
    /// # Examples
    ///
    /// ```
    /// use hotcache::{Backend, IntCache, Options, bucket};
    ///
    /// let bought = bucket::Backend::int::<u64, _>(Options::new());
    /// assert_eq!(bought.add(&42, 1), 1);
    /// ```
    fn int<K: Key + ?Sized, S: HashBuilder>(options: Options<S>) -> Self::Int<K, S>;

    /// Builds an object cache.
    ///
    /// # Examples
    ///
    /// ```
    /// use hotcache::{Backend, ObjCacheExt, Options, bucket};
    ///
    /// let events = bucket::Backend::obj::<String, str, _>(Options::new());
    /// events.insert("event:1", "Flash sale".to_owned());
    /// ```
    fn obj<V: Value, K: Key + ?Sized, S: HashBuilder>(options: Options<S>) -> Self::Obj<V, K, S>;

    /// Frees as many removed objects as possible now. For tests, and for times of low load.
    ///
    /// Values that were deleted or replaced can be freed only when no reader can see them any more. If no operation
    /// is in flight on any thread, a call frees all of them, including those of caches that have been dropped.
    /// Backends that free immediately do nothing here. `flurry` and `papaya` do nothing either, because their maps
    /// reclaim on their own and cannot be driven from outside: the last few values of each thread wait for its next
    /// writes, or for the drop of their cache.
    ///
    /// # Examples
    ///
    /// ```
    /// use hotcache::Backend;
    /// hotcache::bucket::Backend::reclaim();
    /// ```
    fn reclaim() {}
}
