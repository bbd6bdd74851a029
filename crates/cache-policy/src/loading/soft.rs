//! A bound on how long a caller waits for a value if there is an old one.

use std::future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use cache_core::{Backend, HashBuilder, Key, LoadError, Value};

use super::{Found, Loaded, Refresh};
use crate::cache::Cache;
use crate::entry::Handle;

/// The rest of a load that nobody waits for any more. To be run by an executor, so that its value is cached.
///
/// # Examples
///
/// See [`Cache::get_or_load_soft`].
pub type Rest = Pin<Box<dyn Future<Output = ()> + Send>>;

impl<V: Value, K: Key + ?Sized, B: Backend, S: HashBuilder> Cache<V, K, B, S> {
    /// As [`get_or_load_async`](Cache::get_or_load_async), but an old value is returned once `patience` is over.
    ///
    /// This matters to the one caller that replaces an old value, with [`stale_for`](crate::Builder::stale_for) or
    /// [`refresh_ahead`](crate::Builder::refresh_ahead): all others get the old value at once. If `patience` ends before the
    /// load, the rest of the load is given to `spawn`, and this caller gets the old value too. If there is no value at all,
    /// it waits for the load however long that takes.
    ///
    /// A time-out of the executor around a call drops the load, and a key that loads slowly is then never cached. To keep the
    /// load, put the time-out around a task: `timeout(limit, spawn(async move { cache.get_or_load_async(..).await }))`.
    ///
    /// `patience` is any future, such as tokio's `sleep`; `spawn` gives the rest to an executor, such as `tokio::spawn`. If
    /// the rest is dropped unfinished, the old value stays, and the next caller loads.
    ///
    /// # Errors
    ///
    /// As [`get_or_load_async`](Cache::get_or_load_async).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::time::Duration;
    /// # use cache_policy::{Cache, ManualClock};
    /// # use cache_rwlock::RwLockBackend;
    /// # let clock = ManualClock::new();
    /// let prices: Cache<u32, str, RwLockBackend> = Cache::builder()
    ///     .time_to_live(Duration::from_secs(10))
    ///     .stale_for(Duration::from_secs(60))
    ///     # .clock(clock.clone())
    ///     .build();
    /// let prices = Arc::new(prices);
    /// prices.insert("tea", 3);
    /// # clock.advance(Duration::from_secs(11));
    ///
    /// # futures_executor::block_on(async {
    /// // `no_time` stands for tokio::time::sleep(..), and `later` for tokio::spawn.
    /// let no_time = std::future::ready(());
    /// let mut later = None;
    /// let slow = async || {
    ///     # let mut polled = false;
    ///     # std::future::poll_fn(move |task| {
    ///     #     task.waker().wake_by_ref();
    ///     #     if std::mem::replace(&mut polled, true) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    ///     # }).await;
    ///     Ok::<u32, std::io::Error>(4)
    /// };
    /// let price = prices.get_or_load_soft("tea", slow, no_time, |rest| later = Some(rest)).await;
    /// assert_eq!(*price.unwrap(), 3);
    /// later.unwrap().await;
    /// assert_eq!(prices.get("tea").as_deref(), Some(&4));
    /// # });
    /// ```
    pub async fn get_or_load_soft<L, E, F, R>(
        self: &Arc<Self>,
        key: &K,
        load: impl FnOnce() -> F,
        patience: impl Future<Output = ()>,
        spawn: impl FnOnce(Rest) -> R,
    ) -> Result<Handle<V, K>, LoadError<E>>
    where
        L: Into<Loaded<V>>,
        E: Send + Sync + 'static,
        F: Future<Output = Result<L, E>> + Send + 'static,
    {
        let old = match self.look(key) {
            Found::Value(value) => return Ok(value),
            Found::Nothing => return self.load_async(key, load).await,
            Found::Old(old) => old,
        };
        let refresh = Refresh(old.clone());
        let loading = load();
        let cache = Arc::clone(self);
        let mut rest = Box::pin(async move {
            let loaded = cache.watched_async(true, loading).await;
            cache.refreshed(refresh.0.key(), &refresh.0, loaded.map(Into::into))
        });
        let mut patience = pin!(patience);
        let loaded = future::poll_fn(|task| {
            if let Poll::Ready(value) = rest.as_mut().poll(task) {
                return Poll::Ready(Some(value));
            }
            patience.as_mut().poll(task).map(|()| None)
        });
        if let Some(value) = loaded.await {
            return Ok(value);
        }
        _ = spawn(Box::pin(async {
            rest.await;
        }));
        Ok(old)
    }
}
