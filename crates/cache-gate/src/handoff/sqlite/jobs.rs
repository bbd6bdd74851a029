//! What the writer is asked to do, and how it answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use tokio::sync::oneshot;

use super::error::JournalError;
use super::table::Table;
use crate::handoff::{Order, Refusal, Submitted};

/// Something for the writer.
pub(super) enum Job {
    Order(Pending),
    Call(Call),
    Close(oneshot::Sender<Result<(), JournalError>>),
}

/// A call other than an order.
pub(super) struct Call {
    /// Runs within the transaction, and returns what answers after it. Given an error, it does nothing and answers with that.
    pub(super) run: Run,
    pub(super) slot: Slot,
}

pub(super) type Run = Box<dyn FnOnce(Result<&Table<'_>, JournalError>) -> Answer + Send>;

/// Answers a call, once it is known what became of its transaction.
pub(super) type Answer = Box<dyn FnOnce(&Ended)>;

/// How a transaction ended.
pub(super) enum Ended {
    Done,
    NotDone(JournalError),
    Unknown(JournalError),
}

/// A place in the queue, until it is dropped.
pub(super) struct Slot(Arc<AtomicUsize>);

impl Slot {
    /// Takes a place, if there are fewer than `most`. `Relaxed`: only the number matters.
    pub(super) fn take(taken: &Arc<AtomicUsize>, most: usize) -> Option<Self> {
        let more = |count| (count < most).then_some(count + 1);
        taken.fetch_update(Relaxed, Relaxed, more).ok()?;
        Some(Self(Arc::clone(taken)))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// An order whose sender waits. If it is dropped before its transaction began, it is refused; afterwards, it is unknown.
pub(super) struct Pending {
    pub(super) order: Order,
    reply: Option<oneshot::Sender<Submitted>>,
    has_begun: bool,
    /// Its place in the queue, free again once the order is answered.
    _slot: Slot,
}

impl Pending {
    pub(super) fn new(order: Order, slot: Slot) -> (Self, oneshot::Receiver<Submitted>) {
        let (reply, answer) = oneshot::channel();
        (Self { order, reply: Some(reply), has_begun: false, _slot: slot }, answer)
    }

    /// From here on, it may get into the books.
    pub(super) fn begin(&mut self) {
        self.has_begun = true;
    }

    pub(super) fn answer(mut self, submitted: Submitted) {
        self.send(submitted);
    }

    fn send(&mut self, submitted: Submitted) {
        if let Some(reply) = self.reply.take() {
            // The sender may have gone.
            let _ = reply.send(submitted);
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.send(match self.has_begun {
            true => Submitted::Unknown,
            false => Submitted::Refused { why: Refusal::Closed, retry_after: None },
        });
    }
}
