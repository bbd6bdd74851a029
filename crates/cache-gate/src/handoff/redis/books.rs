//! The books: orders that leases commit.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cache_redis::lease::{self, CommitError, Stock, StockError};
use cache_redis::{Commands, Error, Server};

use super::consumer::Consumer;
use super::requests::{Mark, Requests};
use super::scan;
use super::states::States;
use crate::Goods;
use crate::handoff::{HandOff, Order, OrderState, Refusal, Submitted, Unanswered};

/// When a lease that has ended may have been replaced. A guess.
const RETRY: Duration = Duration::from_secs(1);

/// The orders of all items under a prefix. Clones share their connections.
///
/// # Examples
///
/// See the [module](super).
#[derive(Clone)]
pub struct Books {
    shared: Arc<Shared>,
    grace: Duration,
    remember: Duration,
}

struct Shared {
    server: Server,
    prefix: String,
    commands: Commands,
    /// By item.
    stocks: tokio::sync::Mutex<HashMap<String, Stock>>,
    /// The leases of orders whose commit has no answer, by the id of the order.
    unanswered: Mutex<HashMap<String, String>>,
    depth: AtomicUsize,
}

/// An order, as the stream has it.
///
/// # Examples
///
/// See [`Books::get`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Found {
    /// Where it stands.
    pub state: OrderState,
    /// Who bought, if the order says.
    pub user: Option<String>,
    /// How many units.
    pub units: u32,
}

/// What became of a cancellation.
///
/// # Examples
///
/// See [`Books::cancel`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancelled {
    /// It is cancelled, now or before. Its units are in the pool, and its user may buy them again.
    Done {
        /// How many they are.
        units: u32,
    },
    /// It has this state, and cannot be cancelled any more.
    TooLate(OrderState),
    /// There is no such order.
    Absent,
}

impl Books {
    /// Connects. `prefix` is that of the leases.
    ///
    /// # Examples
    ///
    /// See the [module](super).
    ///
    /// # Errors
    ///
    /// Why the server could not be reached, or cannot be used.
    pub async fn connect(server: &Server, prefix: &str) -> Result<Self, Error> {
        let shared = Shared {
            server: server.clone(),
            prefix: prefix.to_owned(),
            commands: server.commands().await?,
            stocks: tokio::sync::Mutex::default(),
            unanswered: Mutex::default(),
            depth: AtomicUsize::new(0),
        };
        // As a lease has it unless told otherwise, and as a gate remembers requests.
        let (grace, remember) = (Duration::from_secs(5), Duration::from_secs(600));
        Ok(Self { shared: Arc::new(shared), grace, remember })
    }

    /// Sets how long after its `ttl` a lease is let be, before it is reaped so that an order of it can be settled. It should be that of
    /// the leases: the shortest counts. 5 s unless set.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn run(server: cache_redis::Server) -> Result<(), cache_redis::Error> {
    /// use std::time::Duration;
    /// use cache_gate::handoff::redis::Books;
    /// let books = Books::connect(&server, "shop:").await?.grace(Duration::from_secs(2));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Sets for how long a request id is remembered for all nodes. 10 minutes unless set.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn run(server: cache_redis::Server) -> Result<(), cache_redis::Error> {
    /// use std::time::Duration;
    /// use cache_gate::handoff::redis::Books;
    /// let books = Books::connect(&server, "shop:").await?.remember(Duration::from_secs(3_600));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn remember(mut self, window: Duration) -> Self {
        self.remember = window;
        self
    }

    /// The id of the order that an earlier request of this user with this id has made, on whichever node. The answer to a client whose
    /// retry was refused as a [duplicate](Refusal::Duplicate).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn run(books: cache_gate::handoff::redis::Books) -> Result<(), cache_redis::lease::StockError> {
    /// if let Some((id, found)) = books.earlier("sku:1", "ann", "request 4711").await? {
    ///     println!("order {id} is {}", found.state);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`StockError::Server`].
    pub async fn earlier(
        &self,
        item: &str,
        user: &str,
        request: &str,
    ) -> Result<Option<(String, Found)>, StockError> {
        let Some(mark) = self.requests(item, user, request).get().await? else { return Ok(None) };
        let found = self.get(item, &mark.order).await?;
        Ok(found.map(|found| (mark.order, found)))
    }

    /// The order of this id.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn run(books: cache_gate::handoff::redis::Books) -> Result<(), cache_redis::lease::StockError> {
    /// if let Some(found) = books.get("sku:1", "0196f2c1a2b-0123456789abcdef").await? {
    ///     println!("{} units, {}", found.units, found.state);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`StockError::Server`].
    ///
    /// # Performance
    ///
    /// Reads the stream from the time in the id to its end. Reads all of it if the id is not one of [`Order::fresh_id`], if there is no
    /// such order, or if the clock that made the id was more than a minute ahead of the server's. Clients that poll should ask the node
    /// that took the order, whose gate knows the ticket.
    pub async fn get(&self, item: &str, id: &str) -> Result<Option<Found>, StockError> {
        let stock = self.stock(item).await?;
        let Some((sold, is_cancelled)) = scan::search(&stock, id).await? else { return Ok(None) };
        let state = match self.states(item).get(id).await? {
            Some(state) if !state.holds_units() => state,
            // An operator took it back, who does not know of states.
            _ if is_cancelled => OrderState::Cancelled,
            state => state.unwrap_or(OrderState::Accepted),
        };
        Ok(Some(Found { state, user: sold.user, units: sold.units }))
    }

    /// Takes an order back for its buyer, unless a worker has settled it. A dead one can be cancelled. Call
    /// [`Gate::cancel_order`](crate::Gate::cancel_order) afterwards on the node that knows the ticket: it frees the user's count there.
    ///
    /// A worker that is at it finds out when it calls [`fulfil`](Consumer::fulfil).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn run(books: cache_gate::handoff::redis::Books) -> Result<(), cache_redis::lease::StockError> {
    /// use cache_gate::handoff::redis::Cancelled;
    /// match books.cancel("sku:1", "0196f2c1a2b-0123456789abcdef").await? {
    ///     Cancelled::Done { units } => println!("{units} units are back"),
    ///     Cancelled::TooLate(state) => println!("it is {state}"),
    ///     Cancelled::Absent => println!("no such order"),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`StockError::Server`]. Call it again then: it is done once.
    pub async fn cancel(&self, item: &str, id: &str) -> Result<Cancelled, StockError> {
        self.take_back(item, id, OrderState::Cancelled).await
    }

    /// Ends an order that cannot be fulfilled, a dead one above all: it has failed for good, and its units go to the pool.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn run(books: cache_gate::handoff::redis::Books) -> Result<(), cache_redis::lease::StockError> {
    /// books.reject("sku:1", "0196f2c1a2b-0123456789abcdef").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`cancel`](Books::cancel).
    pub async fn reject(&self, item: &str, id: &str) -> Result<Cancelled, StockError> {
        self.take_back(item, id, OrderState::Failed).await
    }

    async fn take_back(&self, item: &str, id: &str, state: OrderState) -> Result<Cancelled, StockError> {
        let stock = self.stock(item).await?;
        let Some((sold, _)) = scan::search(&stock, id).await? else { return Ok(Cancelled::Absent) };
        let stands = self.states(item).set(id, state, Some(OrderState::Dead)).await?;
        if stands.holds_units() {
            return Ok(Cancelled::TooLate(stands));
        }
        // After the state, so that no worker fulfils it any more. If this fails, the next call comes here again.
        let units = stock.cancel_entry(&sold.entry, id).await?;
        Ok(if stands == state { Cancelled::Done { units } } else { Cancelled::TooLate(stands) })
    }

    /// A worker of the orders of one item. Those of one group share the orders; each has a name of its own.
    ///
    /// # Examples
    ///
    /// See [`Consumer`].
    ///
    /// # Errors
    ///
    /// [`StockError::Server`].
    pub async fn consumer(&self, item: &str, group: &str, name: &str) -> Result<Consumer, StockError> {
        Consumer::join(self.stock(item).await?, self.states(item), group, name).await
    }

    /// The stock of an item, on a connection of its own.
    async fn stock(&self, item: &str) -> Result<Stock, StockError> {
        let mut stocks = self.shared.stocks.lock().await;
        if let Some(stock) = stocks.get(item) {
            return Ok(stock.clone());
        }
        let stock = Stock::connect(&self.shared.server, &self.shared.prefix, item).await?;
        stocks.insert(item.to_owned(), stock.clone());
        Ok(stock)
    }

    fn states(&self, item: &str) -> States {
        States::new(&self.shared.commands, &self.shared.prefix, item)
    }

    fn requests(&self, item: &str, user: &str, request: &str) -> Requests {
        Requests::new(&self.shared.commands, &self.shared.prefix, item, user, request)
    }

    /// Makes sure that the request has no other order, here or on another node. Fails with why the order must not be committed.
    async fn mark(&self, requests: &Requests, mark: &Mark, order: &Order) -> Result<(), Refusal> {
        let unavailable = |_: StockError| Refusal::Unavailable;
        let Some(other) = requests.mark(mark, None, self.remember).await.map_err(unavailable)? else {
            return Ok(());
        };
        // This process knows whether an order of its own is under way. An order of another one is not, once its lease is gone.
        let is_over = match other.lease == mark.lease {
            true => !self.unanswered().contains_key(&other.order),
            false => self.is_gone(&order.item, &other.lease).await.map_err(unavailable)?,
        };
        if self.get(&order.item, &other.order).await.map_err(unavailable)?.is_some() {
            return Err(Refusal::Duplicate);
        }
        if !is_over {
            return Err(Refusal::UnderWay);
        }
        match requests.mark(mark, Some(&other), self.remember).await.map_err(unavailable)? {
            None => Ok(()),
            Some(_) => Err(Refusal::UnderWay),
        }
    }

    /// Whether a lease is gone from the server, so that no commit of it can be done any more.
    async fn is_gone(&self, item: &str, lease: &str) -> Result<bool, StockError> {
        let stock = self.stock(item).await?;
        stock.reap(self.grace).await?;
        Ok(!stock.inspect().await?.leases.iter().any(|live| live.id == lease))
    }

    /// The request of an order, if it has an id, and the mark of that order.
    fn request_of(&self, order: &Order, lease: &str) -> Option<(Requests, Mark)> {
        let request = order.request_id.as_ref()?;
        let mark = Mark { order: order.id.clone(), lease: lease.to_owned() };
        Some((self.requests(&order.item, &order.user, request), mark))
    }

    fn unanswered(&self) -> std::sync::MutexGuard<'_, HashMap<String, String>> {
        self.shared.unanswered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `Err` says why it cannot be told yet.
    async fn settle(&self, order: &Order) -> Result<Option<OrderState>, String> {
        let lease = self.unanswered().get(&order.id).cloned();
        if let Some(lease) = &lease
            && !self.is_gone(&order.item, lease).await.map_err(|error| error.to_string())?
        {
            // Its request must not be forgotten meanwhile, or a retry buys beside it.
            if let Some((requests, mark)) = self.request_of(order, lease) {
                requests.mark(&mark, None, self.remember).await.map_err(|error| error.to_string())?;
            }
            return Err("its lease is still on the server".to_owned());
        }
        // After the lease was seen to be gone. The other way round, a commit could come between the two looks.
        let found = self.get(&order.item, &order.id).await.map_err(|error| error.to_string())?;
        self.unanswered().remove(&order.id);
        Ok(found.map(|found| found.state))
    }
}

impl HandOff for Books {
    async fn submit(&self, order: &Order, goods: Goods) -> Submitted {
        let refused = |why, retry_after| Submitted::Refused { why, retry_after };
        let Goods::Leased(Some(taken)) = goods else {
            return refused(Refusal::OtherStock, None);
        };
        let _waiting = Waiting::new(&self.shared);
        // Before the mark: a retry that finds the mark and not this would take the order for lost.
        self.unanswered().insert(order.id.clone(), taken.lease().to_owned());
        let request = self.request_of(order, taken.lease());
        if let Some((requests, mark)) = &request
            && let Err(why) = self.mark(requests, mark, order).await
        {
            if why == Refusal::Unavailable {
                // The mark may be there all the same, and would keep a retry on another node waiting. If this fails, it does.
                let _ = requests.forget(mark).await;
            }
            self.unanswered().remove(&order.id);
            // Dropping the goods gives them back.
            return refused(why, (why != Refusal::Duplicate).then_some(RETRY));
        }
        let result = taken.commit(lease::Order::new(&*order.id).user(&*order.user)).await;
        if result.as_ref().is_err_and(CommitError::is_unknown) {
            return Submitted::Unknown;
        }
        if let Some((requests, mark)) = request.filter(|_| result.is_err()) {
            // So that a retry need not look for it. If this fails, it does.
            let _ = requests.forget(&mark).await;
        }
        self.unanswered().remove(&order.id);
        match result {
            Ok(_) => Submitted::Durable,
            Err(CommitError::OverLimit) => refused(Refusal::OverLimit, None),
            Err(_) => refused(Refusal::Unavailable, Some(RETRY)),
        }
    }

    async fn find(&self, order: &Order) -> Result<Option<OrderState>, Unanswered> {
        self.settle(order).await.map_err(|reason| Unanswered { reason })
    }

    fn depth(&self) -> usize {
        self.shared.depth.load(Relaxed)
    }
}

/// An order that waits for its commit.
struct Waiting<'a>(&'a Shared);

impl<'a> Waiting<'a> {
    fn new(shared: &'a Shared) -> Self {
        shared.depth.fetch_add(1, Relaxed);
        Self(shared)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.depth.fetch_sub(1, Relaxed);
    }
}

impl fmt::Debug for Books {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Books").field("prefix", &self.shared.prefix).finish_non_exhaustive()
    }
}
