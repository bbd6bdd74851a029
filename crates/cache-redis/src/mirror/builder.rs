//! How a mirror is to be.

use std::fmt;
use std::ops::RangeInclusive;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use cache_core::{Backend, HashBuilder, IntCache, ObjCache, Value};
use cache_policy::{Cache, Counters};
use tokio::sync::watch;

use super::engine::{Limits, Planted};
use super::target::{CacheTarget, CountersTarget, IntTarget, ObjTarget};
use super::undecodable::{Listener, Undecodables};
use super::{Codec, Context, Mirror, MirrorKey, Target, Undecodable, WhileResyncing, stream};
use crate::feed::ChangeFeed;
use crate::{Error, Server};

/// What a heartbeat and a wait may be.
const LIMITS: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(24 * 60 * 60);

/// What the sessions of a mirror go by.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) limits: Limits,
    pub(super) planted: Planted,
    pub(super) silence: Duration,
    pub(super) longest_wait: Duration,
    pub(super) page: usize,
    pub(super) bytes: usize,
    pub(super) keep_prefix: bool,
    pub(super) while_resyncing: WhileResyncing,
    /// In metrics and events.
    pub(super) name: String,
}

/// What keeps a mirror going, if that is not tracking.
pub(super) type Run =
    Box<dyn FnOnce(Arc<Context>, watch::Receiver<bool>) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

/// A change log to follow.
struct Follow {
    prefix: Vec<u8>,
    run: Run,
}

/// Builder of a [`Mirror`].
///
/// Say what is written to with [`int`](Self::int), [`objects`](Self::objects), [`cache`](Self::cache),
/// [`counters`](Self::counters) or [`target`](Self::target); then [`start`](Self::start) it.
///
/// # Examples
///
/// See [`Mirror`].
#[must_use = "a builder does nothing until `start`"]
pub struct MirrorBuilder<T = ()> {
    server: Server,
    prefix: Vec<u8>,
    settings: Settings,
    listener: Option<Listener>,
    follow: Option<Follow>,
    target: T,
}

/// A cache, and what makes it a target.
pub struct Bound<C: ?Sized> {
    cache: Arc<C>,
    target: Arc<dyn Target>,
}

impl MirrorBuilder {
    pub(super) fn new(server: &Server, prefix: &[u8]) -> Self {
        let settings = Settings {
            limits: Limits { dirty: 1_000_000, heartbeat: 10_000_000 },
            planted: Planted::default(),
            silence: Duration::from_secs(5),
            longest_wait: Duration::from_secs(2),
            page: 1_000,
            bytes: 8 << 20,
            keep_prefix: false,
            while_resyncing: WhileResyncing::default(),
            name: String::from_utf8_lossy(prefix).into_owned(),
        };
        Self {
            server: server.clone(),
            prefix: prefix.to_vec(),
            settings,
            listener: None,
            follow: None,
            target: (),
        }
    }

    /// Mirrors strings as integers, in an `IntCache`.
    ///
    /// An `IntCache` forgets nothing by itself: a key that expires stays until Redis deletes it, which may be long after if
    /// nobody asks for it there.
    ///
    /// # Examples
    ///
    /// See [`Mirror`].
    pub fn int<K, C>(self, cache: Arc<C>) -> MirrorBuilder<Bound<C>>
    where
        K: MirrorKey + ?Sized,
        C: IntCache<K> + ?Sized + 'static,
    {
        let target = Arc::new(IntTarget::<K, C>::new(Arc::clone(&cache)));
        self.bind(cache, target)
    }

    /// Mirrors strings as objects, in an `ObjCache`. Of keys that expire, the same is true as of [`int`](Self::int).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use std::sync::Arc;
    /// use cache_bucket::BucketObjCache;
    /// use cache_redis::{Mirror, Server, Text};
    ///
    /// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::standalone("redis://127.0.0.1:6379")?;
    /// let titles: Arc<BucketObjCache<String>> = Arc::default();
    /// let mirror = Mirror::builder(&server, "title:").objects(titles, Text).start().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn objects<V, K, C, D>(self, cache: Arc<C>, codec: D) -> MirrorBuilder<Bound<C>>
    where
        V: 'static,
        K: MirrorKey + ?Sized,
        C: ObjCache<V, K> + ?Sized + 'static,
        D: Codec<V>,
    {
        let target = Arc::new(ObjTarget::<V, K, C, D>::new(Arc::clone(&cache), codec));
        self.bind(cache, target)
    }

    /// Mirrors strings as objects, in a cache of the policy layer.
    ///
    /// Each value lives for as long as in Redis, whatever time to live the cache has. With a bound, the cache may evict
    /// values: it then has some of what Redis has, and nothing else.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use std::sync::Arc;
    /// use cache_bucket::BucketBackend;
    /// use cache_policy::Cache;
    /// use cache_redis::{Mirror, Server, Text};
    ///
    /// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::standalone("redis://127.0.0.1:6379")?;
    /// let cache: Cache<String, str, BucketBackend> = Cache::builder().max_entries(100_000).build();
    /// let mirror = Mirror::builder(&server, "title:").cache(Arc::new(cache), Text).start().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn cache<V, K, B, S, D>(
        self,
        cache: Arc<Cache<V, K, B, S>>,
        codec: D,
    ) -> MirrorBuilder<Bound<Cache<V, K, B, S>>>
    where
        V: Value,
        K: MirrorKey + ?Sized,
        B: Backend,
        S: HashBuilder,
        D: Codec<V>,
    {
        let target = Arc::new(CacheTarget::new(Arc::clone(&cache), codec));
        self.bind(cache, target)
    }

    /// Mirrors strings as integers, in counters of the policy layer.
    ///
    /// A time to live of the counters should not be set: they would leave though Redis has them. Keys beyond `max_keys`
    /// are reported as [`Reason::Full`](super::Reason::Full).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use std::sync::Arc;
    /// use cache_bucket::BucketBackend;
    /// use cache_policy::Counters;
    /// use cache_redis::{Mirror, Server};
    ///
    /// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::standalone("redis://127.0.0.1:6379")?;
    /// let bought: Counters<u64, BucketBackend> = Counters::new();
    /// let mirror = Mirror::builder(&server, "bought:").counters(Arc::new(bought)).start().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn counters<K, B, S>(
        self,
        counters: Arc<Counters<K, B, S>>,
    ) -> MirrorBuilder<Bound<Counters<K, B, S>>>
    where
        K: MirrorKey + ?Sized,
        B: Backend,
        S: HashBuilder,
    {
        let target = Arc::new(CountersTarget::new(Arc::clone(&counters)));
        self.bind(counters, target)
    }

    /// Mirrors strings in a structure of your own.
    ///
    /// # Examples
    ///
    /// See [`Target`].
    pub fn target<C: Target>(self, target: Arc<C>) -> MirrorBuilder<Bound<C>> {
        let cache = Arc::clone(&target);
        self.bind(cache, target)
    }

    fn bind<C: ?Sized>(self, cache: Arc<C>, target: Arc<dyn Target>) -> MirrorBuilder<Bound<C>> {
        let Self { server, prefix, settings, listener, follow, target: () } = self;
        MirrorBuilder { server, prefix, settings, listener, follow, target: Bound { cache, target } }
    }
}

impl<T> MirrorBuilder<T> {
    /// Keeps the prefix in the keys of the cache: `stock:7` instead of `7`. Needed where several mirrors share a cache.
    pub fn keep_prefix(mut self, keep: bool) -> Self {
        self.settings.keep_prefix = keep;
        self
    }

    /// Sets how often the server is asked for a sign of life: 10 ms unless set, 1 ms to a day.
    ///
    /// In steady state, values are at most two heartbeats and a few round trips old. Each costs the server one PING.
    pub fn heartbeat(mut self, heartbeat: Duration) -> Self {
        self.settings.limits.heartbeat = u64::try_from(heartbeat.as_nanos()).unwrap_or(u64::MAX);
        self
    }

    /// Sets how long the server may be silent before the connection is given up: 5 seconds unless set. It must be longer
    /// than the heartbeat, and is at most a day.
    pub fn silence(mut self, silence: Duration) -> Self {
        self.settings.silence = silence;
        self
    }

    /// Sets the longest wait between two attempts to connect: 2 seconds unless set, 1 ms to a day. Waits begin at 10 ms, double, and are
    /// random between 0 and their limit.
    pub fn longest_wait(mut self, wait: Duration) -> Self {
        self.settings.longest_wait = wait;
        self
    }

    /// Sets the number of keys that the load asks for at a time: 1,000 unless set, at least 1.
    pub fn page(mut self, keys: usize) -> Self {
        self.settings.page = keys;
        self
    }

    /// Sets how many changed keys may wait to be fetched: a million unless set. If more do, everything is loaded again.
    pub fn max_dirty(mut self, keys: usize) -> Self {
        self.settings.limits.dirty = keys;
        self
    }

    /// Sets about how many bytes of values may be asked for at a time: 8 MiB unless set. A larger value is asked for alone.
    pub fn max_bytes_in_flight(mut self, bytes: usize) -> Self {
        self.settings.bytes = bytes;
        self
    }

    /// Sets what readers get while everything is loaded again. It decides what [`Mirror::read`] and
    /// [`Mirror::fresh_within`] do.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_redis::{Mirror, Server, WhileResyncing};
    /// # let server = Server::standalone("redis://localhost")?;
    /// let builder = Mirror::builder(&server, "stock:").while_resyncing(WhileResyncing::Refuse);
    /// # let _ = builder;
    /// # Ok::<_, cache_redis::Error>(())
    /// ```
    pub fn while_resyncing(mut self, policy: WhileResyncing) -> Self {
        self.settings.while_resyncing = policy;
        self
    }

    /// Follows a change log instead of invalidations: stream mode.
    ///
    /// Values come with the changes, so nothing is fetched again, and after a lost connection the mirror goes on where it was.
    /// But all writes under the prefix must go through the log: see [`Writer`](crate::writer::Writer). The prefix must be that
    /// of the log. The heartbeat costs the server a short read.
    ///
    /// Redis deletes what has expired without an entry in the log. A `Cache` drops it in time, as the log says when. In an
    /// `IntCache`, an `ObjCache` and `Counters`, it stays until its next change, or the next load.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use std::sync::Arc;
    /// use cache_bucket::BucketIntCache;
    /// use cache_redis::feed::{Log, RedisFeed};
    /// use cache_redis::{Mirror, Server};
    ///
    /// # async fn run() -> Result<(), cache_redis::Error> {
    /// let server = Server::standalone("redis://127.0.0.1:6379")?;
    /// let log = Log::of("stock:")?;
    /// let stock: Arc<BucketIntCache> = Arc::default();
    /// let feed = RedisFeed::new(&server, &log)?;
    /// let mirror = Mirror::builder(&server, log.prefix()).int(stock).follow(feed).start().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn follow<F: ChangeFeed>(mut self, feed: F) -> Self {
        let prefix = feed.prefix().to_vec();
        let run: Run = Box::new(|context, stop| Box::pin(stream::run(context, feed, stop)));
        self.follow = Some(Follow { prefix, run });
        self
    }

    /// Names the mirror in its metrics and events, with the features `metrics` and `tracing`. The prefix unless set.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.settings.name = name.into();
        self
    }

    /// Calls `f` with each key that cannot be mirrored. It must not block.
    pub fn on_undecodable(mut self, f: impl Fn(&Undecodable) + Send + Sync + 'static) -> Self {
        self.listener = Some(Box::new(f));
        self
    }

    /// Plants a bug, for tests that must catch it.
    #[doc(hidden)]
    pub fn seeded(mut self, bug: &str) -> Self {
        let planted = &mut self.settings.planted;
        match bug {
            "load-then-track" => planted.load_then_track = true,
            "one-ping" => planted.one_ping = true,
            "clean-on-reply" => planted.clean_on_reply = true,
            "no-sweep" => planted.no_sweep = true,
            "sweep-unasked" => planted.sweep_unasked = true,
            other => panic!("there is no bug `{other}`"),
        }
        self
    }
}

impl<C: ?Sized> MirrorBuilder<Bound<C>> {
    /// Starts the mirror, and waits until every primary is connected. Keys are loaded afterwards: wait for
    /// [`ready`](Mirror::ready).
    ///
    /// # Errors
    ///
    /// Why the server cannot be used, after the first attempt; [`Error::InvalidOption`]. Later, the mirror tries again for ever.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    ///
    /// # Examples
    ///
    /// See [`Mirror`].
    pub async fn start(self) -> Result<Mirror<C>, Error> {
        let mirror = self.spawn()?;
        mirror.connected().await?;
        Ok(mirror)
    }

    /// Starts the mirror without waiting: it tries to connect until it succeeds, whatever the error.
    /// [`last_error`](Mirror::last_error) tells why it does not.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`].
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use std::sync::Arc;
    /// use cache_bucket::BucketIntCache;
    /// use cache_redis::{Mirror, Server};
    ///
    /// # async fn run() -> Result<(), cache_redis::Error> {
    /// let server = Server::standalone("redis://127.0.0.1:6379")?;
    /// let stock: Arc<BucketIntCache> = Arc::default();
    /// // The service starts, even if Redis is down.
    /// let mirror = Mirror::builder(&server, "stock:").int(stock).spawn()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn spawn(self) -> Result<Mirror<C>, Error> {
        let Self { server, prefix, settings, listener, follow, target: Bound { cache, target } } = self;
        let shortest = Duration::from_nanos(settings.limits.heartbeat);
        check("heartbeat", LIMITS.contains(&shortest), "1 ms to a day are allowed")?;
        check("longest_wait", LIMITS.contains(&settings.longest_wait), "1 ms to a day are allowed")?;
        check("page", settings.page >= 1, "at least 1 key is allowed")?;
        check("max_dirty", settings.limits.dirty >= 1, "at least 1 key is allowed")?;
        check("max_bytes_in_flight", settings.bytes >= 1, "at least 1 byte is allowed")?;
        let is_allowed = settings.silence > shortest && settings.silence <= *LIMITS.end();
        check("silence", is_allowed, "it must be longer than the heartbeat, and at most a day")?;
        if let Some(follow) = follow.as_ref().filter(|follow| follow.prefix != prefix) {
            let (log, own) = (String::from_utf8_lossy(&follow.prefix), String::from_utf8_lossy(&prefix));
            let reason =
                format!("the change log has keys under `{log}`, but the mirror is of those under `{own}`");
            return Err(Error::InvalidOption { option: "prefix", reason });
        }
        let run = follow.map(|follow| follow.run);
        Ok(Mirror::begin(server, prefix, settings, Undecodables::new(listener), cache, target, run))
    }
}

fn check(option: &'static str, is_allowed: bool, reason: &str) -> Result<(), Error> {
    if is_allowed { Ok(()) } else { Err(Error::InvalidOption { option, reason: reason.to_owned() }) }
}

impl<T> fmt::Debug for MirrorBuilder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MirrorBuilder")
            .field("server", &self.server)
            .field("prefix", &String::from_utf8_lossy(&self.prefix))
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl<C: ?Sized> fmt::Debug for Bound<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bound").finish_non_exhaustive()
    }
}
