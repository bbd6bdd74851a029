use std::fmt;
use std::time::Duration;

use cache_core::Key;

use crate::Handle;

/// Why an entry left the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// Its time to live or to idle was over, or its group was dropped.
    Expired,
    /// It had to make room, or was heavier than the whole cache.
    Evicted,
    /// Another value was stored under its key.
    Replaced,
    /// A caller removed it.
    Removed,
}

impl Cause {
    /// All of them.
    pub const ALL: [Cause; 4] = [Cause::Expired, Cause::Evicted, Cause::Replaced, Cause::Removed];
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Cause::Expired => "expired",
            Cause::Evicted => "evicted",
            Cause::Replaced => "replaced",
            Cause::Removed => "removed",
        })
    }
}

/// How long entries live, asked for each of them.
///
/// All methods run under no lock and may call the cache. A panic in one leaves the cache as it was.
///
/// # Examples
///
/// Absence is remembered for less long than presence:
///
/// ```
/// use std::time::Duration;
/// use cache_policy::{Cache, Expiry};
/// # use cache_rwlock::RwLockBackend;
///
/// struct ByPresence;
///
/// impl Expiry<Option<String>, str> for ByPresence {
///     fn on_create(&self, _key: &str, value: &Option<String>) -> Option<Duration> {
///         Some(Duration::from_secs(if value.is_some() { 3600 } else { 5 }))
///     }
/// }
///
/// let cache: Cache<Option<String>, str, RwLockBackend> = Cache::builder().expiry(ByPresence).build();
/// cache.insert("nobody", None);
/// assert!(cache.ttl("nobody").unwrap() <= Duration::from_secs(5));
/// ```
pub trait Expiry<V, K: Key + ?Sized = str>: Send + Sync + 'static {
    /// How long a new entry lives; `None` for as long as the cache says.
    fn on_create(&self, key: &K, value: &V) -> Option<Duration>;

    /// How long an entry lives whose value replaces another; `None` for as long as the cache says.
    fn on_update(&self, key: &K, value: &V) -> Option<Duration> {
        self.on_create(key, value)
    }

    /// How long an entry that is read lives from now on; `None` to change nothing.
    ///
    /// `rest` is what is left of its time, [`Duration::MAX`] if it does not expire.
    fn on_read(&self, key: &K, value: &V, rest: Duration) -> Option<Duration> {
        let _ = (key, value, rest);
        None
    }
}

/// What a listener is.
pub(crate) type Listener<V, K> = Box<dyn Fn(&Handle<V, K>, Cause) + Send + Sync>;

/// What a weigher is.
pub(crate) type Weigher<V, K> = Box<dyn Fn(&K, &V) -> u32 + Send + Sync>;
