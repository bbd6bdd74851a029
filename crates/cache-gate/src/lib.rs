//! The gate of a flash sale: it refuses what is hopeless from memory, and sells the rest exactly once.
//!
//! Most requests of a flash sale are hopeless: the item is sold out, the sale has not begun, the user has bought already.
//! [`Gate::admit`] turns those away before they reach anything slow. The rest gets a [`Reservation`], which holds stock and the user's
//! count as one, until the order is in the books or somebody gives up.
//!
//! ```
//! use cache_gate::{Admission, Event, Gate, Item, Request};
//! use cache_rwlock::RwLockBackend;
//!
//! let gate = Gate::<RwLockBackend>::builder().build();
//! gate.add_event(Event::new("spring"))?;
//! gate.add_item(Item::new("sku:1", "spring", 1_000).limit(2))?;
//! gate.set_ready(true);
//!
//! match gate.admit(&Request::new("ann", "sku:1", 1).id("4711")) {
//!     Ok(Admission::Held(reservation)) => {
//!         // Before the order is written: from here on no time limit gives anything back.
//!         let unsettled = reservation.unsettled()?;
//!         // Write the order here, with the ticket. If it is refused: `unsettled.release()`. If nobody knows: drop it, ask
//!         // the books, and tell `gate.settle`.
//!         println!("ordered: {}", unsettled.commit());
//!     }
//!     Ok(Admission::Repeated(ticket, state)) => println!("{ticket} is {state}"),
//!     Err(refused) => println!("{refused}"),
//! }
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! `hotcache::gate::Gate` is this type with the default backend filled in.
//!
//! # What it does not do
//!
//! - It keeps nothing on a disk. After a restart, [`Gate::restore`] takes the orders from the books.
//! - It does not know who a user is. Check a signature first: a black list of names that anybody can give means nothing.
//! - It has no thread. [`Gate::maintain`] ends what is past its time; call it from a timer.
//! - The limit for each user holds on one node. With several, the script that commits a lease's units checks it for all.
//!
//! # What holds
//!
//! Whatever threads do, and wherever a holder panics:
//!
//! - never more units are taken than there are, and no user has more than the limit allowed when they were taken;
//! - what a reservation holds is given back exactly once, or kept;
//! - an item is refused as sold out only if there was nothing at some moment during the call, or since it was found so nothing came back;
//! - an outcome that is unknown stays so until somebody who asked the books says otherwise.
//!
//! # Features
//!
//! | feature | adds |
//! |---|---|
//! | `handoff` | `handoff`: reservations become orders in books of any kind |
//! | `sqlite` | `handoff::sqlite`: books in a file |
//! | `redis` | `LeaseStock`: stock from a lease of `cache-redis`; `handoff::redis`: books in its stream of orders |
//! | `token` | `token`: signed tokens of users and purchases |
//! | `tower` | `tower`: a layer that admits requests before a service sees them |
//! | `metrics` | `metrics`: statistics through the `metrics` facade |
//! | `tracing` | events of the target `hotcache` |
//! | `serde` | tickets, states and views in messages |
//!
//! Events of `tracing`. Users are never shown.
//!
//! | event | level | fields |
//! |---|---|---|
//! | sold out | info | `item` |
//! | units came back | info | `item` |
//! | event ended | info | `event`, `items` |
//! | reservations expired | debug | `reservations` |
//! | breaker opened | warn | `failures` |
//! | breaker closed | info | |
//! | the books differ | warn | `differences`, `mended` |
#![forbid(unsafe_code)]
// On docs.rs, each item shows the feature that it needs.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod admit;
mod attempt;
mod books;
mod breaker;
mod builder;
mod challenge;
mod changes;
mod config;
mod counts;
mod ended;
mod expiry;
mod gate;
#[cfg(feature = "handoff")]
#[cfg_attr(docsrs, doc(cfg(feature = "handoff")))]
pub mod handoff;
mod item;
mod keys;
mod latch;
mod lists;
mod manage;
#[cfg(feature = "metrics")]
#[cfg_attr(docsrs, doc(cfg(feature = "metrics")))]
pub mod metrics;
#[cfg(all(test, shuttle))]
mod models;
mod places;
mod record;
mod rejection;
mod request;
mod requests;
mod reservation;
mod restore;
mod settle;
mod stats;
mod stock;
mod sync;
mod ticket;
mod time;
#[cfg(feature = "token")]
#[cfg_attr(docsrs, doc(cfg(feature = "token")))]
pub mod token;
#[cfg(feature = "tower")]
#[cfg_attr(docsrs, doc(cfg(feature = "tower")))]
pub mod tower;
mod trace;
mod view;

pub use self::books::{Audit, Books, Difference, Mend};
pub use self::breaker::{Breaker, BreakerPolicy};
pub use self::builder::Builder;
pub use self::challenge::{Challenge, NoChallenge};
pub use self::config::{ConfigError, Event, Item, MAX_STOCK};
pub use self::gate::Gate;
pub use self::rejection::{Limited, Malformed, Overload, Reason, Rejection};
pub use self::request::{MAX_ID, Request};
pub use self::reservation::{Admission, Gone, Reservation, Unsettled};
pub use self::restore::{RestoreError, Sale};
pub use self::settle::{CancelError, Held, SettleError};
pub use self::stats::Statistics;
#[cfg(feature = "redis")]
#[cfg_attr(docsrs, doc(cfg(feature = "redis")))]
pub use self::stock::LeaseStock;
pub use self::stock::{Goods, MemoryStock, Shortage, SplitStock, Stock};
pub use self::ticket::{State, Ticket};
pub use self::time::Window;
pub use self::view::{EventInfo, ItemStats, Load};
