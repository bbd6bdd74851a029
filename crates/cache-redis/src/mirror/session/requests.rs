//! Requests, in the order in which they are sent.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Instant;

use redis::Value;
use tokio::task::coop::unconstrained;

use super::{CHECK, Session};
use crate::Error;
use crate::mirror::engine::{RedisKey, Request};
use crate::mirror::seen::Seen;
use crate::server::Identity;

/// Bytes that a key and its answer take in this process besides the value, about.
const OVERHEAD: usize = 192;

/// Requests under way, at most, besides a PING and a check of the server. The queue of a connection has room for twice as
/// many: one that found it full would wait, and those after it could overtake it.
pub(super) const MOST_FLIGHTS: usize = crate::server::QUEUE / 2;

/// A request that was sent.
pub(super) enum Sent {
    Ping,
    Check,
    Fetch {
        keys: Vec<RedisKey>,
        round: u64,
    },
    Page {
        keys: Vec<RedisKey>,
        round: u64,
    },
    Scan {
        cursor: u64,
        round: u64,
    },
    /// Keys without a string.
    Types(Vec<RedisKey>),
}

/// A request under way.
pub(super) struct Flight {
    pub(super) sent: Sent,
    pub(super) at: Instant,
    /// Bytes that the answer is expected to have.
    pub(super) bytes: usize,
    answer: Pin<Box<dyn Future<Output = Result<Vec<Value>, Error>> + Send>>,
}

impl Session {
    /// Sends everything that may be sent now.
    pub(super) async fn send_all(&mut self) {
        if Instant::now() >= self.check_due {
            self.check_due = Instant::now() + CHECK;
            self.send(Sent::Check).await;
        }
        loop {
            let budget = self.context.settings.bytes.saturating_sub(self.bytes_under_way);
            let keys = (budget as f64 / (self.bytes_per_value + OVERHEAD as f64)) as usize;
            // A value that is larger than the limit travels alone.
            let keys = if self.bytes_under_way == 0 { keys.max(1) } else { keys };
            let has_room = self.flights.len() < MOST_FLIGHTS;
            let most = if has_room { keys.min(self.context.settings.page) } else { 0 };
            let now = self.context.board.now();
            let next = self.inbox.engine().next(now, most);
            match next {
                Some(Request::Ping) => self.send(Sent::Ping).await,
                Some(Request::Fetch { keys, round }) => self.send(Sent::Fetch { keys, round }).await,
                Some(Request::Page { keys, round }) => self.send(Sent::Page { keys, round }).await,
                Some(Request::Scan { cursor, round }) => {
                    if cursor == 0 && round > 0 {
                        // After a flush: whatever was there may be gone.
                        self.seen = Some((round, Seen::new()));
                    }
                    self.send(Sent::Scan { cursor, round }).await;
                }
                None => return,
            }
        }
    }

    /// Sends one request, in this order with others.
    pub(super) async fn send(&mut self, sent: Sent) {
        let mut pipeline = redis::pipe();
        let mut keys = 0;
        match &sent {
            Sent::Ping => _ = pipeline.cmd("PING"),
            Sent::Check => {
                Identity::ask(&mut pipeline);
                if self.form.each {
                    pipeline.cmd("CLUSTER").arg("SLOTS");
                }
            }
            Sent::Fetch { keys: wanted, .. } | Sent::Page { keys: wanted, .. } => {
                self.form.fetch(&mut pipeline, wanted);
                keys = wanted.len();
            }
            Sent::Scan { cursor, .. } => self.form.scan(&mut pipeline, *cursor),
            Sent::Types(keys) => keys.iter().for_each(|key| _ = pipeline.cmd("TYPE").arg(&key[..])),
        }
        let bytes = keys * (self.bytes_per_value as usize + OVERHEAD);
        let mut link = self.link.clone();
        let mut flight = Flight {
            sent,
            at: Instant::now(),
            bytes,
            answer: Box::pin(async move { link.send_all(&pipeline).await }),
        };
        if self.flights.is_empty() {
            self.heard = flight.at;
        }
        // The first look at the future puts the request in the queue of the connection, and those of others go behind it. For
        // this the queue must have room: `MOST_FLIGHTS` keeps some. And tokio must not make the request wait because this task
        // has used up its budget. The answer may be there at once, if this thread was interrupted meanwhile.
        let first = poll_fn(|cx| Poll::Ready(pin!(unconstrained(&mut flight.answer)).poll(cx)));
        if let Poll::Ready(answer) = first.await {
            flight.answer = Box::pin(std::future::ready(answer));
        }
        self.bytes_under_way += bytes;
        self.flights.push_back(flight);
    }
}

/// Waits for the answer to the oldest request; for ever if there is none.
pub(super) async fn landed(flights: &mut VecDeque<Flight>) -> Result<Vec<Value>, Error> {
    match flights.front_mut() {
        Some(flight) => flight.answer.as_mut().await,
        None => std::future::pending().await,
    }
}
