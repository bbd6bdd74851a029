//! The slow database.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hotcache::Key;
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};
use serde::Deserialize;

use crate::Config;

/// What is sold, as it stands in the path of a request. A key of the caches too.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ItemId {
    pub(crate) event: i64,
    pub(crate) item: i64,
}

impl Key for ItemId {
    type Owned = Self;

    fn to_owned_key(&self) -> Self {
        *self
    }
}

impl fmt::Display for ItemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "item {} of event {}", self.item, self.event)
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) title: String,
    pub(crate) price_cents: i64,
    pub(crate) left: i64,
    /// Counts the changes of the price.
    pub(crate) version: i64,
}

pub(crate) struct Database {
    connection: Arc<Mutex<Connection>>,
    delay: Duration,
    queries: AtomicU64,
}

/// The table, and a few rows to try the service with.
const SAMPLE: &str = include_str!("items.sql");

impl Database {
    pub(crate) fn open(config: &Config) -> Result<Self, rusqlite::Error> {
        let connection = match &config.database {
            // It is not created: a service that was given a wrong path should not start with nothing to sell.
            Some(path) => Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?,
            None => {
                let sample = Connection::open_in_memory()?;
                sample.execute_batch(SAMPLE)?;
                sample
            }
        };
        connection.prepare("SELECT event, item, title, price_cents, left, version FROM items")?;
        Ok(Self {
            connection: Arc::new(Mutex::new(connection)),
            delay: config.delay(),
            queries: AtomicU64::new(0),
        })
    }

    pub(crate) fn queries(&self) -> u64 {
        self.queries.load(Ordering::Relaxed)
    }

    pub(crate) async fn item(&self, ItemId { event, item }: ItemId) -> Result<Option<Item>, rusqlite::Error> {
        self.run(move |connection| {
            let sql = "SELECT title, price_cents, left, version FROM items WHERE event = ?1 AND item = ?2";
            connection.query_row(sql, [event, item], row).optional()
        })
        .await
    }

    /// Takes pieces out of the stock; `false` if there are not as many.
    pub(crate) async fn sell(
        &self,
        ItemId { event, item }: ItemId,
        pieces: i64,
    ) -> Result<bool, rusqlite::Error> {
        self.run(move |connection| {
            let sql = "UPDATE items SET left = left - ?3 WHERE event = ?1 AND item = ?2 AND left >= ?3";
            Ok(connection.execute(sql, [event, item, pieces])? == 1)
        })
        .await
    }

    /// Changes a price that has this version, and returns the item as it is then.
    pub(crate) async fn set_price(
        &self,
        ItemId { event, item }: ItemId,
        price_cents: i64,
        version: i64,
    ) -> Result<Option<Item>, rusqlite::Error> {
        self.run(move |connection| {
            let sql = "UPDATE items SET price_cents = ?3, version = version + 1
                WHERE event = ?1 AND item = ?2 AND version = ?4 RETURNING title, price_cents, left, version";
            connection.query_row(sql, params![event, item, price_cents, version], row).optional()
        })
        .await
    }

    /// Runs a query where it may block.
    async fn run<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, rusqlite::Error> + Send + 'static,
    ) -> Result<T, rusqlite::Error> {
        self.queries.fetch_add(1, Ordering::Relaxed);
        let (connection, delay) = (Arc::clone(&self.connection), self.delay);
        let done = tokio::task::spawn_blocking(move || {
            std::thread::sleep(delay);
            query(&connection.lock().unwrap_or_else(PoisonError::into_inner))
        });
        let result = done.await.expect("a query does not panic, and the runtime outlives the requests");
        // Here, because a value that could not be refreshed is served as it is: nobody else is told.
        result.inspect_err(|error| eprintln!("a query failed: {error}"))
    }
}

fn row(row: &rusqlite::Row<'_>) -> Result<Item, rusqlite::Error> {
    Ok(Item { title: row.get(0)?, price_cents: row.get(1)?, left: row.get(2)?, version: row.get(3)? })
}
