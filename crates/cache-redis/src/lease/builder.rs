//! The settings of a lease.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::error::{End, StockError};
use super::handle::Lease;
use super::keeper::Keeper;
use super::ledger::Ledger;
use super::local::Local;
use crate::Server;

/// Orders in one call of the commit script, at most: Lua cannot pass many more arguments.
const MOST_ORDERS: usize = 1_000;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What a lease is told before it is opened. [`Lease::builder`] creates one.
///
/// # Examples
///
/// ```no_run
/// # async fn run(server: cache_redis::Server) -> Result<(), cache_redis::lease::StockError> {
/// use std::time::Duration;
/// use cache_redis::lease::Lease;
///
/// let lease = Lease::builder(&server, "shop:", "sku:1")
///     .want(500)
///     .div(8)
///     .ttl(Duration::from_secs(5))
///     .grace(Duration::from_secs(2))
///     .open()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `open` is called"]
pub struct LeaseBuilder {
    server: Server,
    prefix: String,
    sku: String,
    settings: Settings,
}

#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) name: String,
    pub(super) want: u32,
    pub(super) low: Option<u32>,
    pub(super) div: u32,
    pub(super) ttl: Duration,
    pub(super) grace: Duration,
    pub(super) batch: usize,
    pub(super) linger: Duration,
    pub(super) patience: Duration,
    /// A planted bug: a commit whose answer was lost is sent again under a new number.
    pub(super) new_number: bool,
}

impl LeaseBuilder {
    pub(super) fn new(server: &Server, prefix: &str, sku: &str) -> Self {
        let settings = Settings {
            name: "node".to_owned(),
            want: 1_000,
            low: None,
            div: 8,
            ttl: Duration::from_secs(10),
            grace: Duration::from_secs(5),
            batch: 100,
            linger: Duration::from_millis(2),
            patience: Duration::from_secs(60),
            new_number: false,
        };
        Self { server: server.clone(), prefix: prefix.to_owned(), sku: sku.to_owned(), settings }
    }

    /// Sets the first part of the lease's id, which [`Stock::inspect`](super::Stock::inspect) shows: the name of the host,
    /// say. The rest of the id is random, so that no two leases ever share one. `node` unless set.
    ///
    /// # Examples
    ///
    /// See [`LeaseBuilder`].
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.settings.name = name.into();
        self
    }

    /// Sets the number of units that the lease has after each refill: 1 to 1,000,000,000. 1,000 unless set.
    ///
    /// More means fewer calls, and more units that others cannot sell while this node is away.
    ///
    /// # Examples
    ///
    /// See [`LeaseBuilder`].
    pub fn want(mut self, units: u32) -> Self {
        self.settings.want = units;
        self
    }

    /// Sets the number of units below which the lease is refilled: 1 up to `want`. A quarter of `want` unless set.
    ///
    /// # Examples
    ///
    /// See [`LeaseBuilder`].
    pub fn low(mut self, units: u32) -> Self {
        self.settings.low = Some(units);
        self
    }

    /// Sets the part of the pool that one grant may take: 1/`div`, at least one unit. 8 unless set.
    ///
    /// About twice the number of nodes is right: towards the end of a sale each node still gets its part.
    ///
    /// # Examples
    ///
    /// See [`LeaseBuilder`].
    #[expect(clippy::should_implement_trait, reason = "a setting, named as in the script")]
    pub fn div(mut self, div: u32) -> Self {
        self.settings.div = div;
        self
    }

    /// Sets how long the lease lives without a sign of life: 10 ms to a day. 10 s unless set.
    ///
    /// It is renewed after a third of this. While the server does not answer, this node sells for at most this long.
    ///
    /// # Examples
    ///
    /// See [`LeaseBuilder`].
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.settings.ttl = ttl;
        self
    }

    /// Sets how long after its `ttl` this node lets another's lease be before it reaps it: up to a day. 5 s unless set.
    ///
    /// The nodes of a stock should agree. The shortest counts.
    ///
    /// # Examples
    ///
    /// See [`LeaseBuilder`].
    pub fn grace(mut self, grace: Duration) -> Self {
        self.settings.grace = grace;
        self
    }

    /// Sets the number of orders in one commit, at most: 1 to 1,000. 100 unless set.
    ///
    /// # Examples
    ///
    /// See [`LeaseBuilder`].
    pub fn batch(mut self, orders: usize) -> Self {
        self.settings.batch = orders;
        self
    }

    /// Sets how long an order waits for others to be committed with: up to 1 s. 2 ms unless set; 0 for not at all.
    ///
    /// A buyer waits for this and one round trip. Timers have steps of 1 ms.
    ///
    /// # Examples
    ///
    /// See [`LeaseBuilder`].
    pub fn linger(mut self, linger: Duration) -> Self {
        self.settings.linger = linger;
        self
    }

    /// Sets how long a commit without an answer is asked about before the lease gives up, and its orders are
    /// [unknown](super::CommitError::Unknown): up to a day. A minute unless set.
    ///
    /// # Examples
    ///
    /// See [`LeaseBuilder`].
    pub fn patience(mut self, patience: Duration) -> Self {
        self.settings.patience = patience;
        self
    }

    /// Plants a bug, for tests that must catch it.
    #[doc(hidden)]
    pub fn seeded(mut self, bug: &str) -> Self {
        match bug {
            "new-number" => self.settings.new_number = true,
            other => panic!("there is no bug `{other}`"),
        }
        self
    }

    /// Connects, reaps what is overdue, and fetches the first units.
    ///
    /// Each lease has a connection of its own. A call waits for half of `ttl` at most, or for the
    /// [time-out](Server::timeout) of the server if that is shorter.
    ///
    /// A stock that is sold out gives a lease without units: some may come back. Needs a tokio runtime with its timer; a
    /// task of it keeps the lease until the last handle is dropped.
    ///
    /// # Examples
    ///
    /// See [`LeaseBuilder`].
    ///
    /// # Errors
    ///
    /// [`StockError::Setting`], [`StockError::Absent`], or [`StockError::Server`] when the server cannot be used, or did
    /// not answer within [`patience`](Self::patience).
    pub async fn open(self) -> Result<Lease, StockError> {
        let Self { server, prefix, sku, settings } = self;
        settings.check()?;
        let low = settings.low.unwrap_or(settings.want / 4).max(1);
        let local = Arc::new(Local::new(low, settings.want));
        // A server that hangs must not use up the whole life of the lease.
        let longest = (settings.ttl / 2).clamp(Duration::from_millis(50), Duration::from_secs(5));
        let server = server.timeout_at_most(longest);
        let ledger = Ledger::connect(&server, &prefix, &sku).await?;
        let id: Arc<str> = format!("{}-{}", settings.name, random()).into();
        let (sender, receiver) = mpsc::unbounded_channel();
        let mut keeper = Keeper::new(ledger, Arc::clone(&local), Arc::clone(&id), settings, receiver);
        keeper.begin().await?;
        match local.end() {
            None => {}
            Some(End::Absent) => return Err(StockError::Absent),
            Some(end) => return Err(StockError::Ended(end)),
        }
        tokio::spawn(keeper.run());
        Ok(Lease::new(local, id, sender))
    }
}

/// 128 bits that no other process has: the standard library takes its seed from the system's generator.
fn random() -> String {
    let half = || RandomState::new().hash_one(());
    format!("{:016x}{:016x}", half(), half())
}

impl Settings {
    fn check(&self) -> Result<(), StockError> {
        let setting = |name, is_valid, allowed| {
            if is_valid { Ok(()) } else { Err(StockError::Setting { name, allowed }) }
        };
        setting("want", (1..=1_000_000_000).contains(&self.want), "1 to 1,000,000,000 units")?;
        setting("low", self.low.is_none_or(|low| (1..=self.want).contains(&low)), "1 unit up to `want`")?;
        setting("div", self.div >= 1, "1 or more")?;
        setting("ttl", (Duration::from_millis(10)..=DAY).contains(&self.ttl), "10 ms to a day")?;
        setting("grace", self.grace <= DAY, "up to a day")?;
        setting("batch", (1..=MOST_ORDERS).contains(&self.batch), "1 to 1,000 orders")?;
        setting("patience", self.patience <= DAY, "up to a day")?;
        setting("linger", self.linger <= Duration::from_secs(1), "up to 1 s")
    }
}
