//! The engine against a simulated server whose pushes come late: random runs, checked at every step.
//!
//! The server is as Redis is where it matters: what it writes leaves at the end of a turn of its loop, the answers of the turn
//! first, then one push for each key that changed; a flush is pushed at once. The client reads as few frames at a time as it likes,
//! and works on answers later than on the pushes that came after them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::engine::{Engine, Limits, Planted, RedisKey, Request, Time};

/// The number of keys that there can be.
const KEYS: u8 = 8;

/// Keys that a scan looks at for each page.
const PAGE: u64 = 3;

/// The key whose slot moves to another primary and back, if the server is of a cluster.
const LAST: u8 = KEYS - 1;

/// Steps of a run, and of its end, in which nothing is written.
const STEPS: usize = 1_000;

struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 20) % n
    }
}

enum Reply {
    Pong,
    /// `Err` if the key may be elsewhere.
    Values(Vec<Result<Option<u64>, ()>>),
    Scanned(u64, Vec<RedisKey>),
    Armed,
}

enum Frame {
    Reply(Reply),
    Push(u8),
    Flush,
}

#[derive(Clone)]
enum Sent {
    Request(Request),
    Arm,
}

/// A run.
struct Run {
    random: Random,
    planted: Planted,
    now: Time,
    // The server.
    data: BTreeMap<u8, u64>,
    /// What each key was from when on.
    history: Vec<Vec<(Time, Option<u64>)>>,
    /// Whether it is of a cluster. If so, the session asks for keys before it deletes them.
    cluster: bool,
    /// The value that the last key has at another primary, while its slot is on its way there.
    away: Option<u64>,
    /// When it last came back.
    back: Time,
    armed: bool,
    changed: BTreeSet<u8>,
    to_server: VecDeque<Sent>,
    turn: VecDeque<Frame>,
    wire: VecDeque<Frame>,
    // The client.
    engine: Engine,
    flights: VecDeque<Sent>,
    mailbox: VecDeque<Reply>,
    seen: (u64, BTreeSet<u8>),
    cache: BTreeMap<u8, u64>,
    /// What every session so far has promised.
    fresh: Option<Time>,
    arming: bool,
}

impl Run {
    fn new(seed: u64, planted: Planted) -> Self {
        let mut run = Self {
            random: Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
            planted,
            now: 1,
            data: BTreeMap::new(),
            history: vec![vec![(0, None)]; usize::from(KEYS)],
            cluster: seed.is_multiple_of(2),
            away: None,
            back: 0,
            armed: false,
            changed: BTreeSet::new(),
            to_server: VecDeque::new(),
            turn: VecDeque::new(),
            wire: VecDeque::new(),
            engine: engine(planted),
            flights: VecDeque::new(),
            mailbox: VecDeque::new(),
            seen: (0, BTreeSet::new()),
            cache: BTreeMap::new(),
            fresh: None,
            arming: false,
        };
        for key in 0..KEYS / 2 {
            run.set(key, Some(u64::from(key)));
        }
        run.connect();
        run
    }

    fn set(&mut self, key: u8, value: Option<u64>) {
        if key == LAST && self.away.is_some() {
            // Its writes are those of the other primary now.
            return;
        }
        match value {
            Some(value) => _ = self.data.insert(key, value),
            None => _ = self.data.remove(&key),
        }
        self.history[usize::from(key)].push((self.now, value));
        if self.armed {
            self.changed.insert(key);
        }
    }

    /// The last key moves to the other primary, or comes back.
    fn migrate(&mut self) {
        if let Some(value) = self.away.take() {
            self.data.insert(LAST, value);
            self.back = self.now;
        } else {
            self.away = self.data.remove(&LAST);
        }
        if self.armed {
            self.changed.insert(LAST);
        }
    }

    /// Begins a session. What was under way is lost.
    fn connect(&mut self) {
        self.engine = engine(self.planted);
        self.armed = !self.planted.load_then_track;
        self.arming = false;
        self.changed.clear();
        for frames in [&mut self.turn, &mut self.wire] {
            frames.clear();
        }
        self.to_server.clear();
        self.flights.clear();
        self.mailbox.clear();
        self.seen = (0, BTreeSet::new());
    }

    fn end_turn(&mut self) {
        self.wire.append(&mut self.turn);
        let changed = std::mem::take(&mut self.changed);
        self.wire.extend(changed.into_iter().map(Frame::Push));
    }

    fn serve(&mut self) {
        let Some(sent) = self.to_server.pop_front() else { return };
        let value = |key: &RedisKey| match self.data.get(&key[0]).copied() {
            None if key[0] == LAST && self.away.is_some() => Err(()),
            value => Ok(value),
        };
        let values = |keys: &[RedisKey]| keys.iter().map(value).collect();
        let reply = match sent {
            Sent::Arm => {
                self.armed = true;
                Reply::Armed
            }
            Sent::Request(Request::Ping) => Reply::Pong,
            Sent::Request(Request::Fetch { keys, .. } | Request::Page { keys, .. }) => {
                Reply::Values(values(&keys))
            }
            Sent::Request(Request::Scan { cursor, .. }) => {
                let next = cursor + PAGE;
                let found = (cursor..next.min(u64::from(KEYS))).map(|key| key as u8);
                let keys = found.filter(|key| self.data.contains_key(key)).map(|key| vec![key]);
                Reply::Scanned(if next >= u64::from(KEYS) { 0 } else { next }, keys.collect())
            }
        };
        self.turn.push_back(Frame::Reply(reply));
    }

    /// The reading task takes a frame.
    fn read(&mut self) {
        match self.wire.pop_front() {
            Some(Frame::Reply(reply)) => self.mailbox.push_back(reply),
            Some(Frame::Push(key)) => self.engine.push(&[key]),
            Some(Frame::Flush) => self.engine.flush(),
            None => {}
        }
    }

    /// The session takes an answer.
    fn land(&mut self) {
        let Some(reply) = self.mailbox.pop_front() else { return };
        let sent = self.flights.pop_front().expect("each answer has a request");
        match (sent, reply) {
            (Sent::Arm, Reply::Armed) => self.sweep(),
            (Sent::Request(Request::Ping), Reply::Pong) => self.engine.pong(),
            (Sent::Request(Request::Fetch { keys, round }), Reply::Values(values)) => {
                self.apply(&keys, &values, round);
                self.engine.fetched();
            }
            (Sent::Request(Request::Page { keys, round }), Reply::Values(values)) => {
                self.apply(&keys, &values, round);
                self.engine.paged(round);
            }
            (Sent::Request(Request::Scan { round, .. }), Reply::Scanned(cursor, keys)) => {
                self.engine.scanned(round, cursor, keys);
            }
            _ => panic!("answers come in the order of requests"),
        }
    }

    fn apply(&mut self, keys: &[RedisKey], values: &[Result<Option<u64>, ()>], round: u64) {
        for (key, value) in keys.iter().zip(values) {
            match value {
                Ok(Some(value)) => {
                    self.cache.insert(key[0], *value);
                    if self.engine.is_current(round) && !self.engine.is_loaded() {
                        self.seen.1.insert(key[0]);
                    }
                }
                Ok(None) => _ = self.cache.remove(&key[0]),
                Err(()) => self.engine.stall(),
            }
        }
    }

    /// The session sends what it wants to, and sweeps.
    fn send(&mut self) {
        let most = self.random.below(5) as usize;
        if let Some(request) = self.engine.next(self.now, most) {
            if let Request::Scan { cursor: 0, round } = &request {
                self.seen = (*round, BTreeSet::new());
            }
            self.dispatch(Sent::Request(request));
        }
        if self.engine.sweep_due().is_some() && !self.arming {
            if self.planted.load_then_track {
                self.arming = true;
                self.dispatch(Sent::Arm);
            } else {
                self.sweep();
            }
        }
    }

    fn dispatch(&mut self, sent: Sent) {
        self.flights.push_back(sent.clone());
        self.to_server.push_back(sent);
    }

    fn sweep(&mut self) {
        let Some(round) = self.engine.sweep_due() else { return };
        let mut ask = Vec::new();
        if self.cluster && !self.planted.sweep_unasked {
            ask.extend(self.cache.keys().filter(|key| !self.seen.1.contains(key)).map(|key| vec![*key]));
        } else if !self.planted.no_sweep {
            self.cache.retain(|key, _| self.seen.1.contains(key));
        }
        if self.planted.no_sweep {
            ask.clear();
        }
        self.engine.swept(round, ask);
    }

    /// One step of anyone.
    fn step(&mut self, writes: bool) {
        self.now += 1;
        match self.random.below(if writes { 100 } else { 70 }) {
            0..15 => (0..=self.random.below(3)).for_each(|_| self.serve()),
            15..30 => self.end_turn(),
            30..45 => (0..=self.random.below(3)).for_each(|_| self.read()),
            45..57 => self.land(),
            57..70 => self.send(),
            70..98 => {
                // One key is hot.
                let key =
                    if self.random.below(3) == 0 { 0 } else { self.random.below(u64::from(KEYS)) as u8 };
                let value = (self.random.below(4) > 0).then_some(self.now);
                self.set(key, value);
            }
            98 if self.random.below(8) == 0 => {
                // A flush of this database, or of another.
                if self.random.below(2) == 0 {
                    (0..KEYS).for_each(|key| self.set(key, None));
                    self.changed.clear();
                }
                if self.armed {
                    self.turn.push_back(Frame::Flush);
                }
            }
            99 if self.random.below(8) == 0 => self.connect(),
            99 if self.cluster && self.random.below(4) == 0 => self.migrate(),
            _ => {}
        }
        if self.engine.is_stalled() && self.random.below(16) == 0 {
            self.connect();
        }
        // While the slot moves, the session of the other primary cannot read its key, and has no newer time.
        if self.away.is_none() && self.engine.fresh() >= Some(self.back) {
            self.fresh = self.fresh.max(self.engine.fresh());
        }
    }

    /// Whether every write before `fresh` is visible.
    fn check_bound(&self) -> Result<(), String> {
        let Some(fresh) = self.fresh else { return Ok(()) };
        for key in 0..KEYS {
            let history = &self.history[usize::from(key)];
            let first = history.partition_point(|(at, _)| *at < fresh) - 1;
            let seen = self.cache.get(&key).copied();
            if !history[first..].iter().any(|(_, value)| *value == seen) {
                return Err(format!("key {key} is {seen:?} at {fresh}: {:?}", &history[first..]));
            }
        }
        Ok(())
    }

    fn run(mut self) -> Result<(), String> {
        for _ in 0..STEPS {
            self.step(true);
            self.check_bound()?;
        }
        if self.away.is_some() {
            self.migrate();
        }
        let end = self.now;
        for _ in 0..100 * STEPS {
            self.step(false);
            self.check_bound()?;
            if self.engine.fresh() > Some(end) {
                return if self.cache == self.data {
                    Ok(())
                } else {
                    Err(format!("{:?} at rest instead of {:?}", self.cache, self.data))
                };
            }
        }
        Err("it never gets fresh".to_owned())
    }
}

fn engine(planted: Planted) -> Engine {
    Engine::new(Limits { dirty: 1_000, heartbeat: 5 }, planted)
}

/// The first seed whose run fails, and how.
fn failure(planted: Planted, seeds: u64) -> Option<(u64, String)> {
    (1..=seeds).find_map(|seed| Run::new(seed, planted).run().err().map(|error| (seed, error)))
}

#[test]
fn no_run_is_wrong_or_older_than_it_says() {
    assert_eq!(failure(Planted::default(), 1_000), None);
}

#[test]
fn planted_bugs_are_caught() {
    let bugs = [
        Planted { load_then_track: true, ..Planted::default() },
        Planted { one_ping: true, ..Planted::default() },
        Planted { clean_on_reply: true, ..Planted::default() },
        Planted { no_sweep: true, ..Planted::default() },
        Planted { sweep_unasked: true, ..Planted::default() },
    ];
    for planted in bugs {
        let (seed, error) = failure(planted, 3_000).unwrap_or_else(|| panic!("{planted:?} is not caught"));
        println!("{planted:?} is caught with seed {seed}: {error}");
    }
}
