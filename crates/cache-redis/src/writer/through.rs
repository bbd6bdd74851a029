use std::fmt;
use std::hash::BuildHasher;
use std::marker::PhantomData;
use std::sync::Arc;

use cache_core::IntCache;
use tokio::sync::{Mutex, MutexGuard};

use super::Writer;
use crate::{Error, MirrorKey};

/// The number of locks. Writes of keys that share one wait for each other.
const LOCKS: usize = 256;

/// An `IntCache` whose writes go to Redis first, and to the cache once Redis has acknowledged them.
///
/// Reads are those of the cache: [`cache`](WriteThrough::cache).
///
/// # Consistency
///
/// Writes of one key from this process take effect in Redis and in the cache in the same order. The cache is given the value
/// that Redis returned, so it also catches up with what other processes added. Until the next write of a key, it does not
/// see what others do to it: for that, use a mirror and a [`Writer`] instead, and do not let a mirror write to the same
/// cache, as it may replace a value by an older one for a moment.
///
/// If an answer is lost, the error is [`Error::Unknown`], and the cache keeps its value, which may be older than that of
/// Redis until the next write of the key. The same holds if the future of a write is dropped.
///
/// A write that ended as *unknown* may also be late: what was sent on a connection that was given up can reach the server after
/// a newer write of the key on the next connection. Redis then keeps the older value and the cache the newer one, until the
/// next write of the key. Where that matters, use a mirror and a [`Writer`], whose cache has what Redis has.
///
/// # Examples
///
/// ```no_run
/// use std::sync::Arc;
/// use cache_core::IntCache;
/// use cache_redis::writer::{WriteThrough, Writer};
///
/// # async fn run(writer: Writer) -> Result<(), cache_redis::Error> {
/// let cache = Arc::new(cache_bucket::BucketIntCache::<str>::default());
/// let stock = WriteThrough::new(writer, Arc::clone(&cache));
/// assert_eq!(stock.add("sku:1", 5).await?, 5);
/// assert_eq!(cache.get("sku:1"), Some(5));
/// # Ok(())
/// # }
/// ```
pub struct WriteThrough<K: ?Sized, C: ?Sized> {
    writer: Writer,
    locks: Box<[Mutex<()>]>,
    hasher: foldhash::fast::RandomState,
    key: PhantomData<fn(&K)>,
    cache: Arc<C>,
}

impl<K: MirrorKey + ?Sized, C: IntCache<K> + ?Sized> WriteThrough<K, C> {
    /// Writes to a cache through Redis.
    ///
    /// # Examples
    ///
    /// See [`WriteThrough`].
    #[must_use]
    pub fn new(writer: Writer, cache: Arc<C>) -> Self {
        let locks = (0..LOCKS).map(|_| Mutex::new(())).collect();
        Self { writer, locks, hasher: foldhash::fast::RandomState::default(), key: PhantomData, cache }
    }

    /// The cache, to read from.
    ///
    /// # Examples
    ///
    /// See [`WriteThrough`].
    #[must_use]
    pub fn cache(&self) -> &Arc<C> {
        &self.cache
    }

    /// Stores an integer.
    ///
    /// # Errors
    ///
    /// As [`Writer::set_int`]. The cache is left as it is.
    ///
    /// # Examples
    ///
    /// See [`WriteThrough`].
    pub async fn set(&self, key: &K, value: i64) -> Result<(), Error> {
        let _order = self.lock(key).await;
        self.writer.set_int(key, value).await?;
        self.cache.set(key, value);
        Ok(())
    }

    /// Adds to an integer, and returns the sum in Redis. An absent key counts from 0.
    ///
    /// # Errors
    ///
    /// As [`Writer::add`]. The cache is left as it is.
    ///
    /// # Examples
    ///
    /// See [`WriteThrough`].
    pub async fn add(&self, key: &K, delta: i64) -> Result<i64, Error> {
        let _order = self.lock(key).await;
        let sum = self.writer.add(key, delta).await?;
        self.cache.set(key, sum);
        Ok(sum)
    }

    /// Removes a key, and returns whether Redis had it.
    ///
    /// # Errors
    ///
    /// As [`Writer::del`]. The cache is left as it is.
    ///
    /// # Examples
    ///
    /// See [`WriteThrough`].
    pub async fn del(&self, key: &K) -> Result<bool, Error> {
        let _order = self.lock(key).await;
        let was_there = self.writer.del(key).await?;
        self.cache.del(key);
        Ok(was_there)
    }

    /// Keeps writes of a key in order. Answers may reach their callers in another order than the server executed the calls.
    async fn lock(&self, key: &K) -> MutexGuard<'_, ()> {
        let hash = self.hasher.hash_one(key);
        self.locks[hash as usize % LOCKS].lock().await
    }
}

impl<K: ?Sized, C: ?Sized> fmt::Debug for WriteThrough<K, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteThrough").field("writer", &self.writer).finish_non_exhaustive()
    }
}
