//! A change log of another kind, behind the same trait: what a crate for another broker consists of.
#![expect(clippy::unwrap_used, reason = "a test that unwraps says what it expects by failing")]

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cache_bucket::{BucketIntCache, BucketObjCache};
use cache_core::IntCache;
use cache_redis::feed::{Change, ChangeFeed, Changed, FeedError, FeedReader, Position};
use cache_redis::{Error, Mirror, Server, State, Text};
use redis_testkit::Redis;
use tokio::sync::Notify;

use crate::common::{until, within};

/// A broker in memory, and Redis behind it.
#[derive(Default)]
struct Broker {
    log: Mutex<Vec<Change>>,
    grown: Notify,
    /// Changes that the broker no longer has.
    trimmed: Mutex<usize>,
    opened: AtomicU32,
    /// Ends all readers.
    generation: AtomicU32,
    /// The most bytes of values that were read at a time.
    most_bytes: AtomicUsize,
}

impl Broker {
    /// The broker has the change before it can be read from Redis.
    fn write(&self, redis: &Redis, key: &str, value: Option<i64>) {
        {
            let mut log = self.log.lock().unwrap();
            let changed = match value {
                Some(value) => Changed::Set { value: value.to_string().into(), time_to_live: None },
                None => Changed::Deleted,
            };
            let position = Position::new(log.len() as u64 + 1);
            log.push(Change::new(position, key.into(), changed));
        }
        let key = format!("stock:{key}");
        match value {
            Some(value) => redis.command(&["SET", &key, &value.to_string()]),
            None => redis.command(&["DEL", &key]),
        };
        self.grown.notify_waiters();
    }

    fn cut(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
        self.grown.notify_waiters();
    }
}

struct BrokerFeed(Arc<Broker>);

struct BrokerReader {
    broker: Arc<Broker>,
    generation: u32,
}

impl ChangeFeed for BrokerFeed {
    type Reader = BrokerReader;

    fn prefix(&self) -> &[u8] {
        b"stock:"
    }

    async fn open(&self) -> Result<BrokerReader, Error> {
        self.0.opened.fetch_add(1, Ordering::Relaxed);
        let generation = self.0.generation.load(Ordering::Acquire);
        Ok(BrokerReader { broker: Arc::clone(&self.0), generation })
    }
}

impl BrokerReader {
    /// What there is after a position.
    fn after(&self, after: Position, most: usize) -> Result<Vec<Change>, FeedError> {
        if self.generation != self.broker.generation.load(Ordering::Acquire) {
            return Err(Error::Unknown { reason: "the connection was cut".to_owned() }.into());
        }
        let log = self.broker.log.lock().unwrap();
        let first = usize::try_from(after.number()).unwrap();
        let trimmed = *self.broker.trimmed.lock().unwrap();
        if first < trimmed {
            return Err(FeedError::Gap {
                expected: after.next(),
                found: Some(Position::new(trimmed as u64 + 1)),
            });
        }
        let changes: Vec<_> = log[first.min(log.len())..].iter().take(most).cloned().collect();
        let size = |change: &Change| match &change.changed {
            Changed::Set { value, .. } => value.len(),
            _ => 0,
        };
        self.broker.most_bytes.fetch_max(changes.iter().map(size).sum(), Ordering::Relaxed);
        Ok(changes)
    }
}

impl FeedReader for BrokerReader {
    fn history(&self) -> &str {
        "the only one"
    }

    async fn last(&self) -> Result<Position, FeedError> {
        Ok(Position::new(self.broker.log.lock().unwrap().len() as u64))
    }

    async fn read(&self, after: Position, most: usize) -> Result<Vec<Change>, FeedError> {
        let grown = self.broker.grown.notified();
        let changes = self.after(after, most)?;
        if !changes.is_empty() {
            return Ok(changes);
        }
        // It grows, or the time is up: both are well.
        _ = tokio::time::timeout(self.longest_wait(), grown).await;
        self.after(after, most)
    }

    fn longest_wait(&self) -> Duration {
        Duration::from_millis(100)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mirror_follows_any_feed() {
    let redis = Redis::start();
    let broker: Arc<Broker> = Arc::default();
    broker.write(&redis, "a", Some(1));
    broker.write(&redis, "gone", Some(1));
    let server = Server::standalone(&redis.url()).unwrap();
    let builder = Mirror::builder(&server, "stock:").follow(BrokerFeed(Arc::clone(&broker)));
    let mirror = builder.int(Arc::<BucketIntCache>::default()).start().await.unwrap();
    within(mirror.ready()).await.unwrap();
    assert_eq!(mirror.cache().get("a"), Some(1));
    let get = |key: &str| mirror.cache().get(key);

    for value in 2..=50 {
        broker.write(&redis, "a", Some(value));
    }
    within(mirror.wait_for_sync()).await.unwrap();
    assert_eq!(get("a"), Some(50));

    // It goes on where it was.
    let stored = mirror.progress().applied;
    broker.cut();
    broker.write(&redis, "b", Some(7));
    within(mirror.wait_for_sync()).await.unwrap();
    assert_eq!((get("b"), mirror.progress().applied), (Some(7), stored + 1));
    assert_eq!(broker.opened.load(Ordering::Relaxed), 2);

    // Or it cannot, and loads everything.
    {
        let mut trimmed = broker.trimmed.lock().unwrap();
        broker.generation.fetch_add(1, Ordering::AcqRel);
        broker.log.lock().unwrap().push(Change::new(Position::new(53), b"gone".to_vec(), Changed::Deleted));
        redis.command(&["DEL", "stock:gone"]);
        *trimmed = 53;
    }
    broker.grown.notify_waiters();
    until("it has loaded again", || get("gone").is_none() && mirror.state() == State::Ready).await;
    assert_eq!((get("a"), get("b"), mirror.cache().len()), (Some(50), Some(7), 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_values_are_read_a_few_at_a_time() {
    let redis = Redis::start();
    let broker: Arc<Broker> = Arc::default();
    let server = Server::standalone(&redis.url()).unwrap();
    let builder = Mirror::builder(&server, "stock:").follow(BrokerFeed(Arc::clone(&broker)));
    let titles: Arc<BucketObjCache<String>> = Arc::default();
    let builder = builder.max_bytes_in_flight(1 << 20).objects(titles, Text);
    let mirror = builder.start().await.unwrap();
    within(mirror.ready()).await.unwrap();
    {
        let mut log = broker.log.lock().unwrap();
        for number in 1..=300 {
            let value = Changed::Set { value: vec![b'x'; 60_000], time_to_live: None };
            log.push(Change::new(Position::new(number), b"a".to_vec(), value));
        }
    }
    broker.grown.notify_waiters();
    within(mirror.wait_for_sync()).await.unwrap();
    assert_eq!(mirror.progress().applied, 300);
    let most = broker.most_bytes.load(Ordering::Relaxed);
    assert!((120_000..=1 << 20).contains(&most), "{most} bytes at a time");
}
