//! Orders in Redis Streams: the books of many nodes, for items whose stock is a lease.
//!
//! The commit script of a lease sells its units, checks the limit of the user over all nodes, and appends the order to the stream of
//! the item, in one atomic step. So there is nothing to reconcile between stock and orders, and a node that is killed takes no
//! acknowledged order with it.
//!
//! ```no_run
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use cache_gate::handoff::Desk;
//! use cache_gate::handoff::redis::Books;
//! use cache_gate::{Event, Gate, Item, LeaseStock};
//! use cache_redis::Server;
//! use cache_redis::lease::{Lease, Stock};
//! use cache_rwlock::RwLockBackend;
//!
//! let server = Server::standalone("redis://127.0.0.1:6379")?;
//! // Once: 10,000 units, at most 2 for each user.
//! Stock::connect(&server, "shop:", "sku:1").await?.create(10_000, 2).await?;
//!
//! // On each node:
//! let gate: Gate<RwLockBackend> = Gate::builder().build();
//! gate.add_event(Event::new("sale"))?;
//! let lease = Lease::builder(&server, "shop:", "sku:1").open().await?;
//! gate.add_item(Item::new("sku:1", "sale", 0).limit(2).stock(LeaseStock::new(lease)))?;
//! let desk = Desk::new(Books::connect(&server, "shop:").await?);
//!
//! // Anywhere: a worker of the orders.
//! let consumer = desk.books().consumer("sku:1", "shipping", "worker-1").await?;
//! for delivery in consumer.claim(10).await? {
//!     println!("{} units for {:?}", delivery.units, delivery.user);
//!     consumer.fulfil(&delivery).await?;
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Keys
//!
//! The item is the name of the stock, so the stream of its orders is `<prefix>{<item>}:orders`. Beside it:
//!
//! | key | type | what |
//! |---|---|---|
//! | `<prefix>{<item>}:states` | hash | orders that are not merely accepted, and their states |
//! | `<prefix>{<item>}:notes` | hash | why an order failed |
//! | `<prefix>{<item>}:dead` | stream | orders that failed too often |
//! | `<prefix>{<item>}:request:…` | string | the order of a request id, for [`remember`](Books::remember) |
//!
//! None of them is ever trimmed here, except that requests expire.
//!
//! # Unknown outcomes
//!
//! A commit whose answer was lost is asked about by the lease itself, for as long as its `patience`. If that fails too, the lease has
//! ended here; but until it is reaped on the server, a commit that was delayed on its way may still be done. So
//! [`find`](super::HandOff::find) says that an order is not in the books only after its lease is gone from the server.
//!
//! # When not to use it
//!
//! For one node, whose `Journal` needs no server. And see what a [fail-over](cache_redis::lease) can lose.

mod books;
mod consumer;
mod requests;
mod scan;
mod states;

pub use self::books::{Books, Cancelled, Found};
pub use self::consumer::{Consumer, Delivery};
