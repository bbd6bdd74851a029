//! A writer at full speed that keeps the history of each key, and checks of a mirror against it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use cache_core::IntCache;
use redis_testkit::{Connection, Redis};

use super::{PREFIX, Stock};

/// Requests that the writer sends before it reads an answer.
const DEPTH: usize = 16;

/// Writes a value, or deletes, or flushes, and tells the server's time afterwards.
const WRITE: &str = "redis.call(unpack(ARGV)) return redis.call('TIME')";

/// Something that happened to a key.
#[derive(Clone, Copy, Debug)]
struct Event {
    /// The server's time right after it.
    at: SystemTime,
    /// The value, or that it was deleted.
    value: Option<i64>,
}

#[derive(Default)]
struct Shared {
    history: Mutex<HashMap<usize, Vec<Event>>>,
    stop: AtomicBool,
    pause: AtomicBool,
    paused: AtomicBool,
    flush: AtomicBool,
    /// A flush was sent, and is not in the histories yet.
    flushing: AtomicBool,
    writes: AtomicU64,
}

/// Writes to `keys` keys at full speed, each time a greater value than all before. Also deletes some, and flushes when told.
pub(crate) struct Writer {
    shared: Arc<Shared>,
    keys: usize,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Sets all keys once, and starts writing.
    pub(crate) fn start(redis: &Redis, keys: usize, seed: u64) -> Self {
        let shared = Arc::new(Shared::default());
        let mut connection = redis.connect();
        let mut value = 0;
        let all: Vec<_> = (0..keys).collect();
        for some in all.chunks(500) {
            let sent: Vec<_> = some.iter().map(|key| set(*key, &mut value)).collect();
            run(&mut connection, &shared, &sent);
        }
        let thread = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || write(connection, &shared, keys, seed, value))
        };
        Self { shared, keys, thread: Some(thread) }
    }

    /// Has the writer flush the server, and returns once it did.
    pub(crate) fn flush(&self) {
        self.shared.flush.store(true, Ordering::Release);
        redis_testkit::until("the writer flushes", || !self.shared.flush.load(Ordering::Acquire));
    }

    /// Stops writing for a while, and returns once everything that was written is in the histories.
    pub(crate) fn pause(&self) {
        self.shared.pause.store(true, Ordering::Release);
        redis_testkit::until("the writer pauses", || self.shared.paused.load(Ordering::Acquire));
    }

    /// Goes on writing.
    pub(crate) fn resume(&self) {
        self.shared.pause.store(false, Ordering::Release);
        redis_testkit::until("the writer goes on", || !self.shared.paused.load(Ordering::Acquire));
    }

    pub(crate) fn writes(&self) -> u64 {
        self.shared.writes.load(Ordering::Relaxed)
    }

    /// Counts the keys for which the mirror's value is not the last one. To be called while the writer pauses.
    pub(crate) fn wrong(&self, mirror: &Stock) -> Vec<String> {
        let history = self.shared.history.lock().unwrap();
        let wrong = (0..self.keys).filter_map(|key| {
            let last = history[&key].last().and_then(|event| event.value);
            let seen = mirror.cache().get(&key.to_string());
            (seen != last).then(|| format!("{key}: {seen:?} instead of {last:?}"))
        });
        wrong.collect()
    }

    /// Checks for all keys that nothing is older than the mirror says. Returns the number of checks, and what is wrong.
    pub(crate) fn check_bound(&self, mirror: &Stock) -> (u64, Vec<String>) {
        let mut checks = 0;
        let mut wrong = Vec::new();
        for key in 0..self.keys {
            let now = SystemTime::now();
            let Some(staleness) = mirror.staleness() else { continue };
            let seen = mirror.cache().get(&key.to_string());
            let fresh = now - staleness;
            // Read after the value: a value that is in no history is newer than all of it.
            let history = self.shared.history.lock().unwrap();
            let events = &history[&key];
            let first = events.partition_point(|event| event.at <= fresh);
            let Some(first) = first.checked_sub(1) else { continue };
            checks += 1;
            let last = events.iter().rev().find_map(|event| event.value).unwrap_or(0);
            let is_known = events[first..].iter().any(|event| event.value == seen);
            let is_newer = match seen {
                Some(value) => value > last,
                // A deletion that is not in the history yet.
                None => self.shared.flushing.load(Ordering::Acquire),
            };
            if !is_known && !is_newer {
                wrong.push(format!(
                    "{key}: {seen:?}, though it was {:?} at the time of {staleness:?} ago, {:?} earlier",
                    events[first].value,
                    fresh.duration_since(events[first].at).unwrap_or_default()
                ));
            }
        }
        (checks, wrong)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            // A panic in it has been printed.
            _ = thread.join();
        }
    }
}

/// A write: what to run, the key if it is of one, and what the key is then.
struct Write {
    args: Vec<String>,
    key: Option<usize>,
    value: Option<i64>,
}

fn set(key: usize, value: &mut i64) -> Write {
    *value += 1;
    let args = vec!["SET".to_owned(), format!("{PREFIX}{key}"), value.to_string()];
    Write { args, key: Some(key), value: Some(*value) }
}

/// Runs writes in one packet, and notes them.
fn run(connection: &mut Connection, shared: &Shared, writes: &[Write]) {
    // So that an absent key is not taken for an error before the deletion is noted.
    let deletes = writes.iter().any(|write| write.value.is_none());
    if deletes {
        shared.flushing.store(true, Ordering::Release);
    }
    for write in writes {
        let mut args = vec!["EVAL".to_owned(), WRITE.to_owned(), "0".to_owned()];
        args.extend(write.args.iter().cloned());
        connection.send(&args).expect("the server takes requests");
    }
    for write in writes {
        let reply = connection.receive().expect("the server answers");
        let time = reply.array();
        let at = SystemTime::UNIX_EPOCH
            + Duration::from_secs(time[0].int() as u64)
            + Duration::from_micros(time[1].int() as u64);
        let event = Event { at, value: write.value };
        let mut history = shared.history.lock().unwrap();
        match write.key {
            Some(key) => history.entry(key).or_default().push(event),
            None => history.values_mut().for_each(|events| events.push(event)),
        }
    }
    if deletes {
        shared.flushing.store(false, Ordering::Release);
    }
    shared.writes.fetch_add(writes.len() as u64, Ordering::Relaxed);
}

fn write(mut connection: Connection, shared: &Shared, keys: usize, seed: u64, mut value: i64) {
    let mut random = seed | 1;
    let mut next = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    while !shared.stop.load(Ordering::Acquire) {
        if shared.pause.load(Ordering::Acquire) {
            shared.paused.store(true, Ordering::Release);
            thread::sleep(Duration::from_millis(1));
            continue;
        }
        shared.paused.store(false, Ordering::Release);
        if shared.flush.load(Ordering::Acquire) {
            let args = vec!["FLUSHALL".to_owned()];
            run(&mut connection, shared, &[Write { args, key: None, value: None }]);
            shared.flush.store(false, Ordering::Release);
        }
        let writes: Vec<_> = (0..DEPTH)
            .map(|_| {
                // A quarter of the writes are to one key.
                let key = if next() % 4 == 0 { 0 } else { (next() % keys as u64) as usize };
                if next() % 32 == 0 {
                    let args = vec!["DEL".to_owned(), format!("{PREFIX}{key}")];
                    Write { args, key: Some(key), value: None }
                } else {
                    set(key, &mut value)
                }
            })
            .collect();
        run(&mut connection, shared, &writes);
    }
}

/// Checks the bound until a time is up, with faults in between. Returns the number of checks.
pub(crate) fn check_for(writer: &Writer, mirror: &Stock, time: Duration) -> (u64, Vec<String>) {
    let start = Instant::now();
    let (mut checks, mut wrong) = (0, Vec::new());
    while start.elapsed() < time && wrong.is_empty() {
        let (more, found) = writer.check_bound(mirror);
        checks += more;
        wrong.extend(found);
    }
    (checks, wrong)
}
