//! The task behind a lease: it commits batches of orders, fetches units, renews, and reaps what others left behind.
//!
//! It has one call in flight at a time. So a batch is done before the next is sent, and the server needs to remember only
//! the last one.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::batch;
use super::builder::Settings;
use super::error::{CommitError, End, StockError};
use super::ledger::{Acquired, Ledger};
use super::local::Local;
use super::observe;
use super::order::{Order, Receipt};
use crate::Error;
use crate::server::Backoff;

/// The longest wait before a stock that was sold out is asked for units again, and before a failed call is repeated.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

pub(super) enum Message {
    Order(Pending),
    /// Answered with the units that went back to the pool.
    Close(oneshot::Sender<Result<u64, StockError>>),
}

/// An order whose buyer waits.
pub(super) struct Pending {
    pub(super) order: Order,
    pub(super) units: u32,
    pub(super) reply: oneshot::Sender<Result<Receipt, CommitError>>,
}

pub(super) struct Keeper {
    pub(super) ledger: Ledger,
    pub(super) local: Arc<Local>,
    pub(super) id: Arc<str>,
    pub(super) settings: Settings,
    inbox: mpsc::UnboundedReceiver<Message>,
    /// The number of the last batch.
    pub(super) seq: u64,
    /// The number of the last request for units that was granted. 0: there is no lease on the server yet.
    request: u64,
    /// All units that were granted.
    granted: i64,
    /// When the last call was sent that found the lease live.
    renewed: Instant,
    renew_at: Instant,
    refill_at: Instant,
    reap_at: Instant,
    pub(super) backoff: Backoff,
}

impl Keeper {
    pub(super) fn new(
        ledger: Ledger,
        local: Arc<Local>,
        id: Arc<str>,
        settings: Settings,
        inbox: mpsc::UnboundedReceiver<Message>,
    ) -> Self {
        let now = Instant::now();
        let backoff = Backoff::new(LONGEST_WAIT.min(settings.ttl / 4));
        Self {
            ledger,
            local,
            id,
            settings,
            inbox,
            seq: 0,
            request: 0,
            granted: 0,
            renewed: now,
            renew_at: now,
            refill_at: now,
            reap_at: now,
            backoff,
        }
    }

    /// Reaps and fetches the first units.
    pub(super) async fn begin(&mut self) -> Result<(), Error> {
        let give_up = Instant::now() + self.settings.patience;
        loop {
            // What others left behind may be damaged, and is no reason not to sell.
            if let Err(error) = self.reap().await {
                observe::failed(&self.id, "reap", &error);
            }
            match self.refill(self.settings.want).await {
                Err(error) if error.is_transient() && Instant::now() <= give_up => {}
                result => return result,
            }
            sleep(self.backoff.next()).await;
        }
    }

    pub(super) async fn run(mut self) {
        let mut messages = Vec::with_capacity(self.settings.batch);
        while self.local.end().is_none() {
            self.do_chores().await;
            if self.local.end().is_some() {
                break;
            }
            let wake_at = self.next_chore();
            tokio::select! {
                biased;
                count = self.inbox.recv_many(&mut messages, self.settings.batch) => {
                    if count > 0 {
                        self.collect(&mut messages).await;
                        self.work(&mut messages).await;
                    } else {
                        // The last handle is gone, and nobody waits for the result.
                        self.close(Vec::new()).await;
                    }
                }
                () = self.local.hungry.notified() => {}
                () = sleep_until(wake_at) => {}
            }
        }
        self.refuse_the_rest();
    }

    /// Waits a moment for more orders.
    async fn collect(&mut self, messages: &mut Vec<Message>) {
        if self.settings.linger.is_zero() {
            // A timer would take up to a millisecond.
            return;
        }
        let until = Instant::now() + self.settings.linger;
        while messages.len() < self.settings.batch && !matches!(messages.last(), Some(Message::Close(_))) {
            let room = self.settings.batch - messages.len();
            match timeout_at(until, self.inbox.recv_many(messages, room)).await {
                Ok(0) | Err(_) => break,
                Ok(_) => {}
            }
        }
    }

    async fn work(&mut self, messages: &mut Vec<Message>) {
        let mut orders = Vec::with_capacity(messages.len());
        let mut closers = Vec::new();
        for message in messages.drain(..) {
            match message {
                Message::Order(pending) => orders.push(pending),
                Message::Close(reply) => closers.push(reply),
            }
        }
        if !orders.is_empty() {
            batch::commit(self, orders).await;
        }
        match self.local.end() {
            _ if closers.is_empty() => {}
            None => self.close(closers).await,
            // It ended with the batch before them.
            Some(end) => {
                for reply in closers {
                    // Whoever asked may have gone.
                    let _ = reply.send(Err(StockError::Ended(end)));
                }
            }
        }
    }

    /// Notes that a call that was sent at `sent` found the lease live.
    pub(super) fn is_live(&mut self, sent: Instant) {
        self.renewed = sent;
        self.renew_at = sent + self.settings.ttl / 3;
        self.local.extend(sent.into_std(), self.settings.ttl);
    }

    fn next_chore(&self) -> Instant {
        let mut next = self.reap_at;
        if self.request > 0 {
            next = next.min(self.renew_at);
        }
        if self.local.is_missed() {
            next = next.min(self.refill_at);
        }
        next
    }

    async fn do_chores(&mut self) {
        let now = Instant::now();
        let shortage = self.local.shortage(self.settings.want);
        if shortage > 0 && now >= self.refill_at {
            if let Err(error) = self.refill(shortage).await {
                self.refill_at = Instant::now() + self.backoff.next();
                self.failed("acquire", &error);
            }
        } else if self.request > 0 && now >= self.renew_at {
            self.renew().await;
        }
        if now >= self.reap_at
            && let Err(error) = self.reap().await
        {
            observe::failed(&self.id, "reap", &error);
        }
    }

    /// Asks for units. The request has a number: if its answer is lost, the next one asks for the same grant.
    async fn refill(&mut self, shortage: u32) -> Result<(), Error> {
        let Settings { div, ttl, .. } = self.settings;
        let sent = Instant::now();
        let acquired = self.ledger.acquire(&self.id, self.request + 1, shortage, div, ttl).await?;
        self.backoff.reset();
        match acquired {
            Acquired::Granted(granted) if granted < self.granted => self.finish(End::RolledBack),
            Acquired::Granted(granted) => {
                self.request += 1;
                self.is_live(sent);
                let units = granted - self.granted;
                self.granted = granted;
                self.local.grant(units);
                observe::granted(&self.id, units);
            }
            Acquired::SoldOut => {
                if self.request > 0 {
                    self.is_live(sent);
                }
                if !self.local.is_sold_out() {
                    observe::sold_out(&self.id);
                }
                self.local.sell_out();
                self.refill_at = Instant::now() + (self.settings.ttl / 10).min(LONGEST_WAIT);
            }
            Acquired::Fenced => self.finish(End::Fenced),
            Acquired::Absent => self.finish(End::Absent),
        }
        Ok(())
    }

    async fn renew(&mut self) {
        let sent = Instant::now();
        match self.ledger.renew(&self.id, self.settings.ttl).await {
            Ok(true) => {
                self.backoff.reset();
                self.is_live(sent);
            }
            Ok(false) => self.finish(End::Fenced),
            Err(error) => {
                self.renew_at = Instant::now() + self.backoff.next();
                self.failed("renew", &error);
            }
        }
    }

    async fn reap(&mut self) -> Result<(), Error> {
        let Settings { ttl, grace, .. } = self.settings;
        self.reap_at = Instant::now() + ((ttl + grace) / 4).max(Duration::from_millis(10));
        let (leases, units) = self.ledger.reap(grace).await?;
        if leases > 0 {
            observe::reaped(&self.id, leases, units);
            // There is something to sell again.
            self.refill_at = Instant::now();
        }
        Ok(())
    }

    /// Ends the lease on the server.
    async fn close(&mut self, closers: Vec<oneshot::Sender<Result<u64, StockError>>>) {
        self.finish(End::Closed);
        let give_up = Instant::now() + self.settings.patience;
        let result = loop {
            match self.ledger.close(&self.id).await {
                Ok(back) => break Ok(back.unwrap_or(0)),
                Err(error) if error.is_transient() && Instant::now() < give_up => {
                    sleep(self.backoff.next()).await;
                }
                Err(error) => {
                    observe::failed(&self.id, "close", &error);
                    break Err(error);
                }
            }
        };
        for reply in closers {
            // Whoever asked may have gone.
            let _ = reply.send(result.clone().map_err(StockError::Server));
        }
    }

    /// Notes a failure of a chore. One that nobody can cure ends the lease.
    fn failed(&mut self, what: &'static str, error: &Error) {
        observe::failed(&self.id, what, error);
        if batch::is_final(error) {
            self.finish(End::Refused);
        }
    }

    /// Ends the lease here. All that was sent must have been answered before.
    pub(super) fn finish(&mut self, end: End) {
        if self.local.finish(end) {
            observe::ended(&self.id, end);
        }
    }

    /// Answers what was never sent.
    fn refuse_the_rest(&mut self) {
        let end = self.local.end().unwrap_or(End::Closed);
        self.inbox.close();
        while let Ok(message) = self.inbox.try_recv() {
            // Whoever asked may have gone.
            match message {
                Message::Order(pending) => drop(pending.reply.send(Err(CommitError::Ended(end)))),
                Message::Close(reply) => drop(reply.send(Err(StockError::Ended(end)))),
            }
        }
    }
}
