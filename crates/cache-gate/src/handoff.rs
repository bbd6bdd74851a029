//! Hand-off: a reservation becomes an order in the books.
//!
//! [`HandOff`] is where orders are kept. [`Desk`] takes a reservation there and settles it by what the books say: durable commits it,
//! refused gives it back, unknown keeps it until the books have answered.
//!
//! | | books | for |
//! |---|---|---|
//! | `sqlite::Journal` (feature `sqlite`) | a file beside the process | one node |
//! | `redis::Books` (feature `redis`) | a stream for each item | many nodes, whose stock is a lease |
//!
//! # What holds
//!
//! - An order that was [accepted](Outcome::Accepted) is in the books, and survives `kill -9`.
//! - An order that was [refused](Outcome::Refused) is not, and its units and its user's count are free again.
//! - Of an order whose outcome is [unknown](Outcome::Unknown), nothing is given back before the books have said that they do not
//!   have it; unless somebody [settles](crate::Gate::settle) it by hand.
//! - An order that was cancelled in the books while its outcome was unknown ends as cancelled: a late copy of its request buys nothing.
//! - None of this depends on whether the client waits for the answer.
//!
//! # Metrics and events
//!
//! With the feature `metrics`:
//!
//! | metric | type | labels | what |
//! |---|---|---|---|
//! | `hotcache_gate_orders_total` | counter | `outcome` = `accepted`, `refused`, `unknown` | orders that were handed over |
//! | `hotcache_gate_submit_seconds` | histogram | | until the books have answered |
//! | `hotcache_gate_settled_total` | counter | `found` = `yes`, `no` | unknown orders that were settled |
//! | `hotcache_journal_batch_jobs`, `hotcache_journal_batch_seconds` | histogram | | transactions of the journal |
//! | `hotcache_journal_failures_total` | counter | | transactions whose end failed |
//!
//! With the feature `tracing`, events of the target `hotcache`: `order refused` (debug), `the outcome of an order is unknown` (warn),
//! `an unknown order is settled` (info), and `the end of a transaction of the journal failed` (error).

mod desk;
mod observe;
mod order;
#[cfg(feature = "redis")]
#[cfg_attr(docsrs, doc(cfg(feature = "redis")))]
pub mod redis;
#[cfg(feature = "sqlite")]
#[cfg_attr(docsrs, doc(cfg(feature = "sqlite")))]
pub mod sqlite;
mod submitted;

use std::future::Future;

pub use self::desk::{Desk, Submission};
pub use self::order::{Order, OrderState, UnknownState};
pub use self::submitted::{Outcome, Refusal, Submitted, Unanswered};
use crate::Goods;

/// Books that orders are handed to.
///
/// # Examples
///
/// Books in memory, which nothing survives:
///
/// ```
/// use std::collections::HashMap;
/// use std::sync::Mutex;
/// use cache_gate::Goods;
/// use cache_gate::handoff::{HandOff, Order, OrderState, Submitted, Unanswered};
///
/// #[derive(Default)]
/// struct Memory(Mutex<HashMap<String, Order>>);
///
/// impl HandOff for Memory {
///     async fn submit(&self, order: &Order, _: Goods) -> Submitted {
///         let mut orders = self.0.lock().expect("nobody panics with it");
///         orders.insert(order.id.clone(), order.clone());
///         Submitted::Durable
///     }
///
///     async fn find(&self, order: &Order) -> Result<Option<OrderState>, Unanswered> {
///         let orders = self.0.lock().expect("nobody panics with it");
///         Ok(orders.contains_key(&order.id).then_some(OrderState::Accepted))
///     }
/// }
/// ```
pub trait HandOff: Send + Sync + 'static {
    /// Hands an order over. Done when it is known to be durable, or what became of it cannot be learnt by waiting any longer.
    ///
    /// Called once for each order. `goods` are its units, taken from the stock of the item: [`Goods::Counted`] unless the stock is a
    /// lease. Books that cannot sell such goods refuse them with [`Refusal::OtherStock`]; dropping the goods gives them back.
    fn submit(&self, order: &Order, goods: Goods) -> impl Future<Output = Submitted> + Send;

    /// Asks what became of an order whose submission was unknown.
    ///
    /// `None` is final: the order is not in the books, **and no earlier submission of it can put it there any more**. Books that
    /// cannot say so yet answer [`Unanswered`].
    fn find(&self, order: &Order) -> impl Future<Output = Result<Option<OrderState>, Unanswered>> + Send;

    /// The number of orders that wait to become durable: a load, which the gate's check for overload reads.
    fn depth(&self) -> usize {
        0
    }
}
