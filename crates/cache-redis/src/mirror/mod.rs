//! Caches that are kept equal to the keys of Redis under a prefix.

mod board;
mod builder;
mod codec;
mod engine;
mod key;
#[cfg(feature = "metrics")]
pub mod metrics;
mod packet;
mod seen;
mod session;
#[cfg(test)]
mod simulation;
mod state;
mod stream;
mod supervisor;
mod target;
mod trace;
mod undecodable;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use tokio::sync::{RwLock, watch};
use tokio::task::JoinHandle;

use self::board::Board;
pub use self::builder::{Bound, MirrorBuilder};
use self::builder::{Run, Settings};
#[cfg(feature = "json")]
pub use self::codec::Json;
pub use self::codec::{Codec, CodecError, Text};
pub use self::key::MirrorKey;
pub use self::state::{Progress, Stale, State, WhileResyncing};
pub use self::target::Target;
use self::undecodable::Undecodables;
pub use self::undecodable::{Reason, Undecodable};
use crate::{Error, Server};

/// A cache that is kept equal to the keys of Redis under a prefix.
///
/// Keys are loaded at the start, without a gap between the load and the changes that follow. A key of the cache is that of
/// Redis **without the prefix**, unless [`keep_prefix`](MirrorBuilder::keep_prefix) says otherwise. Reads cost what a read of the
/// cache costs: they do not know of the mirror.
///
/// The cache is **derived** from Redis. What you write to it yourself is overwritten by the next change in Redis, or removed by
/// the next resync. Never mirror a counter that decides by itself, such as that of a lease.
///
/// `docs/sync.md` has the protocol, the bound on staleness and why it holds, and what is not promised.
///
/// # Examples
///
/// ```no_run
/// use std::sync::Arc;
/// use std::time::Duration;
/// use cache_bucket::BucketIntCache;
/// use cache_core::IntCache;
/// use cache_redis::{Mirror, Server};
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::standalone("redis://127.0.0.1:6379")?;
/// let stock: Arc<BucketIntCache> = Arc::default();
/// let mirror = Mirror::builder(&server, "stock:").int(Arc::clone(&stock)).start().await?;
/// mirror.ready().await?;
///
/// // `SET stock:7 100` was done in Redis, by whomever.
/// assert_eq!(stock.get("7"), Some(100));
/// // A read that must not be older than 50 ms.
/// let left = mirror.fresh_within(Duration::from_millis(50))?.get("7");
/// mirror.stop().await;
/// # Ok(())
/// # }
/// ```
///
/// # Consistency
///
/// Each key goes through some of the values that it had in Redis, in their order. Two keys that changed together in Redis may
/// be seen one before the other. Every write that Redis executed more than [`staleness`](Mirror::staleness) ago is visible.
pub struct Mirror<C: ?Sized> {
    context: Arc<Context>,
    cache: Arc<C>,
    stop: watch::Sender<bool>,
    supervisor: tokio::sync::Mutex<Option<JoinHandle<()>>>,
}

/// What all sessions of a mirror share.
struct Context {
    server: Server,
    prefix: Vec<u8>,
    settings: Settings,
    target: Arc<dyn Target>,
    board: Board,
    /// Bytes that a value is taken to have by the next session; 0 until some were seen.
    bytes_per_value: AtomicUsize,
    /// Read by each sweep while it runs, and written by those who must be sure that none does.
    sweeps: Arc<RwLock<()>>,
}

impl Context {
    /// The name in metrics and events.
    #[cfg(any(feature = "metrics", feature = "tracing"))]
    fn name(&self) -> &str {
        &self.settings.name
    }

    /// The key of the cache for a key of Redis.
    fn name_of<'a>(&self, key: &'a [u8]) -> Option<&'a [u8]> {
        let name = key.strip_prefix(&self.prefix[..])?;
        Some(if self.settings.keep_prefix { key } else { name })
    }
}

impl Mirror<()> {
    /// Says how a mirror of the keys under a prefix is to be.
    ///
    /// The prefix is taken literally. An empty one means all keys of the database.
    ///
    /// # Examples
    ///
    /// See [`Mirror`].
    pub fn builder(server: &Server, prefix: impl AsRef<[u8]>) -> MirrorBuilder {
        MirrorBuilder::new(server, prefix.as_ref())
    }
}

impl<C: ?Sized> Mirror<C> {
    fn begin(
        server: Server,
        prefix: Vec<u8>,
        settings: Settings,
        undecodable: Undecodables,
        cache: Arc<C>,
        target: Arc<dyn Target>,
        run: Option<Run>,
    ) -> Self {
        let context = Arc::new(Context {
            server,
            prefix,
            settings,
            target,
            board: Board::new(undecodable),
            bytes_per_value: AtomicUsize::new(0),
            sweeps: Arc::default(),
        });
        let (stop, stopped) = watch::channel(false);
        let run = match run {
            None => tokio::spawn(supervisor::run(Arc::clone(&context), stopped)),
            Some(run) => tokio::spawn(run(Arc::clone(&context), stopped)),
        };
        let supervisor = tokio::spawn(supervisor::watch(Arc::clone(&context), run));
        Self { context, cache, stop, supervisor: tokio::sync::Mutex::new(Some(supervisor)) }
    }

    /// The cache, however old it is.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # use cache_bucket::BucketIntCache;
    /// # use cache_redis::Mirror;
    /// use cache_core::IntCache;
    ///
    /// # fn run(mirror: Mirror<BucketIntCache>) {
    /// let left = mirror.cache().get("7");
    /// # }
    /// ```
    pub fn cache(&self) -> &Arc<C> {
        &self.cache
    }

    /// The cache, if it may be read now: everything was loaded once, and it is not loaded again unless
    /// [`while_resyncing`](MirrorBuilder::while_resyncing) allows for that.
    ///
    /// # Errors
    ///
    /// [`Stale`].
    ///
    /// # Examples
    ///
    /// See [`fresh_within`](Mirror::fresh_within), which is to be preferred where a bound can be named.
    ///
    /// # Performance
    ///
    /// One look at a lock that is hardly ever taken, and one at a clock.
    pub fn read(&self) -> Result<&C, Stale> {
        self.fresh_within(Duration::MAX)
    }

    /// The cache, if every write is visible that Redis executed more than `age` ago.
    ///
    /// The bound holds at the moment of the call.
    ///
    /// # Errors
    ///
    /// [`Stale`] if the cache may be older, is not loaded yet, or is being loaded again and
    /// [`while_resyncing`](MirrorBuilder::while_resyncing) says to refuse.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # use cache_bucket::BucketIntCache;
    /// # use cache_redis::Mirror;
    /// use cache_core::IntCache;
    ///
    /// # fn run(mirror: Mirror<BucketIntCache>) {
    /// match mirror.fresh_within(Duration::from_millis(50)) {
    ///     Ok(stock) => println!("{:?} left", stock.get("7")),
    ///     Err(stale) => println!("ask Redis instead: {stale}"),
    /// }
    /// # }
    /// ```
    ///
    /// # Performance
    ///
    /// As [`read`](Mirror::read).
    pub fn fresh_within(&self, age: Duration) -> Result<&C, Stale> {
        let staleness = self.staleness();
        let is_allowed = match self.context.settings.while_resyncing {
            WhileResyncing::ServeStale => true,
            WhileResyncing::Refuse => self.state() == State::Ready,
        };
        if is_allowed && staleness.is_some_and(|staleness| staleness <= age) {
            return Ok(&self.cache);
        }
        Err(Stale { staleness, state: self.state() })
    }

    /// How old values may be at most: every write that Redis executed before that is visible. `None` until everything was
    /// loaded once.
    ///
    /// It is measured by this machine's clock alone, which stands still while the machine is suspended. After that, it is too
    /// low until the mirror has noticed.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # use cache_bucket::BucketIntCache;
    /// # use cache_redis::Mirror;
    /// # fn run(mirror: Mirror<BucketIntCache>) {
    /// if let Some(age) = mirror.staleness() {
    ///     println!("not older than {age:?}");
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn staleness(&self) -> Option<Duration> {
        self.context.board.staleness()
    }

    /// How far the mirror is.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # use cache_bucket::BucketIntCache;
    /// # use cache_redis::{Mirror, State};
    /// # fn run(mirror: Mirror<BucketIntCache>) {
    /// if let State::Resyncing { since } = mirror.state() {
    ///     println!("out of step for {:?}", since.elapsed());
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn state(&self) -> State {
        self.context.board.state()
    }

    /// How much is loaded.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # use cache_bucket::BucketIntCache;
    /// # use cache_redis::Mirror;
    /// # fn run(mirror: Mirror<BucketIntCache>) {
    /// let progress = mirror.progress();
    /// println!("{} of at most {} keys", progress.seen, progress.expected);
    /// # }
    /// ```
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.context.board.progress()
    }

    /// Why the last session ended, or could not begin; `None` while all is well.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # use cache_bucket::BucketIntCache;
    /// # use cache_redis::Mirror;
    /// # fn run(mirror: Mirror<BucketIntCache>) {
    /// if let Some(error) = mirror.last_error() {
    ///     println!("{error}");
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn last_error(&self) -> Option<Error> {
        self.context.board.watch().borrow().error.clone()
    }

    /// The last 100 keys that could not be mirrored, each once, and how often any could not. Such a key is absent from the cache.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # use cache_bucket::BucketIntCache;
    /// # use cache_redis::Mirror;
    /// # fn run(mirror: Mirror<BucketIntCache>) {
    /// let (count, last) = mirror.undecodable();
    /// for one in last {
    ///     println!("{}: {}", one.key, one.reason);
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn undecodable(&self) -> (u64, Vec<Undecodable>) {
        let found = &self.context.board.undecodable;
        (found.count(), found.last())
    }

    /// Waits until everything is loaded, and changes are followed.
    ///
    /// It waits for as long as the server is away. Give it a time-out of your own.
    ///
    /// # Errors
    ///
    /// [`Error::Stopped`], also after a panic of a [`Target`] outside a session, which [`last_error`](Mirror::last_error)
    /// names; or why no session can be had, if that does not end [by itself](Error::is_transient). The mirror keeps trying
    /// nevertheless.
    ///
    /// # Examples
    ///
    /// See [`Mirror`].
    pub async fn ready(&self) -> Result<(), Error> {
        self.wait(|notice| match (notice.state, &notice.error) {
            (State::Ready, _) => Some(Ok(())),
            (State::Stopped, _) => Some(Err(Error::Stopped)),
            (_, Some(error)) if !error.is_transient() => Some(Err(error.clone())),
            _ => None,
        })
        .await
    }

    /// Waits until every write is visible that was done before the call. In stream mode, writes that bypass the log are not
    /// seen until the next load.
    ///
    /// # Errors
    ///
    /// As [`ready`](Mirror::ready).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # use cache_bucket::BucketIntCache;
    /// # use cache_redis::{Commands, Mirror};
    /// use cache_core::IntCache;
    ///
    /// # async fn run(commands: Commands, mirror: Mirror<BucketIntCache>) -> Result<(), cache_redis::Error> {
    /// let () = commands.query(&redis::cmd("SET").arg("stock:7").arg(100)).await?;
    /// mirror.wait_for_sync().await?;
    /// assert_eq!(mirror.cache().get("7"), Some(100));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn wait_for_sync(&self) -> Result<(), Error> {
        let now = self.context.board.now();
        self.wait(|notice| match (notice.state, &notice.error) {
            _ if notice.fresh.is_some_and(|fresh| fresh >= now) => Some(Ok(())),
            (State::Stopped, _) => Some(Err(Error::Stopped)),
            (_, Some(error)) if !error.is_transient() => Some(Err(error.clone())),
            _ => None,
        })
        .await
    }

    /// Stops the mirror, and waits until it writes to the cache no more.
    ///
    /// Values stay as they are. Dropping a mirror stops it too, without waiting. If the future is dropped, the mirror still
    /// stops, and another call waits for it.
    ///
    /// # Examples
    ///
    /// See [`Mirror`].
    pub async fn stop(&self) {
        self.stop.send_replace(true);
        let mut supervisor = self.supervisor.lock().await;
        if let Some(handle) = &mut *supervisor {
            // It ends by itself. The handle stays for another call, if this future is dropped meanwhile.
            _ = handle.await;
            *supervisor = None;
        }
        drop(supervisor);
        drop(self.context.sweeps.write().await);
    }

    /// Waits for the end of the first attempt to connect.
    async fn connected(&self) -> Result<(), Error> {
        self.wait(|notice| match (notice.state, &notice.error) {
            (_, Some(error)) => Some(Err(error.clone())),
            (State::Connecting, None) => None,
            (State::Stopped, None) => Some(Err(Error::Stopped)),
            _ => Some(Ok(())),
        })
        .await
    }

    async fn wait<R>(&self, mut f: impl FnMut(&board::Notice) -> Option<R>) -> R {
        let mut notices = self.context.board.watch();
        loop {
            if let Some(result) = f(&notices.borrow_and_update()) {
                return result;
            }
            notices.changed().await.expect("the board, which sends, is the mirror's");
        }
    }
}

impl<C: ?Sized> fmt::Debug for Mirror<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mirror")
            .field("prefix", &String::from_utf8_lossy(&self.context.prefix))
            .field("state", &self.state())
            .field("staleness", &self.staleness())
            .finish_non_exhaustive()
    }
}
