//! Writes at full speed, and the history of each key.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use cache_redis::feed::Log;
use cache_redis::writer::Writer as LogWriter;
use cache_redis::{Commands, Error, Outcome, Script, Server};
use redis_testkit::PATIENCE;
use tokio::sync::OwnedMutexGuard;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::{PREFIX, Plan, name_of};
use crate::random::Random;

/// Tasks that write at the same time, each to keys of its own.
const PARTS: usize = 8;

/// Writes, and tells the server's time right after it.
static WRITE: LazyLock<Script> =
    LazyLock::new(|| Script::new("redis.call(ARGV[1], KEYS[1], unpack(ARGV, 2)) return redis.call('TIME')"));

/// Keeps the server for a while afterwards, so that a PING can be sent after the write and answered in the same turn.
static SLOW_WRITE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "redis.call(ARGV[1], KEYS[1], unpack(ARGV, 2)) local time = redis.call('TIME')
         for i = 1, 100000 do end return time",
    )
});

static FLUSH: LazyLock<Script> =
    LazyLock::new(|| Script::new("redis.call('FLUSHALL') return redis.call('TIME')"));

/// Something that happened to a key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event {
    /// The server's time right after it.
    pub(crate) at: SystemTime,
    /// The value, or that it was deleted.
    pub(crate) value: Option<i64>,
}

/// The writes of one key: those that were answered, in order, and those that were not.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    pub(crate) events: Vec<Event>,
    /// Writes without an answer: they were done, or not.
    pub(crate) maybe: Vec<Option<i64>>,
    /// A deletion was sent, and is not in the events yet.
    pub(crate) is_deleting: bool,
}

impl History {
    /// The greatest value that was surely written.
    pub(crate) fn last_value(&self) -> i64 {
        self.events.iter().rev().find_map(|event| event.value).unwrap_or(0)
    }
}

/// What writes.
#[derive(Clone)]
struct Pens {
    commands: Commands,
    /// In stream mode.
    log: Option<LogWriter>,
}

impl Pens {
    async fn connect(server: &Server, log: Option<&Log>) -> Result<Self, Error> {
        let log = match log {
            Some(log) => Some(LogWriter::connect(server, log).await?),
            None => None,
        };
        Ok(Self { commands: server.commands().await?, log })
    }
}

pub(crate) struct Writer {
    log: Option<Log>,
    pens: RwLock<Pens>,
    pub(crate) keys: usize,
    wide: bool,
    slow: bool,
    histories: Vec<Mutex<History>>,
    /// Held for each write, from before it is sent until it is in the history.
    turns: Vec<Arc<tokio::sync::Mutex<()>>>,
    next: AtomicI64,
    pub(crate) writes: AtomicU64,
    stop: AtomicBool,
}

impl Writer {
    pub(crate) async fn connect(server: &Server, plan: &Plan, log: Option<Log>) -> Result<Arc<Self>> {
        let pens = Pens::connect(server, log.as_ref()).await?;
        Ok(Arc::new(Self {
            log,
            pens: RwLock::new(pens),
            keys: plan.keys,
            wide: plan.wide,
            slow: plan.split,
            histories: (0..plan.keys).map(|_| Mutex::default()).collect(),
            turns: (0..PARTS).map(|_| Arc::default()).collect(),
            next: AtomicI64::new(0),
            writes: AtomicU64::new(0),
            stop: AtomicBool::new(false),
        }))
    }

    fn pens(&self) -> Pens {
        self.pens.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Writes over other connections from now on.
    pub(crate) async fn connect_again(&self, server: &Server) -> Result<()> {
        let connect = self.again(async || Pens::connect(server, self.log.as_ref()).await);
        let pens = timeout(PATIENCE, connect).await.context("the writer cannot connect")?;
        let _turns = self.pause().await?;
        *self.pens.write().unwrap_or_else(PoisonError::into_inner) = pens;
        Ok(())
    }

    pub(crate) fn name(&self, key: usize) -> String {
        name_of(key, self.wide)
    }

    pub(crate) fn history(&self, key: usize) -> MutexGuard<'_, History> {
        self.histories[key].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes until told to stop.
    pub(crate) fn start(self: &Arc<Self>, seed: u64) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        for part in 0..PARTS {
            let (writer, mut random) = (Arc::clone(self), Random::from_seed(seed ^ (part as u64) << 32));
            tasks.spawn(async move {
                while !writer.stop.load(Ordering::Acquire) {
                    let turn = writer.turns[part].lock().await;
                    let of_part = writer.keys.div_ceil(PARTS) as u64;
                    // A quarter of the writes are to one key.
                    let index = if random.percent(25) { 0 } else { random.within(0..=of_part - 1) as usize };
                    let key = index * PARTS + part;
                    if key < writer.keys {
                        writer.write(key, random.percent(3)).await;
                    }
                    drop(turn);
                }
            });
        }
        tasks
    }

    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Release);
    }

    async fn write(&self, key: usize, is_deletion: bool) {
        let value = self.next.fetch_add(1, Ordering::Relaxed) + 1;
        let value = (!is_deletion).then_some(value);
        self.history(key).is_deleting = is_deletion;
        let result = self.send(&self.name(key), value).await;
        self.note(key, value, &result);
        if result.is_err() {
            sleep(Duration::from_millis(1)).await;
        }
    }

    /// Writes, and returns a time after that: the server's, or ours after its answer.
    async fn send(&self, name: &str, value: Option<i64>) -> Result<SystemTime, Error> {
        let Pens { commands, log } = self.pens();
        if let Some(log) = log {
            match value {
                Some(value) => drop(log.set_int(name, value).await?),
                None => drop(log.del(name).await?),
            }
            return Ok(SystemTime::now());
        }
        let script = if self.slow { &SLOW_WRITE } else { &WRITE };
        let call = script.key(format!("{PREFIX}{name}"));
        let call = match value {
            Some(value) => call.arg("SET").arg(value),
            None => call.arg("DEL"),
        };
        commands.invoke(&call).await.map(at)
    }

    /// Adds a write to the history of its key.
    fn note(&self, key: usize, value: Option<i64>, result: &Result<SystemTime, Error>) {
        let mut history = self.history(key);
        match result {
            Ok(time) => {
                history.events.push(Event { at: *time, value });
                self.writes.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) if error.outcome() != Outcome::NotDone => history.maybe.push(value),
            Err(_) => {}
        }
        history.is_deleting = false;
    }

    /// Waits for all writes under way, and lets no other begin until the result is dropped.
    pub(crate) async fn pause(&self) -> Result<Vec<OwnedMutexGuard<()>>> {
        let all = async {
            let mut turns = Vec::with_capacity(PARTS);
            for turn in &self.turns {
                turns.push(Arc::clone(turn).lock_owned().await);
            }
            turns
        };
        timeout(PATIENCE, all).await.context("the writer does not come to rest")
    }

    /// Flushes the server between two writes.
    pub(crate) async fn flush(&self) -> Result<()> {
        let _turns = self.pause().await?;
        (0..self.keys).for_each(|key| self.history(key).is_deleting = true);
        let result = self.pens().commands.invoke::<(u64, u64)>(&FLUSH.call()).await.map(at);
        for key in 0..self.keys {
            self.note(key, None, &result);
        }
        Ok(())
    }

    /// Trims the log to nothing.
    pub(crate) async fn trim(&self) {
        if let Some(log) = &self.log {
            let trim = cache_redis::redis::cmd("XTRIM").arg(log.stream()).arg("MAXLEN").arg(0).to_owned();
            // If the server is away, nothing is trimmed.
            let _ = self.pens().commands.query::<u64>(&trim).await;
        }
    }

    /// Reads all keys and values of the server. The caller ensures that nobody writes.
    pub(crate) async fn truth(&self) -> Result<Vec<Option<i64>>> {
        let read = async {
            let mut all = Vec::with_capacity(self.keys);
            for key in 0..self.keys {
                let get =
                    cache_redis::redis::cmd("GET").arg(format!("{PREFIX}{}", self.name(key))).to_owned();
                all.push(self.again(async || self.pens().commands.query::<Option<i64>>(&get).await).await);
            }
            all
        };
        timeout(PATIENCE, read).await.context("the server does not answer")
    }

    /// Begins the histories anew, with what the server has now. Nobody may write meanwhile.
    pub(crate) async fn begin_anew(&self, truth: &[Option<i64>]) -> Result<()> {
        let time = timeout(
            PATIENCE,
            self.again(async || {
                self.pens().commands.query::<(u64, u64)>(&cache_redis::redis::cmd("TIME")).await
            }),
        );
        let at = at(time.await.context("the server does not tell the time")?);
        for (key, value) in truth.iter().enumerate() {
            *self.history(key) = History { events: vec![Event { at, value: *value }], ..History::default() };
        }
        Ok(())
    }

    /// Repeats what only reads until there is an answer.
    async fn again<T>(&self, ask: impl AsyncFn() -> Result<T, Error>) -> T {
        loop {
            match ask().await {
                Ok(answer) => return answer,
                Err(_) => sleep(Duration::from_millis(5)).await,
            }
        }
    }
}

fn at((seconds, micros): (u64, u64)) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_micros(micros)
}
