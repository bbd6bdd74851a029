//! A complete cache over any backend: bounds, eviction, expiry, loading and statistics.
//!
//! [`Cache`] and [`Counters`] are those of the default backend, unless another is named. Without the feature `bucket`, the
//! types of [`layer`] are there, which always name their backend.
//!
//! ```
//! use std::time::Duration;
//! use hotcache::Cache;
//!
//! let events = Cache::<String>::builder().max_entries(10_000).time_to_live(Duration::from_secs(60)).build();
//! events.insert("event:1", "Flash sale".to_owned());
//! assert_eq!(events.with("event:1", |title| title.len()), Some(10));
//! ```

#[cfg(feature = "bucket")]
use cache_core::DefaultHashBuilder;

pub use cache_policy as layer;
pub use cache_policy::policy::Eviction;
pub use cache_policy::{
    Builder, Cause, Clock, CountError, CountersBuilder, Expiry, Group, Handle, HotKey, HotKeys, Loaded,
    ManualClock, Membership, Rate, Rest, Statistics, SystemClock, Verdict,
};

#[cfg(feature = "csv")]
#[cfg_attr(docsrs, doc(cfg(feature = "csv")))]
pub use cache_policy::csv;
#[cfg(feature = "metrics")]
#[cfg_attr(docsrs, doc(cfg(feature = "metrics")))]
pub use cache_policy::metrics;
#[cfg(feature = "serde")]
#[cfg_attr(docsrs, doc(cfg(feature = "serde")))]
pub use cache_policy::snapshot;

/// A cache with bounds, expiry, loading and statistics. See [`layer::Cache`] for all it does.
///
/// # Examples
///
/// ```
/// use hotcache::Cache;
///
/// let cache = Cache::<u32, u64>::builder().max_entries(1_000).build();
/// (0..10_000).for_each(|n| _ = cache.insert(&n, 0));
/// assert_eq!(cache.len(), 1_000);
/// ```
#[cfg(feature = "bucket")]
pub type Cache<V, K = str, B = cache_bucket::BucketBackend, S = DefaultHashBuilder> =
    cache_policy::Cache<V, K, B, S>;

/// A limit for each key. See [`layer::RateLimiter`].
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use hotcache::RateLimiter;
/// use hotcache::policy::Rate;
///
/// let limiter = RateLimiter::<str>::builder().max_keys(100_000).build_limiter();
/// let rate = Rate::new(100, Duration::from_secs(1));
/// assert!(limiter.allow("10.0.0.7", rate)?.is_allowed());
/// # Ok::<_, hotcache::policy::CountError>(())
/// ```
#[cfg(feature = "bucket")]
pub type RateLimiter<K = str, B = cache_bucket::BucketBackend, S = DefaultHashBuilder> =
    cache_policy::RateLimiter<K, B, S>;

/// Counters with a bound and a time to live. See [`layer::Counters`] for all they do.
///
/// # Examples
///
/// ```
/// use hotcache::Counters;
///
/// let bought = Counters::<u64>::builder().max_keys(1_000).build();
/// assert_eq!(bought.add(&7, 2), Ok(2));
/// ```
#[cfg(feature = "bucket")]
pub type Counters<K = str, B = cache_bucket::BucketBackend, S = DefaultHashBuilder> =
    cache_policy::Counters<K, B, S>;
