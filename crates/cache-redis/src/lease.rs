//! Stock leases: each node sells from its own part of the stock without asking, and nothing is oversold.
//!
//! The stock is on the server. A [`Lease`] moves some of its units to a node, which sells them by a local decrement.
//! What was sold is committed in batches; only then do the buyers get their receipts. The units of a node that crashes go
//! back to the pool after `ttl` + `grace`.
//!
//! ```no_run
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use cache_redis::Server;
//! use cache_redis::lease::{Lease, Order, Stock};
//!
//! let server = Server::standalone("redis://127.0.0.1:6379")?;
//! // Once: 10,000 units, at most 2 for each user.
//! Stock::connect(&server, "shop:", "sku:1").await?.create(10_000, 2).await?;
//! // On each node:
//! let lease = Lease::builder(&server, "shop:", "sku:1").open().await?;
//! let receipt = lease.try_take(1)?.commit(Order::new("order:4711").user("ann")).await?;
//! println!("{} sold, in entry {}", receipt.units(), receipt.entry());
//! # Ok(())
//! # }
//! ```
//!
//! Redis 7.0 or later is needed, or Valkey: older versions do not say why a script was refused.
//!
//! # What holds
//!
//! `pool + Σ(granted − committed) + sold = total`, and no term is ever negative. Each script keeps this and is atomic. So
//! never more is sold than there is, whatever nodes and connections do. An order that was acknowledged is in the stream of
//! orders.
//!
//! Time is the server's. A node that was paused for longer than its lease is stopped by its commit, as the lease is gone, not
//! by any clock. Its own clock only makes it stop earlier.
//!
//! # What does not hold
//!
//! - **A fail-over can lose acknowledged orders.** Replication is asynchronous: a replica that takes over may lack the last
//!   commits, and the stock, the orders and the counts of users go back together. No unit is sold twice in *that* history,
//!   but buyers hold receipts that it does not know. A lease that lives on finds out with its next commit
//!   ([`End::RolledBack`]). So does a crash without `appendfsync always`. `WAIT` and `min-replicas-to-write` narrow the
//!   window and do not close it. If that is not good enough, let a database decide, with (lease, number of the batch) as a
//!   unique key.
//! - **While the server is down**, a node sells from what it has for at most `ttl`, and no order is acknowledged. Those
//!   that wait are committed when it is back, or [unknown](CommitError::Unknown) after `patience`.
//! - **Sold out is a local view.** Others may hold units that they do not sell. Small grants (`want`, `div`) keep them few.
//! - A limit per user holds for what was committed. A user can hold more units than that for a moment, until the commit
//!   refuses them.
//!
//! # Ending
//!
//! A lease that was fenced has ended; so has one whose server lost data. [`Lease::ended`] says so, and the node opens
//! another one:
//!
//! ```no_run
//! # async fn run(server: cache_redis::Server) -> Result<(), Box<dyn std::error::Error>> {
//! # use cache_redis::lease::{End, Lease};
//! loop {
//!     let lease = Lease::builder(&server, "shop:", "sku:1").open().await?;
//!     // Hand it to the handlers of requests here.
//!     match lease.ended().await {
//!         End::Closed => break,
//!         end => eprintln!("the lease ended: {end}"),
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Metrics and events
//!
//! With the feature `metrics`:
//!
//! | metric | type | labels | what |
//! |---|---|---|---|
//! | `hotcache_lease_orders_total` | counter | `result` = `committed`, `over_limit`, `ended`, `unknown` | orders |
//! | `hotcache_lease_commit_seconds` | histogram | | from the start of a batch to its answer, repetitions included |
//! | `hotcache_lease_granted_units_total` | counter | | units that leases got |
//! | `hotcache_lease_failures_total` | counter | `call` = `acquire`, `renew`, `commit`, `reap`, `close` | calls that failed |
//! | `hotcache_lease_reaped_total`, `hotcache_lease_reaped_units_total` | counter | | others' leases that were ended |
//! | `hotcache_lease_ended_total` | counter | `reason` = `closed`, `fenced`, `rolled_back`, `absent`, `unanswered`, `refused` | ends of leases |
//!
//! With the feature `tracing`, events of the target `hotcache` with the field `lease`: `units granted` (debug), `sold out`,
//! `lease ended` (info if closed), and as warnings `call failed`, `orders not acknowledged`, `leases reaped`.

mod batch;
mod builder;
mod error;
mod handle;
mod inspection;
mod keeper;
mod keys;
mod ledger;
mod lines;
mod local;
mod observe;
mod order;
mod orders;
mod scripts;
mod stock;

pub use self::builder::LeaseBuilder;
pub use self::error::{CommitError, End, StockError, TakeError};
pub use self::handle::{Lease, Taken};
pub use self::inspection::{Inspection, LeaseState};
pub use self::order::{Order, Receipt};
pub use self::orders::{Entry, Event};
pub use self::stock::Stock;

/// The largest number of units of a stock: 10^12. Lua counts in doubles, and 1,000 times this is still exact in them.
pub const MAX_UNITS: u64 = 1_000_000_000_000;
