use std::sync::Arc;
use std::time::Duration;

use cache_core::IntCache;

use super::WriteBehind;
use super::worker::{Shared, Worker};
use crate::MirrorKey;
use crate::writer::Writer;

/// The number of keys that may wait to be written.
const MOST_KEYS: usize = 100_000;

/// The number of keys of a batch: the server does nothing else for about a millisecond.
const BATCH: usize = 200;

/// The least time from the beginning of a batch to that of the next.
const INTERVAL: Duration = Duration::from_millis(2);

/// How a [`WriteBehind`] is to be.
///
/// # Examples
///
/// ```no_run
/// use std::sync::Arc;
/// use std::time::Duration;
/// use cache_bucket::BucketIntCache;
/// use cache_redis::writer::{WriteBehind, Writer};
///
/// # fn run(writer: Writer) {
/// let cache = Arc::new(BucketIntCache::<u64>::default());
/// let bought = WriteBehind::builder(writer, cache).max_keys(10_000).interval(Duration::from_millis(10)).start();
/// # }
/// ```
#[derive(Debug)]
pub struct WriteBehindBuilder<C: ?Sized> {
    writer: Writer,
    cache: Arc<C>,
    most_keys: usize,
    batch: usize,
    interval: Duration,
}

impl<C: ?Sized> WriteBehindBuilder<C> {
    pub(super) fn new(writer: Writer, cache: Arc<C>) -> Self {
        Self { writer, cache, most_keys: MOST_KEYS, batch: BATCH, interval: INTERVAL }
    }

    /// Sets the number of keys that may wait to be written; at least 1. 100,000 unless set. Beyond that, writes of further
    /// keys wait or are refused.
    ///
    /// # Examples
    ///
    /// See [`WriteBehindBuilder`].
    #[must_use]
    pub fn max_keys(mut self, keys: usize) -> Self {
        self.most_keys = keys.max(1);
        self
    }

    /// Sets the number of keys that are written at once; 1 to 5000. 200 unless set. The server does nothing else meanwhile.
    ///
    /// # Examples
    ///
    /// See [`WriteBehindBuilder`].
    #[must_use]
    pub fn batch(mut self, keys: usize) -> Self {
        self.batch = keys.clamp(1, 5000);
        self
    }

    /// Sets the least time from the beginning of a batch to that of the next. 2 ms unless set. The longer it is, the more
    /// changes of a key are merged. A flush waits for it, too.
    ///
    /// # Examples
    ///
    /// See [`WriteBehindBuilder`].
    #[must_use]
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Starts writing.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    ///
    /// # Examples
    ///
    /// See [`WriteBehindBuilder`].
    #[must_use]
    pub fn start<K: MirrorKey + ?Sized>(self) -> WriteBehind<K, C>
    where
        C: IntCache<K>,
    {
        let shared = Arc::new(Shared::new(self.most_keys));
        let worker = Worker::new(Arc::clone(&shared), self.writer, self.batch, self.interval);
        let task = tokio::spawn(worker.run());
        WriteBehind { shared, task, cache: self.cache }
    }
}
