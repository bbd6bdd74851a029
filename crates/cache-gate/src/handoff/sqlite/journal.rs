//! The handle of a journal: orders in, and what became of them.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::Sender;
use std::time::Duration;

use tokio::sync::oneshot;

use super::builder::JournalBuilder;
use super::error::JournalError;
use super::jobs::{Answer, Call, Ended, Job, Pending, Slot};
use super::record::{ItemTotal, Record};
use super::table::Table;
use super::writer;
use crate::Goods;
use crate::handoff::{HandOff, Order, OrderState, Refusal, Submitted, Unanswered};

/// Calls other than orders that may wait. They are few or cheap; this keeps a flood of polls from filling memory.
const MOST_CALLS: usize = 10_000;

/// When a queue that is full may have room again. A guess: a few transactions.
const FULL_RETRY: Duration = Duration::from_millis(200);

/// Orders in a SQLite file. Clones are the same journal; the last one that is dropped closes it.
///
/// # Examples
///
/// See the [module](super).
#[derive(Clone)]
pub struct Journal {
    shared: Arc<Shared>,
}

struct Shared {
    /// Without a bound of its own: `orders` and `calls` are bounded.
    inbox: Sender<Job>,
    capacity: usize,
    orders: Arc<AtomicUsize>,
    calls: Arc<AtomicUsize>,
}

impl Journal {
    /// The settings of a journal; [`open`](JournalBuilder::open) opens it.
    ///
    /// # Examples
    ///
    /// See [`JournalBuilder`].
    pub fn builder() -> JournalBuilder {
        JournalBuilder::new()
    }

    pub(super) fn new(inbox: Sender<Job>, capacity: usize) -> Self {
        let (orders, calls) = (Arc::default(), Arc::default());
        Self { shared: Arc::new(Shared { inbox, capacity, orders, calls }) }
    }

    /// The order of this id.
    ///
    /// # Examples
    ///
    /// See the [module](super).
    ///
    /// # Errors
    ///
    /// [`JournalError`].
    pub async fn get(&self, id: &str) -> Result<Option<Record>, JournalError> {
        let id = id.to_owned();
        self.call(move |table| table.get(&id)).await
    }

    /// The next `count` orders after number `seq`, in the order in which they were written. 0 is before the first.
    ///
    /// # Examples
    ///
    /// How a gate is restored:
    ///
    /// ```
    /// # use cache_gate::handoff::sqlite::{Journal, JournalError};
    /// # use cache_gate::{Gate, RestoreError};
    /// # use cache_rwlock::RwLockBackend;
    /// async fn restore(gate: &Gate<RwLockBackend>, journal: &Journal) -> Result<(), Box<dyn std::error::Error>> {
    ///     let mut last = 0;
    ///     loop {
    ///         let records = journal.orders(last, 1_000).await?;
    ///         let Some(newest) = records.last() else { return Ok(()) };
    ///         last = newest.seq;
    ///         for record in &records {
    ///             match gate.restore(&record.sale()) {
    ///                 // Its event has ended.
    ///                 Ok(()) | Err(RestoreError::UnknownItem | RestoreError::OtherEvent) => {}
    ///                 Err(error) => return Err(error.into()),
    ///             }
    ///         }
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`JournalError`].
    pub async fn orders(&self, seq: u64, count: usize) -> Result<Vec<Record>, JournalError> {
        self.call(move |table| table.after(seq, count)).await
    }

    /// The number of orders and units of each item in each state, at one moment.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_gate::handoff::sqlite::{Journal, JournalError};
    /// async fn sold(journal: &Journal, item: &str) -> Result<u64, JournalError> {
    ///     let totals = journal.totals().await?;
    ///     let sold = totals.iter().filter(|total| total.item == item && total.state.holds_units());
    ///     Ok(sold.map(|total| total.units).sum())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`JournalError`].
    ///
    /// # Performance
    ///
    /// Reads all orders, about a million in a second, and nothing is written meanwhile.
    pub async fn totals(&self) -> Result<Vec<ItemTotal>, JournalError> {
        self.call(|table| table.totals()).await
    }

    /// Writes what waits, and closes the file. Calls on other handles fail from then on.
    ///
    /// # Examples
    ///
    /// See the [module](super).
    ///
    /// # Errors
    ///
    /// [`JournalError::Closed`] if it was closed before.
    pub async fn close(&self) -> Result<(), JournalError> {
        let (reply, answer) = oneshot::channel();
        self.shared.inbox.send(Job::Close(reply)).map_err(|_| JournalError::Closed)?;
        answer.await.unwrap_or(Err(JournalError::Closed))
    }

    /// Runs something in the next transaction, and returns its result once that has ended.
    pub(super) async fn call<T: Send + 'static>(
        &self,
        run: impl FnOnce(&Table<'_>) -> Result<T, rusqlite::Error> + Send + 'static,
    ) -> Result<T, JournalError> {
        let slot = Slot::take(&self.shared.calls, MOST_CALLS).ok_or(JournalError::Busy)?;
        let (reply, answer) = oneshot::channel();
        let run = move |table: Result<&Table<'_>, JournalError>| -> Answer {
            let result = table.and_then(|table| run(table).map_err(|error| writer::failed(&error)));
            Box::new(move |ended: &Ended| {
                let result = result.and_then(|value| match ended {
                    Ended::Done => Ok(value),
                    Ended::NotDone(error) | Ended::Unknown(error) => Err(error.clone()),
                });
                // The caller may have gone.
                let _ = reply.send(result);
            })
        };
        let call = Job::Call(Call { run: Box::new(run), slot });
        self.shared.inbox.send(call).map_err(|_| JournalError::Closed)?;
        let gone = || JournalError::Unknown { reason: "its thread has ended".to_owned() };
        answer.await.unwrap_or_else(|_| Err(gone()))
    }
}

impl HandOff for Journal {
    async fn submit(&self, order: &Order, goods: Goods) -> Submitted {
        let refused = |why, retry_after| Submitted::Refused { why, retry_after };
        if !matches!(goods, Goods::Counted) {
            return refused(Refusal::OtherStock, None);
        }
        let Some(slot) = Slot::take(&self.shared.orders, self.shared.capacity) else {
            return refused(Refusal::Full, Some(FULL_RETRY));
        };
        let (pending, answer) = Pending::new(order.clone(), slot);
        // One that cannot be sent is dropped, and so refused.
        let _ = self.shared.inbox.send(Job::Order(pending));
        answer.await.unwrap_or(Submitted::Unknown)
    }

    async fn find(&self, order: &Order) -> Result<Option<OrderState>, Unanswered> {
        // The writer answers it: behind the order itself, if that is still in the queue, and never between a failed end of a
        // transaction and the recovery from it.
        let record = self.get(&order.id).await.map_err(|error| Unanswered { reason: error.to_string() })?;
        // Another order of this id has nothing to do with this one.
        Ok(record.filter(|record| record.order.ticket == order.ticket).map(|record| record.state))
    }

    fn depth(&self) -> usize {
        self.shared.orders.load(Relaxed)
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal").field("depth", &self.depth()).finish_non_exhaustive()
    }
}
