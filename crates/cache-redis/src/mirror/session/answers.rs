//! Answers, in the order in which they come.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use redis::Value;

use super::Session;
use super::requests::Sent;
use crate::Error;
use crate::mirror::engine::RedisKey;
use crate::mirror::packet::{Fetched, scanned};
use crate::mirror::{Reason, trace};
use crate::server::Identity;

impl Session {
    /// Takes the answer to the oldest request.
    pub(super) async fn land(&mut self, answers: Vec<Value>) -> Result<(), Error> {
        let Some(flight) = self.flights.pop_front() else { return Ok(()) };
        self.bytes_under_way -= flight.bytes;
        let mut answers = answers.into_iter();
        match flight.sent {
            Sent::Ping => {
                if let Some(Value::ServerError(error)) = answers.next() {
                    return Err(crate::server::refused(error));
                }
                self.inbox.engine().pong();
            }
            Sent::Check => self.check(answers)?,
            Sent::Fetch { keys, round } => {
                let values = self.form.fetched(&mut answers, keys.len())?;
                self.apply(keys, values, round, flight.at).await;
                self.inbox.engine().fetched();
            }
            Sent::Page { keys, round } => {
                let values = self.form.fetched(&mut answers, keys.len())?;
                // The server is kept busy while the values are stored.
                self.send_all().await;
                self.apply(keys, values, round, flight.at).await;
                self.inbox.engine().paged(round);
            }
            Sent::Scan { round, .. } => {
                let missing = || Error::UnexpectedReply { reason: "an answer is missing".to_owned() };
                let found = scanned(answers.next().ok_or_else(missing)?)?;
                self.context.board.see(self.index, found.keys.len());
                self.inbox.engine().scanned(round, found.cursor, found.keys);
            }
            Sent::Types(keys) => {
                for (key, answer) in keys.into_iter().zip(answers) {
                    match answer {
                        Value::SimpleString(found) if found != "none" && found != "string" => {
                            let reason = Reason::WrongType { found };
                            trace::undecodable(&self.context, &reason);
                            self.context.board.undecodable.report(&key, reason);
                        }
                        // It is gone, or a string by now, of which a push tells.
                        _ => {}
                    }
                }
            }
        }
        Ok(())
    }

    /// Stores the values of these keys, which were asked for at a time.
    ///
    /// Answers come in the order in which the server ran the requests, and are applied in that order by this task alone. So a
    /// value never takes the place of a newer one.
    async fn apply(&mut self, keys: Vec<RedisKey>, values: Vec<Fetched>, round: u64, at: Instant) {
        let context = Arc::clone(&self.context);
        let (current, loading) = {
            let engine = self.inbox.engine();
            (engine.is_current(round), !engine.is_loaded())
        };
        let mut seen = self.seen.as_mut().filter(|_| current && loading).map(|(_, seen)| seen);
        let mut suspects = Vec::new();
        let (mut applied, mut bytes, count) = (0, 0, keys.len());
        for (key, value) in keys.into_iter().zip(values) {
            // The server sends no other keys.
            let Some(name) = context.name_of(&key) else { continue };
            match value {
                Fetched::Value(value, lifetime) => {
                    bytes += value.len();
                    // From the time when it was asked for: it must not outlive the key of Redis.
                    let lifetime = lifetime.map(|lifetime| lifetime.saturating_sub(at.elapsed()));
                    if lifetime.is_some_and(|lifetime| lifetime.is_zero()) {
                        context.target.remove(name);
                    } else if let Err(reason) = context.target.set(name, &value, lifetime) {
                        context.target.remove(name);
                        trace::undecodable(&context, &reason);
                        context.board.undecodable.report(&key, reason);
                    } else {
                        applied += 1;
                        if let Some(seen) = &mut seen {
                            seen.insert(name);
                        }
                    }
                }
                Fetched::Absent => {
                    context.target.remove(name);
                    // A GET would have said that it is no string.
                    if !self.form.each {
                        suspects.push(key);
                    }
                }
                Fetched::WrongType => {
                    context.target.remove(name);
                    suspects.push(key);
                }
                // It may be on another node, so that what the cache has stays.
                Fetched::Elsewhere => self.inbox.engine().stall(),
            }
        }
        context.board.applied.fetch_add(applied, Ordering::Relaxed);
        if count > 0 {
            let found = bytes as f64 / count as f64;
            // Up at once, down slowly.
            self.bytes_per_value = found.max(self.bytes_per_value * 0.9 + found * 0.1);
            context.bytes_per_value.store((self.bytes_per_value as usize).max(1), Ordering::Relaxed);
        }
        if !suspects.is_empty() {
            self.send(Sent::Types(suspects)).await;
        }
    }

    /// Compares what the server says of itself with what it said.
    fn check(&mut self, mut answers: impl Iterator<Item = Value>) -> Result<(), Error> {
        let identity = Identity::from_answers(&mut answers)?;
        identity.check(&self.primary.node, self.form.each)?;
        if !identity.same_history(&self.identity) {
            return Err(Error::SessionEnded {
                reason: "the server has another history of its data".to_owned(),
            });
        }
        if self.form.each {
            let missing = || Error::UnexpectedReply { reason: "an answer is missing".to_owned() };
            let answer = answers.next().ok_or_else(missing)?;
            if !self.topology.is_what(answer, &self.primary.node)? {
                return Err(Error::SessionEnded { reason: "slots moved to other primaries".to_owned() });
            }
        }
        if self.inbox.engine().is_stalled() {
            return Err(Error::SessionEnded { reason: "slots are moving to other primaries".to_owned() });
        }
        Ok(())
    }
}
