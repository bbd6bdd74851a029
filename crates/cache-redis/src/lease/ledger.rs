//! Calls of the scripts, and what they answer, as types.

use std::sync::Arc;
use std::time::Duration;

use redis::Value;

use super::keys::Keys;
use super::lines;
use super::order::Order;
use super::scripts;
use crate::{Call, Commands, Error, Server};

/// How long an ended lease is remembered, so that a commit whose answer was lost can be asked about.
const KEEP: Duration = Duration::from_secs(24 * 60 * 60);

/// Overdue leases that one call ends.
const REAPED_AT_ONCE: usize = 100;

/// The usual length of an order's line.
const LINE: usize = 32;

/// One stock on the server.
#[derive(Clone, Debug)]
pub(super) struct Ledger {
    pub(super) commands: Commands,
    pub(super) keys: Arc<Keys>,
}

/// What `acquire` answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Acquired {
    /// All that the lease was granted since it began.
    Granted(i64),
    SoldOut,
    Fenced,
    Absent,
}

/// What `commit` answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Committed {
    /// One byte for each order, `+` or `-`, the entry in the stream of orders, and what became of the lease.
    Done { outcome: Vec<u8>, entry: Arc<str>, life: Life },
    /// The lease has ended. `last` is the number of its last batch, or -1 where the server knows nothing of it.
    Fenced { last: i64 },
    /// The server lacks a batch that it had acknowledged, or units that it had granted.
    Behind,
    /// A later batch was done: two nodes use one lease, which random ids rule out.
    Old,
}

/// What became of a lease with a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    Renewed,
    /// It lives, with the deadline that it had.
    NotRenewed,
    Ended,
}

impl Ledger {
    pub(super) async fn connect(server: &Server, prefix: &str, sku: &str) -> Result<Self, Error> {
        let commands = server.clone().at_least((7, 0), "7.0, for leases,").commands().await?;
        Ok(Self { commands, keys: Arc::new(Keys::new(prefix, sku)) })
    }

    pub(super) async fn ask(&self, call: &Call<'_>) -> Result<Answer, Error> {
        self.commands.invoke(call).await.map(Answer)
    }

    pub(super) async fn acquire(
        &self,
        id: &str,
        request: u64,
        want: u32,
        div: u32,
        ttl: Duration,
    ) -> Result<Acquired, Error> {
        let keys = &*self.keys;
        let call = scripts::ACQUIRE.key(&keys.pool).key(keys.lease(id)).key(&keys.leases);
        let answer = self.ask(&call.arg(id).arg(request).arg(want).arg(div).arg(millis(ttl))).await?;
        match answer.word() {
            "GRANTED" | "HELD" => Ok(Acquired::Granted(answer.int(1)?)),
            "SOLDOUT" => Ok(Acquired::SoldOut),
            "FENCED" => Ok(Acquired::Fenced),
            "ABSENT" => Ok(Acquired::Absent),
            _ => Err(answer.strange()),
        }
    }

    /// Whether the lease is live.
    pub(super) async fn renew(&self, id: &str, ttl: Duration) -> Result<bool, Error> {
        let call = scripts::RENEW.key(self.keys.lease(id)).key(&self.keys.leases);
        let answer = self.ask(&call.arg(id).arg(millis(ttl))).await?;
        match answer.word() {
            "RENEWED" => Ok(true),
            "FENCED" => Ok(false),
            _ => Err(answer.strange()),
        }
    }

    pub(super) async fn commit<'a>(
        &self,
        id: &str,
        seq: u64,
        ttl: Duration,
        orders: impl ExactSizeIterator<Item = (&'a Order, u32)>,
    ) -> Result<Committed, Error> {
        let count = orders.len();
        let keys = &*self.keys;
        let call = scripts::COMMIT.key(keys.lease(id)).key(&keys.leases).key(&keys.sold);
        let call = call.key(&keys.orders).key(&keys.users).key(&keys.limit);
        let (mut lines, mut total) = (String::with_capacity(count * LINE), 0_u64);
        for (order, units) in orders {
            lines::push(&mut lines, order, units);
            total += u64::from(units);
        }
        let call = call.arg(id).arg(seq).arg(millis(ttl)).arg(count).arg(total).arg(lines);
        let answer = self.ask(&call).await?;
        match answer.word() {
            word @ ("DONE" | "DUP" | "LATE" | "LAST") => {
                let (outcome, entry) = (answer.text(1)?.as_bytes().to_vec(), answer.text(2)?.into());
                if outcome.len() != count {
                    return Err(answer.strange());
                }
                let life = match word {
                    "LATE" => Life::NotRenewed,
                    "LAST" => Life::Ended,
                    _ => Life::Renewed,
                };
                Ok(Committed::Done { outcome, entry, life })
            }
            "FENCED" => Ok(Committed::Fenced { last: answer.int(1)? }),
            "GAP" | "OVER" => Ok(Committed::Behind),
            "OLD" => Ok(Committed::Old),
            _ => Err(answer.strange()),
        }
    }

    /// Returns the units that went back to the pool; `None` if the lease had ended before.
    pub(super) async fn close(&self, id: &str) -> Result<Option<u64>, Error> {
        let keys = &*self.keys;
        let call = scripts::CLOSE.key(&keys.pool).key(keys.lease(id)).key(&keys.leases);
        let answer = self.ask(&call.arg(id).arg(millis(KEEP))).await?;
        match answer.word() {
            "CLOSED" => answer.count(1).map(Some),
            "ENDED" => Ok(None),
            _ => Err(answer.strange()),
        }
    }

    /// Ends leases past deadline + `grace`. Returns how many, and the units that went back to the pool.
    pub(super) async fn reap(&self, grace: Duration) -> Result<(u64, u64), Error> {
        let keys = &*self.keys;
        let mut reaped = (0, 0);
        loop {
            let call = scripts::OVERDUE.key(&keys.leases).arg(millis(grace)).arg(REAPED_AT_ONCE);
            let ids: Vec<String> = self.commands.invoke(&call).await?;
            if ids.is_empty() {
                return Ok(reaped);
            }
            let call = scripts::REAP.key(&keys.pool).key(&keys.leases);
            let mut call = call.arg(millis(grace)).arg(millis(KEEP));
            for id in &ids {
                call = call.key(keys.lease(id)).arg(id);
            }
            let (ended, back): (u64, u64) = self.commands.invoke(&call).await?;
            reaped = (reaped.0 + ended, reaped.1 + back);
            if ids.len() < REAPED_AT_ONCE {
                return Ok(reaped);
            }
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// What a script answered: a word, then numbers and texts.
#[derive(Debug)]
pub(super) struct Answer(Vec<Value>);

impl Answer {
    pub(super) fn word(&self) -> &str {
        self.text(0).unwrap_or("")
    }

    pub(super) fn text(&self, at: usize) -> Result<&str, Error> {
        let text = match self.0.get(at) {
            Some(Value::BulkString(bytes)) => std::str::from_utf8(bytes).ok(),
            Some(Value::SimpleString(text)) => Some(&**text),
            _ => None,
        };
        text.ok_or_else(|| self.strange())
    }

    pub(super) fn int(&self, at: usize) -> Result<i64, Error> {
        match self.0.get(at) {
            Some(Value::Int(number)) => Ok(*number),
            _ => Err(self.strange()),
        }
    }

    /// A number that is never negative, unless somebody else wrote the keys.
    pub(super) fn count(&self, at: usize) -> Result<u64, Error> {
        u64::try_from(self.int(at)?).map_err(|_| self.strange())
    }

    /// All numbers from `at` on.
    pub(super) fn ints(&self, at: usize) -> Result<Vec<i64>, Error> {
        (at..self.0.len()).map(|at| self.int(at)).collect()
    }

    /// The error of an answer that no script gives.
    pub(super) fn strange(&self) -> Error {
        Error::UnexpectedReply { reason: format!("a script of a lease answered {:?}", self.0) }
    }
}
