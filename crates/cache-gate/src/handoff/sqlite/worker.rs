//! What workers, buyers and operators do with orders that are in the books.

use std::time::Duration;

use super::Journal;
use super::error::JournalError;
use super::record::{CancelAnswer, Claim};
use crate::handoff::{Order, OrderState};

impl Journal {
    /// Gives up to `count` orders to a worker for the time `hold`, those that have waited longest first.
    ///
    /// A worker that has not said what became of one by then loses it to another. So it may be fulfilled twice: let the work be
    /// such that its repetition changes nothing, by the id of the order.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use cache_gate::handoff::Order;
    /// # use cache_gate::handoff::sqlite::{Journal, JournalError};
    /// # async fn ship(_: &Order) -> Result<(), String> { Ok(()) }
    /// async fn work(journal: &Journal) -> Result<(), JournalError> {
    ///     for claim in journal.claim(100, Duration::from_secs(60)).await? {
    ///         match ship(&claim.order).await {
    ///             Ok(()) => drop(journal.fulfil(&claim).await?),
    ///             Err(reason) => drop(journal.fail(&claim, &reason).await?),
    ///         }
    ///     }
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`JournalError`].
    pub async fn claim(&self, count: usize, hold: Duration) -> Result<Vec<Claim>, JournalError> {
        self.call(move |table| table.claim(count, hold)).await
    }

    /// Notes that an order was fulfilled. `false` if the claim is over: another worker has it, or it was cancelled.
    ///
    /// # Examples
    ///
    /// See [`claim`](Journal::claim).
    ///
    /// # Errors
    ///
    /// [`JournalError`]. Call it again then: a repetition changes nothing.
    pub async fn fulfil(&self, claim: &Claim) -> Result<bool, JournalError> {
        let claim = claim.clone();
        self.call(move |table| table.fulfil(&claim)).await
    }

    /// Notes that an attempt failed. The order is tried again later, or is dead if this was the last attempt: the state says which.
    /// `None` if the claim is over.
    ///
    /// # Examples
    ///
    /// See [`claim`](Journal::claim).
    ///
    /// # Errors
    ///
    /// [`JournalError`].
    pub async fn fail(&self, claim: &Claim, reason: &str) -> Result<Option<OrderState>, JournalError> {
        let (claim, reason) = (claim.clone(), reason.to_owned());
        self.call(move |table| table.fail(&claim, &reason)).await
    }

    /// Ends an order that cannot be fulfilled: it has failed for good. Returns it, so that its units can be given back with
    /// [`Gate::cancel_order`](crate::Gate::cancel_order); `None` if it was neither accepted nor dead.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_gate::Gate;
    /// # use cache_gate::handoff::sqlite::{Journal, JournalError};
    /// # use cache_rwlock::RwLockBackend;
    /// async fn give_up(gate: &Gate<RwLockBackend>, journal: &Journal, id: &str) -> Result<(), JournalError> {
    ///     if let Some(order) = journal.reject(id, "the parcel was lost").await? {
    ///         // Whatever it says, the books have it, and a restart gives the units back.
    ///         let _ = gate.cancel_order(order.ticket);
    ///     }
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`JournalError`].
    pub async fn reject(&self, id: &str, reason: &str) -> Result<Option<Order>, JournalError> {
        let (id, reason) = (id.to_owned(), reason.to_owned());
        self.call(move |table| table.reject(&id, &reason)).await
    }

    /// Gives a dead order to the workers again, with all its attempts. Returns whether it was dead.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_gate::handoff::OrderState;
    /// # use cache_gate::handoff::sqlite::{Journal, JournalError};
    /// async fn revive_all(journal: &Journal) -> Result<(), JournalError> {
    ///     let mut last = 0;
    ///     loop {
    ///         let records = journal.orders(last, 1_000).await?;
    ///         let Some(newest) = records.last() else { return Ok(()) };
    ///         last = newest.seq;
    ///         for record in records.iter().filter(|record| record.state == OrderState::Dead) {
    ///             journal.revive(&record.order.id).await?;
    ///         }
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`JournalError`].
    pub async fn revive(&self, id: &str) -> Result<bool, JournalError> {
        let id = id.to_owned();
        self.call(move |table| table.revive(&id)).await
    }

    /// Takes an order back for its buyer, unless it is fulfilled or a worker is at it. Durable when it returns.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_gate::Gate;
    /// # use cache_gate::handoff::sqlite::{CancelAnswer, Journal, JournalError};
    /// # use cache_rwlock::RwLockBackend;
    /// async fn cancel(gate: &Gate<RwLockBackend>, journal: &Journal, id: &str) -> Result<&'static str, JournalError> {
    ///     Ok(match journal.cancel(id).await? {
    ///         // `Before` too: the first attempt may have ended between the two.
    ///         CancelAnswer::Cancelled(order) | CancelAnswer::Before(order) => {
    ///             let _ = gate.cancel_order(order.ticket);
    ///             "cancelled"
    ///         }
    ///         CancelAnswer::InProgress => "a worker is at it: try again",
    ///         CancelAnswer::TooLate(_) => "too late",
    ///         CancelAnswer::Absent => "no such order",
    ///     })
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`JournalError`].
    pub async fn cancel(&self, id: &str) -> Result<CancelAnswer, JournalError> {
        let id = id.to_owned();
        self.call(move |table| table.cancel(&id)).await
    }
}
