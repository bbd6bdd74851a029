//! What callers hold: a lease, and units taken from it.

use std::fmt;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::builder::LeaseBuilder;
use super::error::{CommitError, End, StockError, TakeError};
use super::keeper::{Message, Pending};
use super::local::Local;
use super::order::{Order, Receipt};
use crate::{Error, Server};

/// Units of a stock that this node may sell without asking.
///
/// Clones share the lease. It ends when the last of them, and of the units [`Taken`], is dropped; what was not sold then
/// goes back to the pool. [`close`](Lease::close) does this at once, and waits for it.
///
/// # Examples
///
/// ```no_run
/// # async fn run(server: cache_redis::Server) -> Result<(), Box<dyn std::error::Error>> {
/// use cache_redis::lease::{CommitError, Lease, Order};
///
/// let lease = Lease::builder(&server, "shop:", "sku:1").open().await?;
/// let taken = lease.try_take(2)?;
/// match taken.commit(Order::new("order:4711").user("ann")).await {
///     Ok(receipt) => println!("sold {} units", receipt.units()),
///     Err(CommitError::OverLimit) => println!("not so many for one user"),
///     Err(error) if error.is_unknown() => println!("look for the order in the stream of orders"),
///     Err(error) => println!("{error}"),
/// }
/// lease.close().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Lease {
    shared: Arc<Shared>,
}

struct Shared {
    local: Arc<Local>,
    id: Arc<str>,
    /// Without a bound of its own: an order holds at least one unit of the lease, so there are never more orders than
    /// granted units.
    keeper: mpsc::UnboundedSender<Message>,
}

impl Lease {
    /// The settings of a lease on the stock `sku` under `prefix`; [`open`](LeaseBuilder::open) opens it.
    ///
    /// # Examples
    ///
    /// See [`Lease`].
    pub fn builder(server: &Server, prefix: &str, sku: &str) -> LeaseBuilder {
        LeaseBuilder::new(server, prefix, sku)
    }

    pub(super) fn new(local: Arc<Local>, id: Arc<str>, keeper: mpsc::UnboundedSender<Message>) -> Self {
        Self { shared: Arc::new(Shared { local, id, keeper }) }
    }

    /// Takes units, if this node has them.
    ///
    /// They are nobody's yet: [`Taken::commit`] sells them, and dropping the [`Taken`] gives them back.
    ///
    /// # Examples
    ///
    /// See [`Lease`].
    ///
    /// # Errors
    ///
    /// [`TakeError`] says whether trying again may help.
    ///
    /// # Performance
    ///
    /// A look at the clock and a compare-and-swap. Never waits for the network, never allocates. All threads share one
    /// counter and one reference count.
    pub fn try_take(&self, units: u32) -> Result<Taken, TakeError> {
        self.shared.local.take(units)?;
        Ok(Taken { shared: Arc::clone(&self.shared), units })
    }

    /// Takes units, and waits for those that are being fetched.
    ///
    /// # Examples
    ///
    /// See [`Lease`].
    ///
    /// # Errors
    ///
    /// As [`try_take`](Lease::try_take), but never [`TakeError::Refilling`].
    pub async fn take(&self, units: u32) -> Result<Taken, TakeError> {
        loop {
            // Mostly there are units, and nobody has to be told of a change.
            match self.try_take(units) {
                Err(TakeError::Refilling) => {}
                result => return result,
            }
            let changed = self.shared.local.changed.notified();
            let mut changed = std::pin::pin!(changed);
            // Before another attempt, or a refill between the two would go unnoticed.
            changed.as_mut().enable();
            match self.try_take(units) {
                Err(TakeError::Refilling) => changed.await,
                result => return result,
            }
        }
    }

    /// The units that can be taken here and now. Weakly consistent, as others take and give back.
    ///
    /// # Examples
    ///
    /// See [`Lease`].
    pub fn left(&self) -> u64 {
        self.shared.local.left()
    }

    /// The id of the lease, which is unique.
    ///
    /// # Examples
    ///
    /// See [`Lease`].
    pub fn id(&self) -> &str {
        &self.shared.id
    }

    /// Why the lease ended; `None` while it lives.
    ///
    /// # Examples
    ///
    /// See [`Lease`].
    pub fn end(&self) -> Option<End> {
        self.shared.local.end()
    }

    /// Waits until the lease ends, and returns why. Open another one then.
    ///
    /// # Examples
    ///
    /// See [`Lease`].
    pub async fn ended(&self) -> End {
        loop {
            let changed = self.shared.local.changed.notified();
            let mut changed = std::pin::pin!(changed);
            changed.as_mut().enable();
            match self.end() {
                Some(end) => return end,
                None => changed.await,
            }
        }
    }

    /// Commits the orders that wait, gives back what was not sold, and ends the lease for all its handles.
    ///
    /// Units that are [`Taken`] and not committed go back too; they cannot be committed afterwards. Returns the number of
    /// units that went back to the pool.
    ///
    /// # Examples
    ///
    /// See [`Lease`].
    ///
    /// # Errors
    ///
    /// [`StockError::Ended`] if it had ended before; [`StockError::Server`] if the server could not be asked: then the lease
    /// is reaped after `ttl` + `grace`.
    pub async fn close(&self) -> Result<u64, StockError> {
        let (reply, answer) = oneshot::channel();
        let ended = || StockError::Ended(self.end().unwrap_or(End::Closed));
        self.shared.keeper.send(Message::Close(reply)).map_err(|_| ended())?;
        match answer.await {
            Ok(result) => result,
            // With the runtime, the keeper is gone.
            Err(_) if self.end().is_none() => Err(Error::Stopped.into()),
            Err(_) => Err(ended()),
        }
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease")
            .field("id", &self.shared.id)
            .field("left", &self.left())
            .field("end", &self.end())
            .finish_non_exhaustive()
    }
}

/// Units that were taken from a lease. Dropping it gives them back.
///
/// # Examples
///
/// See [`Lease`].
#[must_use = "dropping it gives the units back"]
pub struct Taken {
    shared: Arc<Shared>,
    /// 0 once they are an order's.
    units: u32,
}

impl Taken {
    /// The number of units.
    ///
    /// # Examples
    ///
    /// See [`Lease`].
    pub fn units(&self) -> u32 {
        self.units
    }

    /// The id of the lease, which [`Stock::inspect`](super::Stock::inspect) shows while it lives: an order whose commit is unknown
    /// cannot get into the stream of orders any more once it is gone.
    ///
    /// # Examples
    ///
    /// See [`Lease`].
    pub fn lease(&self) -> &str {
        &self.shared.id
    }

    /// Sells the units: waits until the order is committed on the server, together with others.
    ///
    /// **Dropping the future does not take the order back** once it was polled: the order may be committed or not. After a
    /// time-out, treat it as unknown.
    ///
    /// # Examples
    ///
    /// See [`Lease`].
    ///
    /// # Errors
    ///
    /// [`CommitError`]. Where it [is unknown](CommitError::is_unknown), the order may have been sold; in all other cases it
    /// was not.
    pub async fn commit(mut self, order: Order) -> Result<Receipt, CommitError> {
        let (reply, answer) = oneshot::channel();
        let units = std::mem::take(&mut self.units);
        let local = &self.shared.local;
        if self.shared.keeper.send(Message::Order(Pending { order, units, reply })).is_err() {
            return Err(CommitError::Ended(local.end().unwrap_or(End::Closed)));
        }
        match answer.await {
            Ok(result) => result,
            // The keeper answers all that it sent before it notes the end. So this order was never sent.
            Err(_) => Err(match local.end() {
                Some(end) => CommitError::Ended(end),
                // The runtime went down under the keeper.
                None => CommitError::Unknown(End::Unanswered),
            }),
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if self.units > 0 {
            self.shared.local.give_back(self.units);
        }
    }
}

impl fmt::Debug for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Taken").field("lease", &self.shared.id).field("units", &self.units).finish()
    }
}
