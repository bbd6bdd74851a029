use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use cache_core::{Backend, Key, Options};
use cache_policy::{Cache, Clock, Counters, CountersBuilder, HotKeys, Rate, RateLimiter};

use crate::Gate;
use crate::breaker::{BreakerPolicy, Switch};
use crate::changes::Changes;
use crate::counts::Counts;
use crate::ended::Ended;
use crate::expiry::Expiry;
use crate::gate::{Bounds, Depth, Inner};
use crate::lists::List;
use crate::places::Places;
use crate::requests::Requests;
use crate::stats::Stats;
use crate::sync::atomic::{AtomicBool, AtomicU64};
use crate::sync::{Mutex, Padded};
use crate::time::{AnyClock, Time, nanos, unix};

/// Builder of a [`Gate`].
///
/// All tables of users, requests and rates have a bound: made-up ones cannot fill the memory. Beyond it, new ones are refused as
/// [`Overloaded`](crate::Rejection::Overloaded), and those that are known go on.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use cache_gate::{BreakerPolicy, Gate};
/// use cache_policy::Rate;
/// use cache_rwlock::RwLockBackend;
///
/// let gate = Gate::<RwLockBackend>::builder()
///     .time_limit(Duration::from_secs(10))
///     .user_rate(Rate::new(5, Duration::from_secs(1)))
///     .in_flight(5_000)
///     .breaker(BreakerPolicy::new(10, Duration::from_secs(1)))
///     .statistics()
///     .build();
/// ```
pub struct Builder<B: Backend> {
    bounds: Bounds,
    clock: AnyClock,
    user_rate: Option<Rate>,
    address_rate: Option<Rate>,
    depth: Option<Depth>,
    breaker: Option<BreakerPolicy>,
    statistics: bool,
    hot: Option<HotKeys<str>>,
    name: Option<Box<str>>,
    backend: PhantomData<B>,
}

impl<B: Backend> Default for Builder<B> {
    fn default() -> Self {
        Self {
            bounds: Bounds {
                time_limit: nanos(Duration::from_secs(30)),
                remember: nanos(Duration::from_secs(600)),
                users: 1_000_000,
                rates: 1_000_000,
                requests: 1_000_000,
                reservations: 1_000_000,
                items: 100_000,
                units: 1_000,
                in_flight: 100_000,
            },
            clock: AnyClock::System,
            user_rate: None,
            address_rate: None,
            depth: None,
            breaker: None,
            statistics: false,
            hot: None,
            name: None,
            backend: PhantomData,
        }
    }
}

impl<B: Backend> Builder<B> {
    /// Takes the time and the date from this clock.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = AnyClock::Given(Arc::new(clock));
        self
    }

    /// Sets how long a reservation is held if nobody says what is to become of it: 30 s by default.
    #[must_use]
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.bounds.time_limit = nanos(limit);
        self
    }

    /// Sets for how long request ids count, and what ended can be asked about: 10 min by default.
    ///
    /// The id of a request whose reservation is held or unknown counts for longer: until it is settled.
    ///
    /// # Panics
    ///
    /// If it is 0.
    #[must_use]
    #[track_caller]
    pub fn remember(mut self, window: Duration) -> Self {
        assert!(!window.is_zero(), "request ids need some time to be remembered: 0 is too short");
        self.bounds.remember = nanos(window);
        self
    }

    /// Sets the greatest number of counts, one for each user and item: 1,000,000 by default.
    #[must_use]
    pub fn max_users(mut self, users: usize) -> Self {
        self.bounds.users = users;
        self
    }

    /// Sets the greatest number of users whose rates are known, and of addresses: 1,000,000 each by default.
    #[must_use]
    pub fn max_rates(mut self, rates: usize) -> Self {
        self.bounds.rates = rates;
        self
    }

    /// Sets the greatest number of request ids: 1,000,000 by default.
    #[must_use]
    pub fn max_requests(mut self, requests: usize) -> Self {
        self.bounds.requests = requests;
        self
    }

    /// Sets the greatest number of reservations that are kept: 1,000,000 by default.
    ///
    /// Those in the books count until their event ends: allow for all orders of the events that run at once. Those that were cancelled, or
    /// whose order was refused, are kept for the time of [`remember`](Builder::remember), or until others need their place. Threads that ask
    /// at once may exceed it by one each.
    #[must_use]
    pub fn max_reservations(mut self, reservations: usize) -> Self {
        self.bounds.reservations = reservations;
        self
    }

    /// Sets the greatest number of items, and of events: 100,000 by default.
    #[must_use]
    pub fn max_items(mut self, items: usize) -> Self {
        self.bounds.items = items;
        self
    }

    /// Sets the greatest number of units of one request: 1,000 by default.
    #[must_use]
    pub fn max_units(mut self, units: u32) -> Self {
        self.bounds.units = units;
        self
    }

    /// Limits how often each user may ask. Without it, users are not limited.
    #[must_use]
    pub fn user_rate(mut self, rate: Rate) -> Self {
        self.user_rate = Some(rate);
        self
    }

    /// Limits how often each address may ask. Without it, addresses are not limited.
    ///
    /// Many users share an address behind a router: leave room. A request that the user's rate allowed and the address's did not counts
    /// for the user.
    #[must_use]
    pub fn address_rate(mut self, rate: Rate) -> Self {
        self.address_rate = Some(rate);
        self
    }

    /// Sets how many reservations may be under way at once, of all items: 100,000 by default.
    #[must_use]
    pub fn in_flight(mut self, most: u32) -> Self {
        self.bounds.in_flight = most;
        self
    }

    /// Refuses requests while more than `most` orders wait behind the gate, as `depth` says.
    ///
    /// It is called for each request that is not refused before. It must be quick: a load.
    #[must_use]
    pub fn depth(mut self, most: usize, depth: impl Fn() -> usize + Send + Sync + 'static) -> Self {
        self.depth = Some(Depth { most, signal: Box::new(depth) });
        self
    }

    /// Stops requests while what is behind the gate fails.
    #[must_use]
    pub fn breaker(mut self, policy: BreakerPolicy) -> Self {
        self.breaker = Some(policy);
        self
    }

    /// Counts what the gate does, for [`Gate::statistics`]. Costs one addition for each request, in one of 16 lines
    /// that threads share out among themselves.
    #[must_use]
    pub fn statistics(mut self) -> Self {
        self.statistics = true;
        self
    }

    /// Notes which items are asked for most, for [`Gate::hot_items`].
    #[must_use]
    pub fn hot_items(mut self, hot: HotKeys<str>) -> Self {
        self.hot = Some(hot);
        self
    }

    /// Names the gate, in its metrics.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into().into_boxed_str());
        self
    }

    /// Builds the gate. It is not [ready](Gate::set_ready) yet.
    #[must_use]
    pub fn build(self) -> Gate<B> {
        let Self { bounds, clock, .. } = self;
        let remember = Duration::from_nanos(bounds.remember);
        let records = Cache::builder();
        let records = match &clock {
            AnyClock::System => records,
            AnyClock::Given(_) => records.clock(clock.clone()),
        };
        let time = Time::new(clock);
        let counts = on(&time, Counters::builder().max_keys(bounds.users)).build();
        let requests =
            on(&time, Counters::builder().max_keys(bounds.requests)).time_to_live(remember).build();
        let under_way = Counters::builder().max_keys(bounds.requests).build();
        let user_rate = self
            .user_rate
            .map(|rate| (on(&time, RateLimiter::builder().max_keys(bounds.rates)).build_limiter(), rate));
        let address_rate = self
            .address_rate
            .map(|rate| (on(&time, RateLimiter::builder().max_keys(bounds.rates)).build_limiter(), rate));
        // Microseconds: tickets of an earlier process are smaller, unless it gave out more than a million a second.
        let first_ticket = unix(cache_policy::Clock::wall_time(&time.clock)) / 1_000 + 1;
        Gate(Arc::new(Inner {
            ready: AtomicBool::new(false),
            blocked: List::new(),
            items: B::obj(Options::new()),
            time,
            stats: self.statistics.then(Box::<Stats>::default),
            hot: self.hot,
            early: List::new(),
            breaker: self.breaker.map(Switch::new),
            depth: self.depth,
            user_rate,
            address_rate,
            counts: Counts(counts),
            requests: Requests::new(requests, under_way),
            records: records.build(),
            expiry: Expiry::new(),
            ended: Ended::default(),
            changes: Changes::default(),
            doubts: Mutex::new(HashMap::new()),
            places: Padded(Places::default()),
            next_ticket: Padded(AtomicU64::new(first_ticket)),
            events: B::obj(Options::new()),
            next_item: AtomicU64::new(1),
            elsewhere: Mutex::new(Vec::new()),
            config: Mutex::new(()),
            restoring: Mutex::new(()),
            name: self.name,
            bounds,
        }))
    }
}

/// Gives a table the gate's clock. The default one is the table's own default, without a virtual call.
fn on<K: Key + ?Sized, B: Backend>(time: &Time, table: CountersBuilder<K, B>) -> CountersBuilder<K, B> {
    match &time.clock {
        AnyClock::System => table,
        AnyClock::Given(_) => table.clock(time.clock.clone()),
    }
}

impl<B: Backend> fmt::Debug for Builder<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("bounds", &self.bounds)
            .field("clock", &self.clock)
            .finish_non_exhaustive()
    }
}
