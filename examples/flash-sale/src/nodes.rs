//! Several nodes that sell one stock: its units are leased from Redis, and the orders are a stream there.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use cache_gate::handoff::OrderState;
use cache_gate::handoff::redis::{Books, Cancelled};
use cache_gate::{LeaseStock, Ticket};
use cache_redis::lease::{End, Event, Inspection, Lease, Stock, StockError};
use cache_redis::redis::cmd;
use cache_redis::{Commands, Server};

use crate::app::Gate;
use crate::books::{Sold, no_order, too_late};
use crate::error::ApiError;
use crate::specs::ItemSpec;

/// What the names of all keys begin with.
pub(crate) const PREFIX: &str = "flash-sale:";

/// Between the item and the rest of an order's id. Ids of items do not have it.
const SEPARATOR: char = '~';

/// A ticket counts microseconds since 1970, which fit until 2112. The bits above tell nodes apart.
const TICKET_BITS: u32 = 52;
const TICKETS: u64 = (1 << TICKET_BITS) - 1;

/// The wait before another lease is tried for.
const PAUSE: Duration = Duration::from_millis(500);

/// How long a node that died keeps its units from the others. Longer than a restart of Redis takes.
const TTL: Duration = Duration::from_secs(5);
const GRACE: Duration = Duration::from_secs(2);

/// Units that a lease gets at once: few, so that a node that dies strands few, and the last are sold wherever they are asked for.
const WANT: u32 = 64;

/// What this node has of the shared stock and orders.
pub(crate) struct Nodes {
    server: Server,
    commands: Commands,
    orders: Books,
    /// In the upper bits of a number.
    node: u64,
    items: Mutex<BTreeMap<String, Leased>>,
    /// The stocks as they were a second ago.
    seen: Mutex<HashMap<String, Inspection>>,
}

#[derive(Clone)]
struct Leased {
    stock: Stock,
    /// The lease that is sold from now.
    lease: Arc<Mutex<Lease>>,
}

impl Nodes {
    pub(crate) async fn connect(url: &str, remember: Duration) -> Result<Self> {
        let server = Server::standalone(url).context("invalid URL of Redis")?;
        let commands = server.commands().await.context("cannot use Redis")?;
        let orders = Books::connect(&server, PREFIX).await.context("cannot use Redis")?;
        let orders = orders.grace(GRACE).remember(remember);
        let node = RandomState::new().hash_one(std::process::id()) & !TICKETS;
        Ok(Self { server, commands, orders, node, items: Mutex::default(), seen: Mutex::default() })
    }

    pub(crate) fn commands(&self) -> &Commands {
        &self.commands
    }

    pub(crate) fn orders(&self) -> &Books {
        &self.orders
    }

    /// Looks like an id that [`Order::fresh_id`](cache_gate::handoff::Order::fresh_id) makes, so that its stream is searched from
    /// its time on.
    pub(crate) fn key(&self, ticket: Ticket) -> String {
        let number = ticket.get() & TICKETS;
        format!("{:011x}-{:016x}", number / 1_000, self.node | number)
    }

    pub(crate) fn id(&self, item: &str, key: &str) -> String {
        format!("{item}{SEPARATOR}{key}")
    }

    pub(crate) fn ticket(&self, id: &str) -> Option<Ticket> {
        let number = u64::from_str_radix(id.rsplit_once('-')?.1, 16).ok()?;
        (number & !TICKETS == self.node).then(|| Ticket::new(number & TICKETS))
    }

    /// Leases units of an item. The first node of all creates its stock. Another lease takes the place of one that has ended.
    pub(crate) async fn lease(&self, gate: &Gate, spec: &ItemSpec) -> Result<Arc<LeaseStock>, StockError> {
        let stock = Stock::connect(&self.server, PREFIX, &spec.id).await?;
        match stock.create(spec.stock, spec.limit).await {
            // It was restocked since.
            Ok(()) | Err(StockError::Present { .. }) => {}
            Err(error) => return Err(error),
        }
        let lease = self.open(&spec.id).await?;
        let units = Arc::new(LeaseStock::new(lease.clone()));
        let leased = Leased { stock, lease: Arc::new(Mutex::new(lease)) };
        lock(&self.items).insert(spec.id.clone(), leased.clone());
        tokio::spawn(keep(
            self.server.clone(),
            spec.id.clone(),
            leased.lease,
            Arc::clone(&units),
            gate.clone(),
        ));
        Ok(units)
    }

    async fn open(&self, item: &str) -> Result<Lease, StockError> {
        open(&self.server, item).await
    }

    /// Ends the lease of an item that is not sold any more.
    pub(crate) async fn end(&self, item: &str) {
        let leased = lock(&self.items).remove(item);
        if let Some(leased) = leased {
            let lease = lock(&leased.lease).clone();
            if let Err(error) = lease.close().await {
                eprintln!("the lease of {item} is left to its end: {error}");
            }
        }
    }

    /// Ends all leases: what was not sold goes back to the others at once.
    pub(crate) async fn close(&self) {
        let items: Vec<_> = lock(&self.items).keys().cloned().collect();
        for item in items {
            self.end(&item).await;
        }
    }

    /// Adds units, once for each name.
    pub(crate) async fn restock(&self, item: &str, name: &str, units: u64) -> Result<u64, ApiError> {
        let stock = self.stock(item)?;
        stock.restock(name, i64::try_from(units).unwrap_or(i64::MAX)).await?;
        Ok(left(&stock.inspect().await?))
    }

    fn stock(&self, item: &str) -> Result<Stock, ApiError> {
        let stock = lock(&self.items).get(item).map(|leased| leased.stock.clone());
        stock.ok_or_else(|| ApiError::not_found(format!("there is no item {item:?}")))
    }

    /// Looks at all stocks.
    pub(crate) async fn look(&self) -> Result<(), StockError> {
        let stocks: Vec<_> =
            lock(&self.items).iter().map(|(item, leased)| (item.clone(), leased.stock.clone())).collect();
        let mut seen = HashMap::new();
        for (item, stock) in stocks {
            seen.insert(item, stock.inspect().await?);
        }
        *lock(&self.seen) = seen;
        Ok(())
    }

    /// All units, those that are left on all nodes, and those that were sold: as they were when somebody looked last.
    pub(crate) fn seen(&self, item: &str) -> Option<(u64, u64, u64)> {
        let seen = lock(&self.seen);
        let stock = seen.get(item)?;
        Some((stock.total.unsigned_abs(), left(stock), stock.sold.unsigned_abs()))
    }

    /// What is wrong with the stocks, in words.
    pub(crate) fn inconsistencies(&self) -> Vec<String> {
        let seen = lock(&self.seen);
        seen.iter()
            .filter(|(_, stock)| !stock.is_consistent())
            .map(|(item, stock)| format!("{item}: {stock}"))
            .collect()
    }

    pub(crate) async fn get(&self, id: &str) -> Result<Option<Sold>, ApiError> {
        let Some((item, key)) = id.split_once(SEPARATOR) else { return Ok(None) };
        if !lock(&self.items).contains_key(item) {
            return Ok(None);
        }
        let found = self.orders.get(item, key).await?;
        Ok(found.map(|found| self.sold(item, key, found.user, found.units, found.state)))
    }

    /// The order that a request has made, on whichever node.
    pub(crate) async fn earlier(
        &self,
        item: &str,
        user: &str,
        request: &str,
    ) -> Result<Option<Sold>, ApiError> {
        let found = self.orders.earlier(item, user, request).await?;
        Ok(found.map(|(key, found)| self.sold(item, &key, found.user, found.units, found.state)))
    }

    fn sold(&self, item: &str, key: &str, user: Option<String>, units: u32, state: OrderState) -> Sold {
        let id = self.id(item, key);
        let ticket = self.ticket(&id);
        Sold {
            id,
            ticket,
            user: user.unwrap_or_default(),
            item: item.to_owned(),
            units,
            state,
            request_id: None,
        }
    }

    pub(crate) async fn cancel(&self, id: &str) -> Result<(), ApiError> {
        let (item, key) = id.split_once(SEPARATOR).ok_or_else(no_order)?;
        answer(self.orders.cancel(item, key).await?)
    }

    pub(crate) async fn reject(&self, id: &str) -> Result<(), ApiError> {
        let (item, key) = id.split_once(SEPARATOR).ok_or_else(no_order)?;
        answer(self.orders.reject(item, key).await?)
    }

    /// The cursor is an item and an entry of its stream. An entry has several orders, so a page may be longer than `limit`.
    pub(crate) async fn page(
        &self,
        after: &str,
        limit: usize,
    ) -> Result<(Vec<Sold>, Option<String>), ApiError> {
        let (mut item, mut entry) = match after.split_once(SEPARATOR) {
            Some((item, entry)) => (Some(item.to_owned()), Some(entry.to_owned())),
            None => (lock(&self.items).keys().next().cloned(), None),
        };
        let mut orders = Vec::new();
        while let Some(name) = item {
            let entries = self.stock(&name)?.orders(entry.as_deref(), limit).await?;
            let is_last = entries.len() < limit;
            entry = entries.last().map(|entry| entry.id.clone()).or(entry);
            let sold = entries.into_iter().filter_map(|entry| match entry.event {
                Event::Sold { orders, .. } => Some(orders),
                _ => None,
            });
            self.add(&name, sold.flatten().collect(), &mut orders).await?;
            if !is_last {
                let cursor = entry.map(|entry| format!("{name}{SEPARATOR}{entry}"));
                return Ok((orders, cursor));
            }
            item = self.after(&name);
            entry = None;
        }
        Ok((orders, None))
    }

    fn after(&self, item: &str) -> Option<String> {
        use std::ops::Bound::{Excluded, Unbounded};
        lock(&self.items).range::<str, _>((Excluded(item), Unbounded)).next().map(|(item, _)| item.clone())
    }

    /// Adds orders of an item, with the states that they have now.
    async fn add(
        &self,
        item: &str,
        sold: Vec<(cache_redis::lease::Order, u32)>,
        orders: &mut Vec<Sold>,
    ) -> Result<(), ApiError> {
        if sold.is_empty() {
            return Ok(());
        }
        let mut get = cmd("HMGET");
        get.arg(format!("{PREFIX}{{{item}}}:states"));
        sold.iter().for_each(|(order, _)| _ = get.arg(order.id()));
        let states: Vec<Option<String>> = self.commands.query(&get).await?;
        for ((order, units), state) in sold.into_iter().zip(states) {
            let state = state.and_then(|state| state.parse().ok()).unwrap_or(OrderState::Accepted);
            orders.push(self.sold(item, order.id(), order.buyer().map(str::to_owned), units, state));
        }
        Ok(())
    }
}

async fn open(server: &Server, item: &str) -> Result<Lease, StockError> {
    Lease::builder(server, PREFIX, item).want(WANT).ttl(TTL).grace(GRACE).open().await
}

/// Replaces the lease of an item whenever it has ended, until it is closed.
async fn keep(server: Server, item: String, current: Arc<Mutex<Lease>>, units: Arc<LeaseStock>, gate: Gate) {
    loop {
        let lease = lock(&current).clone();
        match lease.ended().await {
            End::Closed => return,
            end => eprintln!("the lease of {item} ended: {end}"),
        }
        let lease = loop {
            match open(&server, &item).await {
                Ok(lease) => break lease,
                Err(error) => eprintln!("no lease of {item}: {error}"),
            }
            tokio::time::sleep(PAUSE).await;
        };
        *lock(&current) = lease.clone();
        units.replace(lease);
        // The event may have ended meanwhile.
        let _ = gate.reopen(&item);
    }
}

fn answer(cancelled: Cancelled) -> Result<(), ApiError> {
    match cancelled {
        Cancelled::Done { .. } => Ok(()),
        Cancelled::TooLate(state) => Err(too_late(state)),
        Cancelled::Absent => Err(no_order()),
    }
}

fn left(stock: &Inspection) -> u64 {
    (stock.pool + stock.leased()).unsigned_abs()
}

/// A panic elsewhere leaves what is locked whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Nodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nodes").field("node", &(self.node >> TICKET_BITS)).finish_non_exhaustive()
    }
}
