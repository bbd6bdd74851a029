use std::fmt::Debug;
use std::hash::BuildHasher;

use crate::{IntCache, Key, ObjCache, Options};

/// A hasher that a cache can own and share between threads. Implemented for every type that qualifies.
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

/// An object that a cache can share between threads. Implemented for every type that qualifies.
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

/// What a backend is: a name, and the two caches it builds.
///
/// Code that is generic over `B: Backend` runs on every backend; the conformance suite and the benchmarks are
/// such code.
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
    /// The name by which users choose this backend: its feature in `hotcache`, its row in benchmarks.
    const NAME: &'static str;

    /// The integer cache.
    type Int<K: Key + ?Sized, S: HashBuilder>: IntCache<K> + Debug + 'static;

    /// The object cache.
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

    /// Drives deferred reclamation as far as it goes now, for tests and for quiet moments.
    ///
    /// Values that were deleted or replaced may be freed only when no reader can still see them. After a call
    /// with no operation in flight on any thread, all of them are, and all that belonged to caches since dropped.
    /// Backends that free at once do nothing. Nor do those over maps that reclaim each for itself and cannot be
    /// driven from outside (flurry, papaya): there the last few values of each thread wait for its next writes,
    /// or for the drop of their cache.
    ///
    /// # Examples
    ///
    /// ```
    /// use hotcache::Backend;
    /// hotcache::bucket::Backend::reclaim();
    /// ```
    fn reclaim() {}
}
