//! What the service does, without HTTP.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use axum::body::Bytes;
use axum::http::StatusCode;
use cache_gate::handoff::sqlite::Journal;
use cache_gate::handoff::{Desk, HandOff as _, OrderState, Outcome, Refusal};
use cache_gate::{Admission, BreakerPolicy, Item, Mend, Request, RestoreError, Sale, State, Ticket};
use hotcache::bucket;
use hotcache::policy::{HotKeys, Rate};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::books::{Books, Sold, no_order};
use crate::catalogue::{Catalogue, StoredEvent};
use crate::error::{ApiError, refused};
use crate::latency::Latency;
use crate::lists::List;
use crate::nodes::Nodes;
use crate::specs::{ItemSpec, Moment};
use crate::stats::Stats;
use crate::{Config, Keys};

pub(crate) type Gate = cache_gate::Gate<bucket::Backend>;

/// The file of the orders, in the data directory.
const ORDERS: &str = "orders.sqlite";

/// Orders that are read at once.
const PAGE: usize = 10_000;

/// How often somebody looks whether an order is settled, if another request is at it.
const LOOK: Duration = Duration::from_millis(2);

/// How long a repeated request waits for the outcome of the first.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// Failures of the books in a row that open the breaker, and for how long.
const FAILURES: u32 = 8;
const OPEN_FOR: Duration = Duration::from_secs(1);

/// The service.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) config: Config,
    pub(crate) keys: Keys,
    pub(crate) gate: Gate,
    pub(crate) desk: Desk<Books>,
    /// What is shared with other nodes, if there are any.
    pub(crate) nodes: Option<Arc<Nodes>>,
    pub(crate) latency: Latency,
    pub(crate) stats: Stats,
    pub(crate) started: Instant,
    /// Whoever changes what is on sale holds it until the gate has followed.
    pub(crate) catalogue: Mutex<Catalogue>,
    lists: Mutex<[List; 2]>,
    /// For pages, which do not wait for changes to be stored.
    pub(crate) titles: RwLock<HashMap<String, String>>,
    /// What everybody may see, as JSON.
    public: RwLock<Bytes>,
    stopping: AtomicBool,
}

/// An order that a client is told of.
#[derive(Debug)]
pub(crate) struct Placed {
    pub(crate) id: String,
    pub(crate) state: &'static str,
}

impl App {
    /// Opens the books. The gate is not ready before [`warm_up`](Self::warm_up) has been through.
    pub(crate) async fn open(config: Config, keys: Keys) -> Result<Self> {
        let nodes = match &config.redis {
            Some(url) => {
                Some(Arc::new(Nodes::connect(url, Duration::from_secs(config.orders.remember_s)).await?))
            }
            None => None,
        };
        let catalogue = Catalogue::open(&config, nodes.as_ref()).await?;
        let books = match &nodes {
            Some(nodes) => Books::Nodes(Arc::clone(nodes)),
            None => {
                let journal = Journal::builder().capacity(config.limits.queue);
                Books::Journal(journal.open(config.data.join(ORDERS))?)
            }
        };
        let desk = Desk::new(books.clone());
        let lists = [config.lists.blocked.clone(), config.lists.early.clone()].map(List::new);
        Ok(Self {
            gate: gate(&config, books),
            desk,
            nodes,
            config,
            keys,
            latency: Latency::new(),
            stats: Stats::default(),
            started: Instant::now(),
            catalogue: Mutex::new(catalogue),
            lists: Mutex::new(lists),
            titles: RwLock::default(),
            public: RwLock::default(),
            stopping: AtomicBool::new(false),
        })
    }

    /// Loads events, items, lists and orders into the gate, and opens it.
    pub(crate) async fn warm_up(&self) -> Result<()> {
        self.follow_all().await.map_err(|error| anyhow!("{error}"))?;
        self.refresh_lists(true).await?;
        // On Redis the limits of all nodes are kept, and the stock is what is left of it.
        if let Books::Journal(journal) = self.desk.books() {
            self.restore(journal).await?;
        }
        self.refresh_public().await;
        self.gate.set_ready(true);
        Ok(())
    }

    async fn restore(&self, journal: &Journal) -> Result<()> {
        let mut last = 0;
        loop {
            let records = journal.orders(last, PAGE).await.context("cannot read the orders")?;
            let Some(newest) = records.last() else { return Ok(()) };
            last = newest.seq;
            for record in &records {
                match self.gate.restore(&record.sale()) {
                    // Its event has ended.
                    Ok(()) | Err(RestoreError::UnknownItem | RestoreError::OtherEvent) => {}
                    // An order that cannot be is in the reconciliation, too. The sale goes on.
                    Err(error) => eprintln!("order {} cannot be restored: {error}", record.order.id),
                }
            }
        }
    }

    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    pub(crate) fn title(&self, item: &str) -> String {
        let titles = self.titles.read();
        titles.ok().and_then(|titles| titles.get(item).cloned()).unwrap_or_default()
    }

    /// What everybody may see, as it was a moment ago.
    pub(crate) fn public(&self) -> Bytes {
        self.public.read().map(|public| public.clone()).unwrap_or_default()
    }

    /// Makes that anew. Not for each request: it may be asked for as often as anybody likes.
    pub(crate) async fn refresh_public(&self) {
        let contents = self.catalogue.lock().await.now.clone();
        let items = |event: &str| -> Vec<Value> {
            let of_event = contents.items.values().filter(|item| item.event == event);
            let known = of_event.filter_map(|item| Some((item, self.gate.item(&item.id)?)));
            known
                .map(|(item, now)| {
                    json!({
                        "id": item.id,
                        "title": item.title,
                        "limit": item.limit,
                        "left": self.left(&item.id, now.left),
                        "sold_out": now.sold_out,
                    })
                })
                .collect()
        };
        let live = contents.events.values().filter(|event| !event.ended);
        let events = live.map(|StoredEvent { spec, .. }| {
            json!({
                "id": spec.id,
                "title": spec.title,
                "starts": spec.starts,
                "early": spec.early,
                "ends": spec.ends,
                "items": items(&spec.id),
            })
        });
        let text = json!({ "now": Moment::now(), "events": events.collect::<Vec<_>>() }).to_string();
        if let Ok(mut public) = self.public.write() {
            *public = text.into();
        }
    }

    /// What is left on all nodes, if there are several.
    pub(crate) fn left(&self, item: &str, here: u64) -> u64 {
        let seen = self.nodes.as_ref().and_then(|nodes| nodes.seen(item));
        seen.map_or(here, |(_, left, _)| left)
    }

    /// Buys, or says why not.
    pub(crate) async fn buy(&self, request: &Request<'_>) -> Result<Placed, ApiError> {
        let books = self.desk.books();
        let (ticket, outcome) = match self.gate.admit(request)? {
            Admission::Held(reservation) => {
                let ticket = reservation.ticket();
                (ticket, self.desk.submit(reservation, books.key(ticket)))
            }
            Admission::Repeated(ticket, state) => {
                let state = self.repeated(ticket, state).await?;
                return Ok(Placed { id: books.id(request.item, ticket), state });
            }
        };
        let state = match outcome.await {
            Outcome::Accepted => OrderState::Accepted.as_str(),
            Outcome::Unknown => "unknown",
            Outcome::Refused { why: Refusal::Duplicate, .. } => return self.earlier(request).await,
            Outcome::Refused { why, retry_after } => return Err(refused(why, retry_after)),
        };
        Ok(Placed { id: books.id(request.item, ticket), state })
    }

    /// The answer to a request that another node has answered before.
    async fn earlier(&self, request: &Request<'_>) -> Result<Placed, ApiError> {
        let found = match (&self.nodes, request.id) {
            (Some(nodes), Some(id)) => nodes.earlier(request.item, request.user, id).await?,
            _ => None,
        };
        found.map(|sold| Placed { id: sold.id, state: sold.state.as_str() }).ok_or_else(ApiError::unsettled)
    }

    /// The answer to a request that was sent before.
    async fn repeated(&self, ticket: Ticket, mut state: State) -> Result<&'static str, ApiError> {
        let begin = Instant::now();
        loop {
            match state {
                State::Committed => return Ok(OrderState::Accepted.as_str()),
                State::Cancelled => return Ok(OrderState::Cancelled.as_str()),
                State::Held | State::Unknown if begin.elapsed() < LONGEST_WAIT => {
                    tokio::time::sleep(LOOK).await;
                    state = self.gate.state(ticket).unwrap_or(State::Released);
                }
                State::Held | State::Unknown => return Ok("unknown"),
                _ => {
                    let message =
                        "the purchase of this request was not completed: send it again with a new id";
                    return Err(ApiError::conflict("released", message));
                }
            }
        }
    }

    /// The order of a user.
    pub(crate) async fn order(&self, user: &str, id: &str) -> Result<Sold, ApiError> {
        let books = self.desk.books();
        let Some(sold) = books.get(id).await? else {
            let held = books.ticket(id).and_then(|ticket| self.gate.reservation(ticket));
            let held = held.is_some_and(|held| &*held.user == user && held.state.holds());
            return Err(if held { ApiError::unsettled() } else { no_order() });
        };
        // Ids can be guessed.
        if sold.user == user { Ok(sold) } else { Err(no_order()) }
    }

    /// Cancels an order of a user: in the books first, then in the gate.
    pub(crate) async fn cancel(self: &Arc<Self>, user: &str, id: &str) -> Result<String, ApiError> {
        self.must_be_ready()?;
        let sold = self.order(user, id).await?;
        let app = Arc::clone(self);
        // A client that hangs up does not stop it half way.
        let done = tokio::spawn(async move {
            app.desk.books().cancel(&sold.id).await?;
            app.give_back(sold.ticket);
            Ok(sold.id)
        });
        done.await.unwrap_or_else(|_| Err(ApiError::internal("the cancellation failed: try again")))
    }

    /// Ends an order that cannot be fulfilled. Its units come back.
    pub(crate) async fn reject(self: &Arc<Self>, id: &str, reason: &str) -> Result<(), ApiError> {
        self.must_be_ready()?;
        let (app, id, reason) = (Arc::clone(self), id.to_owned(), reason.to_owned());
        let done = tokio::spawn(async move {
            let books = app.desk.books();
            books.reject(&id, &reason).await?;
            app.give_back(books.ticket(&id));
            Ok(())
        });
        done.await.unwrap_or_else(|_| Err(ApiError::internal("the rejection failed: try again")))
    }

    /// Lets workers try a dead order again.
    pub(crate) async fn revive(&self, id: &str) -> Result<(), ApiError> {
        let revived = match self.desk.books() {
            Books::Journal(journal) => journal.revive(id).await?,
            Books::Nodes(_) => {
                return Err(ApiError::conflict("unsupported", "orders on Redis cannot be revived"));
            }
        };
        if revived { Ok(()) } else { Err(no_order()) }
    }

    /// While orders are restored, one that was read as accepted and is cancelled then would take its units all the same.
    fn must_be_ready(&self) -> Result<(), ApiError> {
        if self.gate.is_ready() {
            return Ok(());
        }
        let error = ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "not_ready", "not ready yet: try again");
        Err(error.retry_after(Duration::from_millis(100)))
    }

    /// Gives back what an order holds that the books have ended.
    fn give_back(&self, ticket: Option<Ticket>) {
        if let Some(ticket) = ticket {
            // It may have been given back before.
            let _ = self.gate.cancel_order(ticket);
        }
    }

    /// Compares the gate with the orders. Returns what differs, in words, and how much was mended.
    pub(crate) async fn books(&self, mend: Mend) -> Result<(usize, Vec<String>, usize), ApiError> {
        self.must_be_ready()?;
        if let Some(nodes) = &self.nodes {
            nodes.look().await?;
        }
        let mut orders = Vec::new();
        let mut cursor = Some(String::new());
        while let Some(after) = cursor {
            let (page, next) = self.desk.books().page(&after, PAGE).await?;
            orders.extend(page);
            cursor = next;
        }
        let count = orders.len();
        // The counts of an event that was ended are gone, and its orders stay.
        orders.retain(|sold| sold.state.holds_units() && self.gate.item(&sold.item).is_some());
        if let Some(nodes) = &self.nodes {
            let mut wrong = nodes.inconsistencies();
            let mut sums: HashMap<&str, u64> = HashMap::new();
            orders.iter().for_each(|sold| *sums.entry(&sold.item).or_default() += u64::from(sold.units));
            for (item, sum) in sums {
                if let Some((_, _, sold)) = nodes.seen(item).filter(|&(_, _, sold)| sold != sum) {
                    wrong.push(format!("{item}: {sold} units are sold, and the orders have {sum}"));
                }
            }
            return Ok((count, wrong, 0));
        }
        let sales = orders.iter().filter_map(|sold| {
            let sale = Sale::new(sold.ticket?, &sold.user, &sold.item, sold.units);
            Some(match &sold.request_id {
                Some(id) => sale.request_id(id),
                None => sale,
            })
        });
        let books = self.gate.books(sales, mend);
        let differences = books.differences.iter().map(|difference| format!("{difference:?}"));
        Ok((count, differences.collect(), books.mended))
    }

    /// Reads the files of lists that have changed.
    pub(crate) async fn refresh_lists(&self, anyway: bool) -> Result<()> {
        let mut changed = anyway;
        let mut first = Ok(());
        for list in self.lists.lock().await.iter_mut() {
            match list.refresh(anyway) {
                Ok(read) => changed |= read,
                // The other list is read all the same.
                Err(error) => first = first.and(Err(error)),
            }
        }
        if changed {
            self.apply_lists().await;
        }
        first
    }

    pub(crate) async fn apply_lists(&self) {
        // Both locks until the end: an older pair must not come last.
        let lists = self.lists.lock().await;
        let catalogue = self.catalogue.lock().await;
        let [blocked, early] = &*lists;
        self.gate.replace_blocked(blocked.users.iter().chain(&catalogue.now.blocked));
        self.gate.replace_early(early.users.iter().chain(&catalogue.now.early));
    }

    /// The item as the gate has it.
    pub(crate) async fn item_of(&self, spec: &ItemSpec) -> Result<Item, ApiError> {
        let in_flight = spec.in_flight.unwrap_or(self.config.limits.in_flight_item);
        let item = |units| Item::new(&*spec.id, &*spec.event, units).limit(spec.limit).in_flight(in_flight);
        if let Some(nodes) = &self.nodes {
            return Ok(item(0).stock(nodes.lease(&self.gate, spec).await?));
        }
        let item = item(spec.stock);
        Ok(if spec.split > 1 { item.split(spec.split as usize) } else { item })
    }
}

fn gate(config: &Config, books: Books) -> Gate {
    let limits = &config.limits;
    let second = Duration::from_secs(1);
    let mut builder = Gate::builder()
        .name("flash-sale")
        .remember(Duration::from_secs(config.orders.remember_s))
        .max_users(limits.users)
        .max_rates(limits.rates)
        .max_requests(limits.users)
        .max_reservations(limits.users)
        .max_items(limits.items)
        .max_units(limits.units)
        .in_flight(limits.in_flight)
        .depth(limits.queue, move || books.depth())
        .breaker(BreakerPolicy::new(FAILURES, OPEN_FOR))
        .statistics()
        .hot_items(HotKeys::new());
    if limits.user_rate > 0 {
        builder = builder.user_rate(Rate::new(limits.user_rate, second).burst(limits.user_burst));
    }
    if limits.address_rate > 0 {
        builder = builder.address_rate(Rate::new(limits.address_rate, second).burst(limits.address_burst));
    }
    builder.build()
}
