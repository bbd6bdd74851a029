//! Writing for mirrors in stream mode: every change goes to its key and to a change log, in one step.
//!
//! | type | when a write returns | for |
//! |---|---|---|
//! | [`Writer`] | Redis has it | code without a cache of its own, or whose cache is kept by a mirror |
//! | [`WriteThrough`] | Redis has it, and then the local cache | one process that writes and reads |
//! | [`WriteBehind`] | the local cache has it | counters that change far more often than Redis could be asked |
//!
//! # Consistency
//!
//! The one script behind all of them runs on one node, as one atomic step: there is no change without its entry in the log,
//! and no entry without its change. A write that bypasses it (`SET` by hand) is in no log, and mirrors in stream mode do
//! not see it. On a cluster, see [`Log`](crate::feed::Log).
//!
//! What Redis acknowledged can still be lost: in a crash without `appendfsync always`, and in a fail-over, as replication is
//! asynchronous. Mirrors then load everything again, and agree with what is left.

mod behind;
mod direct;
#[cfg(feature = "csv")]
mod import;
mod script;
mod through;
mod write;

#[cfg(feature = "metrics")]
pub(crate) use self::behind::describe;
pub use self::behind::{Failure, FlushError, QueueError, WriteBehind, WriteBehindBuilder};
pub use self::direct::Writer;
#[cfg(feature = "csv")]
pub use self::import::ImportError;
pub use self::through::WriteThrough;
pub use self::write::{Applied, Write};
