//! Workers of the orders: a consumer group of the stream of an item.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cache_redis::Error;
use cache_redis::lease::{Entry, Event, Stock, StockError};
use cache_redis::redis::cmd;
use cache_redis::redis::streams::{StreamAutoClaimReply, StreamPendingCountReply, StreamReadReply};

use super::scan;
use super::states::States;
use crate::handoff::OrderState;

/// A worker of the orders of one item.
///
/// An entry of the stream has the orders of one commit. It is acknowledged when each of them is settled: fulfilled, rejected,
/// cancelled or dead. Entries of a worker that has not done this for [`idle`](Consumer::idle) go to another one of its group, and
/// orders that were settled already are left out then. So an order may be worked on twice: let a repetition of the work change
/// nothing, by the id of the order.
///
/// # Examples
///
/// ```no_run
/// # async fn ship(_: &cache_gate::handoff::redis::Delivery) -> Result<(), String> { Ok(()) }
/// # async fn run(books: cache_gate::handoff::redis::Books) -> Result<(), cache_redis::lease::StockError> {
/// use std::time::Duration;
///
/// let consumer = books.consumer("sku:1", "shipping", "worker-1").await?.idle(Duration::from_secs(30)).attempts(5);
/// loop {
///     let deliveries = consumer.claim(10).await?;
///     if deliveries.is_empty() {
///         tokio::time::sleep(Duration::from_millis(100)).await;
///     }
///     for delivery in deliveries {
///         match ship(&delivery).await {
///             Ok(()) => drop(consumer.fulfil(&delivery).await?),
///             Err(reason) => consumer.fail(&delivery, &reason).await?,
///         }
///     }
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct Consumer {
    stock: Stock,
    states: States,
    group: String,
    name: String,
    idle: Duration,
    attempts: usize,
    /// The orders of each entry that are not settled yet.
    open: Mutex<HashMap<String, Vec<String>>>,
    /// Where to look on for entries that were left behind: one look sees a part of a long list.
    cursor: Mutex<String>,
}

/// An order that a worker has.
///
/// # Examples
///
/// See [`Consumer`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivery {
    /// The id of the order.
    pub order: String,
    /// Who bought, if the order says.
    pub user: Option<String>,
    /// How many units.
    pub units: u32,
    /// How often it was delivered, this time included.
    pub attempt: usize,
    /// The entry of the stream that it is in.
    pub entry: String,
}

impl Consumer {
    /// Makes the group if there is none. It begins with the first order of the stream.
    pub(super) async fn join(
        stock: Stock,
        states: States,
        group: &str,
        name: &str,
    ) -> Result<Self, StockError> {
        let create =
            cmd("XGROUP").arg("CREATE").arg(&states.orders).arg(group).arg("0").arg("MKSTREAM").to_owned();
        match states.commands().query::<String>(&create).await {
            Ok(_) => {}
            Err(Error::Refused { code, .. }) if code == "BUSYGROUP" => {}
            Err(error) => return Err(error.into()),
        }
        Ok(Self {
            stock,
            states,
            group: group.to_owned(),
            name: name.to_owned(),
            idle: Duration::from_secs(60),
            attempts: 5,
            open: Mutex::default(),
            cursor: Mutex::new("0-0".to_owned()),
        })
    }

    /// Sets after which time an entry that was not acknowledged goes to another worker, or to the same one again. A minute unless
    /// set.
    ///
    /// # Examples
    ///
    /// See [`Consumer`].
    #[must_use]
    pub fn idle(mut self, idle: Duration) -> Self {
        self.idle = idle;
        self
    }

    /// Sets how often an order is delivered before it is dead. 5 unless set; 0 counts as 1.
    ///
    /// # Examples
    ///
    /// See [`Consumer`].
    #[must_use]
    pub fn attempts(mut self, most: usize) -> Self {
        self.attempts = most.max(1);
        self
    }

    /// The orders of up to `count` entries that were left behind, and of as many new ones. Does not wait.
    ///
    /// # Examples
    ///
    /// See [`Consumer`].
    ///
    /// # Errors
    ///
    /// [`StockError::Server`]. Entries that were claimed before it come again after [`idle`](Consumer::idle).
    pub async fn claim(&self, count: usize) -> Result<Vec<Delivery>, StockError> {
        let mut deliveries = Vec::new();
        for entry in self.left_behind(count).await? {
            let Some(found) = scan::entry(&self.stock, &entry).await? else {
                // It was trimmed from the stream.
                self.acknowledge(&entry).await?;
                continue;
            };
            let attempt = self.times_delivered(&entry).await?;
            self.deliver(found, attempt, &mut deliveries).await?;
        }
        for entry in self.new_entries(count).await? {
            self.deliver(entry, 1, &mut deliveries).await?;
        }
        Ok(deliveries)
    }

    /// Notes that an order was fulfilled. `false` if it was cancelled or rejected meanwhile.
    ///
    /// # Examples
    ///
    /// See [`Consumer`].
    ///
    /// # Errors
    ///
    /// [`StockError::Server`]. Call it again then: a repetition changes nothing.
    pub async fn fulfil(&self, delivery: &Delivery) -> Result<bool, StockError> {
        let stands = self.states.set(&delivery.order, OrderState::Fulfilled, None).await?;
        self.is_settled(delivery).await?;
        Ok(stands == OrderState::Fulfilled)
    }

    /// Notes why an attempt failed. The order comes again after [`idle`](Consumer::idle), or is dead if this was the last attempt.
    ///
    /// # Examples
    ///
    /// See [`Consumer`].
    ///
    /// # Errors
    ///
    /// [`StockError::Server`].
    pub async fn fail(&self, delivery: &Delivery, reason: &str) -> Result<(), StockError> {
        self.states.note(&delivery.order, reason).await?;
        if delivery.attempt >= self.attempts {
            self.add_dead_letter(delivery).await?;
            self.is_settled(delivery).await?;
        }
        Ok(())
    }

    /// Ends an order that cannot be fulfilled: its units go to the pool, and its user may buy them again. `false` if it is settled
    /// otherwise.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn run(consumer: cache_gate::handoff::redis::Consumer) -> Result<(), cache_redis::lease::StockError> {
    /// for delivery in consumer.claim(10).await? {
    ///     if delivery.units > 5 {
    ///         consumer.reject(&delivery, "no parcel is large enough").await?;
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`StockError::Server`]. Call it again then: it is done once.
    pub async fn reject(&self, delivery: &Delivery, reason: &str) -> Result<bool, StockError> {
        self.states.note(&delivery.order, reason).await?;
        let stands = self.states.set(&delivery.order, OrderState::Failed, None).await?;
        if !stands.holds_units() {
            self.stock.cancel_entry(&delivery.entry, &delivery.order).await?;
        }
        self.is_settled(delivery).await?;
        Ok(stands == OrderState::Failed)
    }

    /// Entries that nobody has acknowledged in time. From here on they are this worker's.
    async fn left_behind(&self, count: usize) -> Result<Vec<String>, StockError> {
        let idle = u64::try_from(self.idle.as_millis()).unwrap_or(u64::MAX);
        let cursor = self.cursor().clone();
        let mut claim = cmd("XAUTOCLAIM");
        claim.arg(&self.states.orders).arg(&self.group).arg(&self.name).arg(idle).arg(cursor);
        claim.arg("COUNT").arg(count.max(1));
        let claimed: StreamAutoClaimReply = self.states.commands().query(&claim).await?;
        // `0-0` at the end of the list, so that the next look begins anew.
        self.cursor().clone_from(&claimed.next_stream_id);
        Ok(claimed.claimed.into_iter().map(|entry| entry.id).collect())
    }

    async fn new_entries(&self, count: usize) -> Result<Vec<Entry>, StockError> {
        let mut read = cmd("XREADGROUP");
        read.arg("GROUP").arg(&self.group).arg(&self.name).arg("COUNT").arg(count.max(1));
        read.arg("STREAMS").arg(&self.states.orders).arg(">");
        let read: Option<StreamReadReply> = self.states.commands().query(&read).await?;
        let ids = read.into_iter().flat_map(|read| read.keys).flat_map(|key| key.ids).map(|entry| entry.id);
        let mut entries = Vec::new();
        for id in ids {
            // Only the stock knows the form of an entry, so it reads the entry again.
            match scan::entry(&self.stock, &id).await? {
                Some(entry) => entries.push(entry),
                None => self.acknowledge(&id).await?,
            }
        }
        Ok(entries)
    }

    async fn times_delivered(&self, entry: &str) -> Result<usize, StockError> {
        let mut pending = cmd("XPENDING");
        pending.arg(&self.states.orders).arg(&self.group).arg(entry).arg(entry).arg(1);
        let pending: StreamPendingCountReply = self.states.commands().query(&pending).await?;
        Ok(pending.ids.first().map_or(1, |pending| pending.times_delivered))
    }

    /// Adds the orders of an entry that are not settled.
    async fn deliver(
        &self,
        entry: Entry,
        attempt: usize,
        deliveries: &mut Vec<Delivery>,
    ) -> Result<(), StockError> {
        let Entry { id: entry, event, .. } = entry;
        let Event::Sold { orders, .. } = event else {
            if let Event::Cancelled { order, .. } = event {
                // An operator may have taken it back, who does not know of states.
                self.states.set(order.id(), OrderState::Cancelled, Some(OrderState::Dead)).await?;
            }
            return self.acknowledge(&entry).await;
        };
        let ids: Vec<&str> = orders.iter().map(|(order, _)| order.id()).collect();
        let states = if ids.is_empty() { Vec::new() } else { self.states.get_all(&ids).await? };
        let mut open = Vec::new();
        for ((order, units), state) in orders.iter().zip(states) {
            let user = order.buyer().map(str::to_owned);
            let order = order.id().to_owned();
            let delivery = Delivery { order, user, units: *units, attempt, entry: entry.clone() };
            match state {
                // Whoever took it back may have died before its units were in the pool.
                Some(state) if !state.holds_units() => {
                    self.stock.cancel_entry(&entry, &delivery.order).await?;
                }
                Some(_) => {}
                None if attempt > self.attempts => self.add_dead_letter(&delivery).await?,
                None => open.push(delivery),
            }
        }
        if open.is_empty() {
            return self.acknowledge(&entry).await;
        }
        self.open().insert(entry, open.iter().map(|delivery| delivery.order.clone()).collect());
        deliveries.append(&mut open);
        Ok(())
    }

    async fn add_dead_letter(&self, delivery: &Delivery) -> Result<(), StockError> {
        let Delivery { order, user, units, entry, .. } = delivery;
        self.states.add_dead_letter(order, user.as_deref().unwrap_or(""), *units, entry).await?;
        Ok(())
    }

    /// Acknowledges an entry with the last of its orders.
    async fn is_settled(&self, delivery: &Delivery) -> Result<(), StockError> {
        let is_last = match self.open().get_mut(&delivery.entry) {
            Some(open) => {
                open.retain(|order| *order != delivery.order);
                open.is_empty()
            }
            // It was acknowledged before.
            None => false,
        };
        if is_last {
            self.acknowledge(&delivery.entry).await?;
            self.open().remove(&delivery.entry);
        }
        Ok(())
    }

    async fn acknowledge(&self, entry: &str) -> Result<(), StockError> {
        let acknowledge = cmd("XACK").arg(&self.states.orders).arg(&self.group).arg(entry).to_owned();
        self.states.commands().query::<i64>(&acknowledge).await?;
        Ok(())
    }

    fn cursor(&self) -> MutexGuard<'_, String> {
        self.cursor.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self) -> MutexGuard<'_, HashMap<String, Vec<String>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
