//! Write-behind: local first, Redis soon.

mod builder;
mod events;
mod failure;
#[cfg(feature = "metrics")]
mod metrics;
mod queue;
mod worker;

use std::fmt;
use std::sync::Arc;

use cache_core::IntCache;
use tokio::task::JoinHandle;

pub use self::builder::WriteBehindBuilder;
pub use self::failure::{Failure, FlushError, QueueError};
#[cfg(feature = "metrics")]
pub(crate) use self::metrics::describe;

use self::queue::Pending;
use self::worker::Shared;
use super::Writer;
use crate::{Error, MirrorKey};

/// An `IntCache` whose writes return at once, and reach Redis in batches, each **exactly once**.
///
/// A task takes the changes of up to 200 keys, those of a key merged into one, and writes them with one script. Each batch
/// has a sequence number, which the script keeps in Redis in the same step. If an answer is lost, the batch is sent again
/// under its number, and the script does not make it twice. There is one batch under way at a time.
///
/// # Consistency
///
/// The cache is ahead of Redis by what waits, and behind it by what other processes write: their changes do not appear in
/// this cache. Do not let a mirror write to the same cache, as it would undo what waits. Other processes see the changes
/// through their mirrors.
///
/// Nothing is lost while the process and the tokio runtime live: an unreachable server, or one that refuses everything, makes the
/// task try again for ever, with waits of up to a second, and the queue fill up. [`last_error`](WriteBehind::last_error)
/// tells why. A script that stops in the middle is not run again, as Redis does not undo what it did: its changes are
/// reported as [`Failure::Unknown`]. What was acknowledged and lost by the server afterwards (a crash without `appendfsync always`, a fail-over) is noticed at the
/// next batch and reported as [`Failure::Lost`]. Settings that evict the hash of writers (`maxmemory-policy allkeys-…`)
/// break this; they evict counters, too.
///
/// **Dropping it discards what waits.** Nothing is flushed, as that takes time and may fail. A batch that is under way may be
/// made or not. [`flush`](WriteBehind::flush) before, with a time-out: the handle is still there if the time is up, to say
/// [why](WriteBehind::last_error) and [how much](WriteBehind::waiting) waits, or to try again.
///
/// # Examples
///
/// ```no_run
/// use std::sync::Arc;
/// use cache_bucket::BucketIntCache;
/// use cache_redis::writer::{WriteBehind, Writer};
///
/// # async fn run(writer: Writer) -> Result<(), Box<dyn std::error::Error>> {
/// let cache = Arc::new(BucketIntCache::<str>::default());
/// let stock = WriteBehind::new(writer, cache);
/// assert_eq!(stock.add("sku:1", 5).await?, 5);
/// assert_eq!(stock.add("sku:1", -2).await?, 3); // Redis may see one addition of 3
/// stock.close().await?;
/// # Ok(())
/// # }
/// ```
///
/// # Performance
///
/// A write takes a lock, and changes the cache and a hash table under it.
pub struct WriteBehind<K: MirrorKey + ?Sized, C: ?Sized> {
    shared: Arc<Shared<K>>,
    task: JoinHandle<()>,
    cache: Arc<C>,
}

impl<K: MirrorKey + ?Sized, C: IntCache<K> + ?Sized> WriteBehind<K, C> {
    /// Starts writing with the usual settings.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    ///
    /// # Examples
    ///
    /// See [`WriteBehind`].
    #[must_use]
    pub fn new(writer: Writer, cache: Arc<C>) -> Self {
        Self::builder(writer, cache).start()
    }

    /// Says how it is to be; ends with [`start`](WriteBehindBuilder::start).
    ///
    /// # Examples
    ///
    /// See [`WriteBehindBuilder`].
    #[must_use]
    pub fn builder(writer: Writer, cache: Arc<C>) -> WriteBehindBuilder<C> {
        WriteBehindBuilder::new(writer, cache)
    }

    /// The cache, to read from. What is written to it directly does not reach Redis.
    ///
    /// # Examples
    ///
    /// See [`WriteBehind`].
    #[must_use]
    pub fn cache(&self) -> &Arc<C> {
        &self.cache
    }

    /// Adds to an integer, and returns the sum in the cache. Waits while too many keys wait to be written.
    ///
    /// # Errors
    ///
    /// [`QueueError::Overflow`] and [`QueueError::Stopped`]. The cache is as it was.
    ///
    /// # Examples
    ///
    /// See [`WriteBehind`].
    pub async fn add(&self, key: &K, delta: i64) -> Result<i64, QueueError> {
        self.with_room(|| self.add_now(key, delta)).await
    }

    /// Stores an integer. Waits while too many keys wait to be written.
    ///
    /// # Errors
    ///
    /// [`QueueError::Stopped`]. The cache is as it was.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn run(stock: cache_redis::writer::WriteBehind<str, cache_bucket::BucketIntCache<str>>) -> Result<(), cache_redis::writer::QueueError> {
    /// stock.set("sku:1", 100).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn set(&self, key: &K, value: i64) -> Result<(), QueueError> {
        self.with_room(|| self.set_now(key, value)).await
    }

    /// Removes a key, and returns whether the cache had it. Waits while too many keys wait to be written.
    ///
    /// # Errors
    ///
    /// As [`set`](WriteBehind::set).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn run(stock: cache_redis::writer::WriteBehind<str, cache_bucket::BucketIntCache<str>>) -> Result<(), cache_redis::writer::QueueError> {
    /// assert!(stock.del("sku:1").await?);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn del(&self, key: &K) -> Result<bool, QueueError> {
        self.with_room(|| self.del_now(key)).await
    }

    /// Adds to an integer, and returns the sum in the cache.
    ///
    /// # Errors
    ///
    /// [`QueueError`], without waiting. The cache is as it was.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn run(stock: cache_redis::writer::WriteBehind<str, cache_bucket::BucketIntCache<str>>) {
    /// match stock.add_now("sku:1", -1) {
    ///     Ok(left) => println!("{left} left"),
    ///     Err(error) => println!("try again later: {error}"),
    /// }
    /// # }
    /// ```
    pub fn add_now(&self, key: &K, delta: i64) -> Result<i64, QueueError> {
        self.push(key, Pending::Add(delta), || self.cache.add(key, delta))
    }

    /// Stores an integer.
    ///
    /// # Errors
    ///
    /// As [`add_now`](WriteBehind::add_now).
    ///
    /// # Examples
    ///
    /// See [`add_now`](WriteBehind::add_now).
    pub fn set_now(&self, key: &K, value: i64) -> Result<(), QueueError> {
        self.push(key, Pending::Set(value), || self.cache.set(key, value))
    }

    /// Removes a key, and returns whether the cache had it.
    ///
    /// # Errors
    ///
    /// As [`add_now`](WriteBehind::add_now).
    ///
    /// # Examples
    ///
    /// See [`add_now`](WriteBehind::add_now).
    pub fn del_now(&self, key: &K) -> Result<bool, QueueError> {
        self.push(key, Pending::Del, || self.cache.del(key))
    }

    /// The cache is changed under the lock of the queue, so both see the changes of a key in the same order.
    fn push<R>(&self, key: &K, change: Pending, apply: impl FnOnce() -> R) -> Result<R, QueueError> {
        let mut state = self.shared.lock();
        if state.stopped {
            return Err(QueueError::Stopped);
        }
        let result = state.queue.push(key, change, apply);
        drop(state);
        self.shared.queued.notify_one();
        result
    }

    async fn with_room<R>(&self, push: impl Fn() -> Result<R, QueueError>) -> Result<R, QueueError> {
        loop {
            // Before the attempt, so that no progress is missed.
            let progress = self.shared.progress.notified();
            match push() {
                Err(QueueError::Full { .. }) => progress.await,
                result => return result,
            }
        }
    }

    /// The number of keys that wait to be written, without those under way.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn run(stock: cache_redis::writer::WriteBehind<str, cache_bucket::BucketIntCache<str>>) {
    /// println!("{} keys wait", stock.waiting());
    /// # }
    /// ```
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.shared.lock().queue.len()
    }

    /// Why the batch under way could not be written yet, if its last attempt failed.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn run(stock: cache_redis::writer::WriteBehind<str, cache_bucket::BucketIntCache<str>>) {
    /// if let Some(error) = stock.last_error() {
    ///     eprintln!("still trying: {error}");
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn last_error(&self) -> Option<Error> {
        self.shared.lock().last_error.clone()
    }

    /// Waits until all changes that were queued before are in Redis, or have failed for good.
    ///
    /// It waits for ever while the server cannot be reached: use [`tokio::time::timeout`], and try again. Dropping the future
    /// changes nothing.
    ///
    /// # Errors
    ///
    /// What failed for good since the last flush, of this or earlier changes. Each failure is told once: of several flushes at
    /// a time, the one that ends first is told all of them. Let one task flush.
    ///
    /// [`Failure::Stopped`] if the task has ended before, at every call.
    ///
    /// # Examples
    ///
    /// See [`FlushError`].
    pub async fn flush(&self) -> Result<(), FlushError> {
        let wanted = self.shared.lock().queue.came();
        loop {
            let progress = self.shared.progress.notified();
            {
                let mut state = self.shared.lock();
                if state.settled >= wanted {
                    let failures = std::mem::take(&mut state.failures);
                    return if failures.is_empty() { Ok(()) } else { Err(failures) };
                }
                if state.stopped {
                    let mut failures = std::mem::take(&mut state.failures);
                    failures.failures.push(state.abandoned());
                    return Err(failures);
                }
            }
            progress.await;
        }
    }

    /// Flushes, and ends the task. Dropping the future, as a time-out does, discards what waits: with a time-out,
    /// [`flush`](WriteBehind::flush) and drop the handle afterwards.
    ///
    /// # Errors
    ///
    /// As [`flush`](WriteBehind::flush).
    ///
    /// # Examples
    ///
    /// See [`WriteBehind`].
    pub async fn close(self) -> Result<(), FlushError> {
        self.flush().await
    }
}

impl<K: MirrorKey + ?Sized, C: ?Sized> Drop for WriteBehind<K, C> {
    fn drop(&mut self) {
        self.shared.lock().dropped = true;
        self.task.abort();
        if let waiting @ 1.. = self.shared.lock().queue.len() {
            events::discarded(waiting);
        }
    }
}

impl<K: MirrorKey + ?Sized, C: ?Sized> fmt::Debug for WriteBehind<K, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteBehind")
            .field("waiting", &self.shared.lock().queue.len())
            .finish_non_exhaustive()
    }
}
