//! Orders in a SQLite file beside the process: the embedded books.
//!
//! One thread has the file. What has come while it was writing is its next transaction, so a disk that takes 5 ms to write still takes
//! thousands of orders a second. An answer is sent after the transaction is on the disk (`journal_mode=WAL`, `synchronous=FULL`), so
//! it survives `kill -9` and a loss of power, as far as the disk tells the truth.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = std::env::temp_dir().join(format!("cache-gate-doc-{}", std::process::id()));
//! # std::fs::create_dir_all(&directory)?;
//! use std::time::{Duration, SystemTime};
//! use cache_gate::handoff::sqlite::Journal;
//! use cache_gate::handoff::{HandOff, Order, OrderState, Submitted};
//! use cache_gate::{Goods, Ticket};
//!
//! let journal = Journal::builder().open(directory.join("orders.sqlite"))?;
//! let order = Order {
//!     id: "4711".to_owned(),
//!     ticket: Ticket::new(4711),
//!     user: "ann".to_owned(),
//!     event: "spring".to_owned(),
//!     item: "sku:1".to_owned(),
//!     units: 2,
//!     request_id: None,
//!     at: SystemTime::now(),
//! };
//! assert_eq!(journal.submit(&order, Goods::Counted).await, Submitted::Durable);
//!
//! // A worker:
//! for claim in journal.claim(10, Duration::from_secs(60)).await? {
//!     println!("{} units of {} for {}", claim.order.units, claim.order.item, claim.order.user);
//!     journal.fulfil(&claim).await?;
//! }
//! let record = journal.get("4711").await?.expect("it was written");
//! assert_eq!(record.state, OrderState::Fulfilled);
//! journal.close().await?;
//! # std::fs::remove_dir_all(&directory)?;
//! # Ok(())
//! # }
//! ```
//!
//! # Back pressure
//!
//! [`depth`](super::HandOff::depth) is the number of orders that wait. Let the gate refuse before the journal does:
//!
//! ```
//! # fn gate(journal: &cache_gate::handoff::sqlite::Journal) -> cache_gate::Gate<cache_rwlock::RwLockBackend> {
//! use cache_gate::Gate;
//! use cache_gate::handoff::HandOff as _;
//!
//! let depth = journal.clone();
//! Gate::builder().depth(8_000, move || depth.depth()).build()
//! # }
//! ```
//!
//! # Workers
//!
//! [`claim`](Journal::claim) gives orders to a worker for some time. Whoever has not said by then what became of an order loses it to
//! another worker. Orders that [`fail`](Journal::fail) are tried again after a wait that doubles; after
//! [so many attempts](JournalBuilder::attempts) they are [dead](super::OrderState::Dead), until a person
//! [revives](Journal::revive) or [rejects](Journal::reject) them.
//!
//! Rejecting and cancelling change the books first. Call [`Gate::cancel_order`](crate::Gate::cancel_order) with the ticket of the order then: it
//! gives back the units and the user's count. A crash between the two loses nothing, as a gate is
//! [restored](crate::Gate::restore) from the books.
//!
//! # When not to use it
//!
//! For several nodes: the file belongs to one process, and a second one that opens it is refused.

mod builder;
mod error;
mod jobs;
mod journal;
mod meta;
mod record;
mod table;
mod worker;
mod writer;

pub use self::builder::JournalBuilder;
#[doc(hidden)]
pub use self::builder::{Fault, Faults};
pub use self::error::JournalError;
pub use self::journal::Journal;
pub use self::record::{CancelAnswer, Claim, ItemTotal, Record};
