//! Caches on many nodes in step with Redis or Valkey: mirrors, change feeds and stock leases.
//!
//! [`Server`] says where the server is. [`Commands`] is a handle for commands and scripts that never repeats one by
//! itself.
//!
//! A [`Mirror`] keeps a cache equal to the keys under a prefix, and says how old it may be.
//!
//! By default it follows the invalidations of Redis. It can also follow a change log: see [`feed`], and [`writer`] for what
//! appends to it.
//!
//! A [`lease`] lets a node sell from its own part of a stock, and nothing is oversold.
//!
//! [`doctor`] checks a server, and says what to change.
//!
//! Everything runs on tokio.
//!
//! # Features
//!
//! | feature | adds |
//! |---|---|
//! | `tls` | `rediss://` URLs |
//! | `json` | `Json`, a codec of objects |
//! | `csv` | `Writer::import_csv`: counters from lines of `key,value` |
//! | `metrics` | `metrics`: mirrors and write-behind through the `metrics` facade |
//! | `tracing` | events of sessions and of write-behind |
//!
//! Events of `tracing`, all of the target `hotcache`; those of mirrors with the field `mirror`. Keys and values are never
//! shown. The server is `change log` for a mirror that follows one.
//!
//! | event | level | fields |
//! |---|---|---|
//! | session began | info | `server` |
//! | everything is loaded | info | `server`, `took` |
//! | session ended | warn | `error` |
//! | a key cannot be mirrored | warn | `reason` |
//! | a batch is tried again | warn | `error` |
//! | changes failed for good | error | `reason`: `refused`, `unknown` or `lost`; `count` |
//! | changes that waited are discarded | warn | `waiting` |
#![forbid(unsafe_code)]
// On docs.rs, each item shows the feature that it needs.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod doctor;
mod error;
pub mod feed;
pub mod lease;
mod mirror;
mod server;
pub mod writer;

pub use self::doctor::{Finding, Report, Severity, doctor};
pub use self::error::{Error, Outcome};
#[cfg(feature = "json")]
#[cfg_attr(docsrs, doc(cfg(feature = "json")))]
pub use self::mirror::Json;
#[cfg(feature = "metrics")]
#[cfg_attr(docsrs, doc(cfg(feature = "metrics")))]
pub use self::mirror::metrics;
pub use self::mirror::{
    Bound, Codec, CodecError, Mirror, MirrorBuilder, MirrorKey, Progress, Reason, Stale, State, Target, Text,
    Undecodable, WhileResyncing,
};
pub use self::server::{Call, Commands, Script, Server};
/// The client that this crate is built on: its types of commands and answers are in our signatures.
pub use redis;

/// The examples of the page on operations are tests.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/operations.md")]
struct Operations;
