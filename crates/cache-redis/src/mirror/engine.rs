//! What a tracking session knows and does next, without any input or output.
//!
//! The session tells it what comes from the server, in the order of the wire, and asks it what to send. All that must hold
//! for the mirror to be right is decided here. `docs/sync.md` has the argument.

use std::collections::{HashSet, VecDeque};

/// A key of Redis, prefix included.
pub(super) type RedisKey = Vec<u8>;

/// Nanoseconds since some fixed instant.
pub(super) type Time = u64;

/// The number of refetches that may be under way at a time. With two, the server works on one while the other travels.
const MOST_FETCHES: usize = 2;

/// The number of barriers that are kept. If more are waiting, the newest replaces the one before it.
const MOST_BARRIERS: usize = 64;

/// Bounds of a session.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// The number of changed keys that may wait to be fetched.
    pub(super) dirty: usize,
    /// Nanoseconds between two PINGs, at least.
    pub(super) heartbeat: Time,
}

/// Bugs that a test plants, to see that its oracle catches them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Planted {
    /// Tracking is armed only after the keys were loaded.
    pub(super) load_then_track: bool,
    /// One PING is taken for a barrier.
    pub(super) one_ping: bool,
    /// A push for a key that is being fetched is dropped.
    pub(super) clean_on_reply: bool,
    /// Keys that the server no longer has are kept.
    pub(super) no_sweep: bool,
    /// On a cluster, keys that the scan has not seen are deleted without asking for them.
    pub(super) sweep_unasked: bool,
}

/// What to send next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// Fetch changed keys.
    Fetch {
        keys: Vec<RedisKey>,
        /// The scan that was under way, or the last one.
        round: u64,
    },
    /// Fetch keys that the scan has found.
    Page {
        keys: Vec<RedisKey>,
        /// The scan.
        round: u64,
    },
    /// Look for more keys.
    Scan {
        /// Where to go on; 0 at the beginning.
        cursor: u64,
        /// The scan.
        round: u64,
    },
    /// PING.
    Ping,
}

/// How far the load is.
#[derive(Debug)]
struct Load {
    /// The number of the scan. Each flush begins another.
    round: u64,
    cursor: Cursor,
    /// Keys that were found and not asked for yet.
    found: VecDeque<RedisKey>,
    /// Requests for values under way.
    pages: usize,
    sweep: Sweep,
}

/// How far the end of a load is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sweep {
    /// Nothing was done about keys that the scan has not seen.
    Waits,
    /// They are asked for, like keys that were found.
    Asks,
    /// The cache has no key that the server did not have.
    Over,
}

/// Where a scan is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cursor {
    /// To be sent.
    Next(u64),
    /// Sent.
    UnderWay,
    /// At the end.
    End,
}

impl Load {
    fn new(round: u64) -> Self {
        Self { round, cursor: Cursor::Next(0), found: VecDeque::new(), pages: 0, sweep: Sweep::Waits }
    }

    /// Whether every key was found, and its value applied.
    fn is_complete(&self) -> bool {
        self.cursor == Cursor::End && self.found.is_empty() && self.pages == 0
    }
}

/// Every write that the server executed before `time` belongs to a push whose number is not above `mark`.
#[derive(Clone, Copy, Debug)]
struct Barrier {
    time: Time,
    mark: u64,
}

/// The state of a session.
///
/// Pushes are numbered from 1. A push is *resolved* when a value of its key was applied that was asked for after the push came.
#[derive(Debug)]
pub(super) struct Engine {
    limits: Limits,
    planted: Planted,
    /// The number of the last push.
    pushed: u64,
    /// Changed keys, each once, with the number of the first push since it was last asked for, in that order.
    dirty: VecDeque<(u64, RedisKey)>,
    is_dirty: HashSet<RedisKey>,
    /// The number of the first push that each refetch under way resolves, in the order in which they were sent.
    fetches: VecDeque<u64>,
    /// Keys of the refetches under way. Only kept for the bug that needs it.
    fetching: HashSet<RedisKey>,
    load: Load,
    /// The number of the flush that made the load necessary; 0 for the first load.
    load_since: u64,
    /// When the PING before the last was sent, and when the last.
    pings: (Option<Time>, Option<Time>),
    ping_under_way: bool,
    barriers: VecDeque<Barrier>,
    fresh: Option<Time>,
    overflowed: bool,
    stalled: bool,
}

impl Engine {
    /// A session that has armed tracking, and loaded nothing yet.
    pub(super) fn new(limits: Limits, planted: Planted) -> Self {
        Self {
            limits,
            planted,
            pushed: 0,
            dirty: VecDeque::new(),
            is_dirty: HashSet::new(),
            fetches: VecDeque::new(),
            fetching: HashSet::new(),
            load: Load::new(0),
            load_since: 0,
            pings: (None, None),
            ping_under_way: false,
            barriers: VecDeque::new(),
            fresh: None,
            overflowed: false,
            stalled: false,
        }
    }

    /// The server says that a key changed.
    pub(super) fn push(&mut self, key: &[u8]) {
        self.pushed += 1;
        if self.is_dirty.contains(key) || (self.planted.clean_on_reply && self.fetching.contains(key)) {
            return;
        }
        if self.dirty.len() >= self.limits.dirty {
            self.overflowed = true;
            return;
        }
        self.is_dirty.insert(key.to_vec());
        self.dirty.push_back((self.pushed, key.to_vec()));
    }

    /// The server says that a database was emptied. Any key may be gone, or be there still if it was another database.
    pub(super) fn flush(&mut self) {
        self.pushed += 1;
        if self.is_loaded() {
            self.load_since = self.pushed;
        }
        self.load = Load::new(self.load.round + 1);
    }

    /// A key cannot be read here, as its slot is moving to another primary or from there. Nothing is fresher than it is now
    /// until another session has loaded everything.
    pub(super) fn stall(&mut self) {
        self.stalled = true;
    }

    /// Whether a key could not be read.
    pub(super) fn is_stalled(&self) -> bool {
        self.stalled
    }

    /// Whether more keys changed than may wait. The session cannot go on.
    pub(super) fn overflowed(&self) -> bool {
        self.overflowed
    }

    /// Returns what to send now, if anything, and takes it as sent. A refetch or a page has at most `most` keys; only a PING
    /// is sent if that is 0.
    pub(super) fn next(&mut self, now: Time, most: usize) -> Option<Request> {
        if !self.ping_under_way && self.ping_due().is_none_or(|due| now >= due) {
            self.ping_under_way = true;
            self.pings = (self.pings.1, Some(now));
            return Some(Request::Ping);
        }
        if most == 0 {
            return None;
        }
        if let Some((first, _)) = self.dirty.front().filter(|_| self.fetches.len() < MOST_FETCHES) {
            self.fetches.push_back(*first);
            let keys: Vec<_> = self.dirty.drain(..most.min(self.dirty.len())).map(|(_, key)| key).collect();
            for key in &keys {
                self.is_dirty.remove(key);
            }
            if self.planted.clean_on_reply {
                self.fetching.extend(keys.iter().cloned());
            }
            return Some(Request::Fetch { keys, round: self.load.round });
        }
        let load = &mut self.load;
        // The scan goes ahead of the values, so that the server looks for keys while values travel; but not far.
        if let Cursor::Next(cursor) = load.cursor
            && load.found.len() <= most
        {
            load.cursor = Cursor::UnderWay;
            return Some(Request::Scan { cursor, round: load.round });
        }
        if load.found.is_empty() {
            return None;
        }
        load.pages += 1;
        let keys = load.found.drain(..most.min(load.found.len())).collect();
        Some(Request::Page { keys, round: load.round })
    }

    /// When the next PING may be sent; `None` if at once.
    pub(super) fn ping_due(&self) -> Option<Time> {
        self.pings.1.map(|sent| sent.saturating_add(self.limits.heartbeat))
    }

    /// When the PING was sent whose answer has not come.
    pub(super) fn unanswered(&self) -> Option<Time> {
        self.pings.1.filter(|_| self.ping_under_way)
    }

    /// The answer to the PING came. All that came before it is known.
    pub(super) fn pong(&mut self) {
        self.ping_under_way = false;
        // The answer to a PING may come before the push of a write that the server executed before it: pushes leave at the
        // end of a turn of the server's loop. This PING went out after the answer to the last one had come, so in a later
        // turn, and the pushes of all writes before the last PING came before this answer.
        let time = if self.planted.one_ping { self.pings.1 } else { self.pings.0 };
        let Some(time) = time else { return };
        if self.barriers.len() == MOST_BARRIERS {
            self.barriers.pop_back();
        }
        self.barriers.push_back(Barrier { time, mark: self.pushed });
        self.advance();
    }

    /// The values of the oldest refetch under way were applied.
    pub(super) fn fetched(&mut self) {
        self.fetches.pop_front();
        if self.planted.clean_on_reply && self.fetches.is_empty() {
            self.fetching.clear();
        }
        self.advance();
    }

    /// Whether what this scan has found is still part of the load.
    pub(super) fn is_current(&self, round: u64) -> bool {
        self.load.round == round
    }

    /// A scan has found keys. A cursor of 0 says that there are no more.
    pub(super) fn scanned(&mut self, round: u64, cursor: u64, keys: Vec<RedisKey>) {
        if self.is_current(round) {
            self.load.found.extend(keys);
            self.load.cursor = if cursor == 0 { Cursor::End } else { Cursor::Next(cursor) };
        }
    }

    /// The values of a page were applied.
    pub(super) fn paged(&mut self, round: u64) {
        if self.is_current(round) {
            self.load.pages -= 1;
            self.end_load();
        }
    }

    /// The scan whose sweep is due, if there is one.
    pub(super) fn sweep_due(&self) -> Option<u64> {
        (self.load.is_complete() && self.load.sweep == Sweep::Waits).then_some(self.load.round)
    }

    /// Keys that this scan has not seen were deleted, except those of `ask`, which are to be asked for. The load is over once
    /// their values were applied.
    pub(super) fn swept(&mut self, round: u64, ask: Vec<RedisKey>) {
        if self.is_current(round) {
            self.load.found.extend(ask);
            self.load.sweep = Sweep::Asks;
            self.end_load();
        }
    }

    fn end_load(&mut self) {
        if self.load.sweep == Sweep::Asks && self.load.is_complete() {
            self.load.sweep = Sweep::Over;
            self.advance();
        }
    }

    /// Whether all keys are loaded.
    pub(super) fn is_loaded(&self) -> bool {
        self.load.sweep == Sweep::Over
    }

    /// Every write that the server executed before this time is visible.
    pub(super) fn fresh(&self) -> Option<Time> {
        self.fresh
    }

    /// The number of changed keys that wait to be fetched.
    pub(super) fn dirty(&self) -> usize {
        self.dirty.len()
    }

    /// The number of the first push that is not resolved.
    fn unresolved(&self) -> u64 {
        if self.stalled {
            return 0;
        }
        let load = if self.is_loaded() { u64::MAX } else { self.load_since };
        let fetch = self.fetches.front().copied().unwrap_or(u64::MAX);
        let dirty = self.dirty.front().map_or(u64::MAX, |(first, _)| *first);
        load.min(fetch).min(dirty)
    }

    fn advance(&mut self) {
        let unresolved = self.unresolved();
        while let Some(barrier) = self.barriers.front().filter(|barrier| barrier.mark < unresolved) {
            self.fresh = Some(barrier.time);
            self.barriers.pop_front();
        }
    }
}

#[cfg(test)]
mod tests;
