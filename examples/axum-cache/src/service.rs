//! What is kept in memory, and how it is kept right.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::http::StatusCode;
use hotcache::bucket::IntCache;
use hotcache::policy::{Clock, Group, Handle, Loaded, Rate, Verdict};
use hotcache::prelude::*;
use hotcache::{AddError, Cache, LoadError, RateLimiter, UpdateError};

use crate::Config;
use crate::database::{Database, Item, ItemId};
use crate::error::ApiError;

pub(crate) struct Service {
    pub(crate) database: Arc<Database>,
    /// `None` is an item that the database does not have.
    pub(crate) items: Arc<Cache<Option<Item>, ItemId>>,
    /// The items of an event, and of others that share its place: they are forgotten together. The array is fixed: with a
    /// group for each event, clients that make up events would fill the memory.
    groups: [Group; 256],
    /// What is left of each item since somebody first bought it. Nothing is ever removed: a count that was forgotten would
    /// be read from the database again, beside purchases that are not written there yet.
    stock: IntCache<ItemId>,
    pub(crate) clients: RateLimiter<IpAddr>,
    rate: Rate,
    /// Requests over the limit.
    pub(crate) refused: AtomicU64,
    remember_unknown: Duration,
    patience: Duration,
}

impl Service {
    pub(crate) fn new(config: &Config, clock: impl Clock + Clone) -> Result<Self, rusqlite::Error> {
        Ok(Self {
            database: Arc::new(Database::open(config)?),
            items: Cache::builder()
                .max_entries(config.max_items as usize)
                .time_to_live(Duration::from_secs(config.ttl))
                .jitter(config.jitter)
                .stale_for(Duration::from_secs(config.stale))
                .clock(clock.clone())
                .statistics()
                .build()
                .into(),
            groups: std::array::from_fn(|_| Group::new()),
            stock: IntCache::new(),
            clients: RateLimiter::builder()
                .max_keys(config.max_clients as usize)
                .clock(clock)
                .build_limiter(),
            rate: config.rate(),
            refused: AtomicU64::new(0),
            remember_unknown: Duration::from_secs(config.unknown),
            patience: Duration::from_millis(config.patience_ms),
        })
    }

    /// An item, from memory if it is there. However many requests ask for it at once, one of them queries the database. If it
    /// is in memory but old, that one waits a moment for a newer one, and then goes on with the old one as all others do.
    pub(crate) async fn item(
        &self,
        id: ItemId,
    ) -> Result<Handle<Option<Item>, ItemId>, LoadError<rusqlite::Error>> {
        let (database, remember_unknown) = (Arc::clone(&self.database), self.remember_unknown);
        // Before the query: if the event is forgotten meanwhile, so is what the query finds.
        let member = self.group(id.event).join();
        let load = || async move {
            let found = database.item(id).await?;
            let absent = found.is_none();
            let loaded = Loaded::new(found).in_group(member);
            Ok(if absent { loaded.live_for(remember_unknown) } else { loaded })
        };
        let moment = tokio::time::sleep(self.patience);
        self.items.get_or_load_soft(&id, load, moment, |rest| _ = tokio::spawn(rest)).await
    }

    /// What is left of an item that is known.
    pub(crate) fn left(&self, id: ItemId, item: &Item) -> i64 {
        self.stock.get(&id).unwrap_or(item.left)
    }

    /// Forgets all items of an event, and what queries that are under way find.
    pub(crate) fn invalidate(&self, event: i64) {
        self.group(event).drop_entries();
    }

    /// Changes a price if it still has the version that the client saw. Returns the new version.
    pub(crate) async fn set_price(
        &self,
        id: ItemId,
        price_cents: i64,
        version: i64,
    ) -> Result<i64, ApiError> {
        let Some(new) = self.database.set_price(id, price_cents, version).await? else {
            let current = self.database.item(id).await?.ok_or_else(|| unknown(id))?;
            let message = format!("the item has version {}, not {version}", current.version);
            return Err(ApiError::new(StatusCode::CONFLICT, message));
        };
        let version = new.version;
        self.replace(id, new);
        Ok(version)
    }

    /// Puts an item as it is now in the place of the one in memory.
    fn replace(&self, id: ItemId, new: Item) {
        // Two changes may get here in the wrong order: what is newer stays.
        let newer = |old: &Option<Item>| {
            let stays = old.as_ref().is_some_and(|old| old.version >= new.version);
            (!stays).then(|| Some(new.clone()))
        };
        if let Err(UpdateError::Absent) = self.items.update(&id, newer) {
            // A query may have read the old price, and is about to store it. A removal keeps it from that.
            self.items.remove(&id);
        }
    }

    /// Sells pieces of an item, and returns what is left of it.
    pub(crate) async fn buy(&self, id: ItemId, pieces: i64) -> Result<i64, ApiError> {
        let item = self.item(id).await?;
        let item = item.as_ref().ok_or_else(|| unknown(id))?;
        // The first buyer starts the count. Nothing was sold before, so what the cache says is what there is.
        _ = self.stock.insert_new(&id, item.left);
        let left = self.stock.try_add(&id, -pieces, 0..).map_err(|error| {
            let left = if let AddError::OutOfBounds { current } = error { current } else { 0 };
            sold_out(format!("{left} left of {id}"))
        })?;
        match self.database.sell(id, pieces).await {
            Ok(true) => Ok(left),
            // Somebody sells without us. The count was too high, and stays lower by these pieces.
            Ok(false) => Err(sold_out(format!("{id} is sold out"))),
            Err(error) => {
                self.stock.add(&id, pieces);
                Err(error.into())
            }
        }
    }

    /// Counts a request of a client, or refuses it.
    pub(crate) fn admit(&self, address: IpAddr) -> Result<(), ApiError> {
        let refused = match self.clients.allow(&client(address), self.rate) {
            Ok(Verdict::Allowed) => return Ok(()),
            Ok(Verdict::Denied { retry_after }) => {
                ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too many requests").retry_after(retry_after)
            }
            // Every client that is remembered sent requests a moment ago. One that is not would have no limit.
            Err(full) => ApiError::new(StatusCode::SERVICE_UNAVAILABLE, format!("too many clients: {full}"))
                .retry_after(Duration::from_secs(1)),
        };
        self.refused.fetch_add(1, Ordering::Relaxed);
        Err(refused)
    }

    fn group(&self, event: i64) -> &Group {
        &self.groups[event.rem_euclid(self.groups.len() as i64) as usize]
    }
}

pub(crate) fn unknown(id: ItemId) -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, format!("there is no {id}"))
}

fn sold_out(message: String) -> ApiError {
    ApiError::new(StatusCode::CONFLICT, message)
}

/// Whose requests are counted together: an address, or the network of one who can choose among 2^64 addresses.
fn client(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use hotcache::policy::SystemClock;

    use super::*;

    const POSTER: ItemId = ItemId { event: 1, item: 1 };

    fn service() -> Service {
        Service::new(&Config::parse_from(["axum-cache", "--delay-ms", "0"]), SystemClock).unwrap()
    }

    async fn version(service: &Service) -> i64 {
        service.item(POSTER).await.unwrap().as_ref().unwrap().version
    }

    #[tokio::test]
    async fn of_two_changes_the_newer_one_stays_whatever_their_order() {
        let service = service();
        let old = service.item(POSTER).await.unwrap().as_ref().unwrap().clone();
        service.replace(POSTER, Item { version: 3, ..old.clone() });
        service.replace(POSTER, Item { version: 2, ..old });
        assert_eq!(version(&service).await, 3);
    }

    #[tokio::test]
    async fn a_query_that_read_the_old_price_does_not_bring_it_back() {
        let service = service();
        let load = async || {
            let read = service.database.item(POSTER).await?;
            service.set_price(POSTER, 1_200, 1).await.unwrap();
            Ok::<_, rusqlite::Error>(read)
        };
        let read = service.items.get_or_load_async(&POSTER, load).await.unwrap();
        assert_eq!(read.as_ref().unwrap().version, 1);
        assert_eq!(version(&service).await, 2);
    }

    #[test]
    fn the_addresses_of_a_network_are_one_client() {
        let address = |text: &str| client(text.parse().unwrap());
        assert_eq!(address("2001:db8:1:2::7"), address("2001:db8:1:2:ffff::8"));
        assert_ne!(address("2001:db8:1:2::7"), address("2001:db8:1:3::7"));
        assert_ne!(address("10.0.0.7"), address("10.0.0.8"));
        assert_eq!(address("::ffff:10.0.0.7"), address("10.0.0.7"));
    }
}
