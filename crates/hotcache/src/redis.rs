//! Caches on many nodes in step with Redis or Valkey: mirrors, change feeds, writers and stock leases.
//!
//! | to | use |
//! |---|---|
//! | fill a cache from Redis and keep it equal | [`Mirror`] |
//! | write so that mirrors in stream mode follow | [`writer`] |
//! | sell from a stock on many nodes, without a call for each sale | [`lease`] |
//! | find out what is wrong with a server | [`doctor`] |
//!
//! `docs/sync.md` in the repository has the protocol and what it does not promise; `docs/operations.md` how to run Redis for it.
//!
//! ```no_run
//! use std::sync::Arc;
//! use hotcache::bucket::IntCache;
//! use hotcache::prelude::*;
//! use hotcache::redis::{Mirror, Server};
//!
//! # async fn example() -> Result<(), hotcache::redis::Error> {
//! let server = Server::standalone("redis://127.0.0.1/")?;
//! let stock: Arc<IntCache> = Arc::new(IntCache::new());
//! let mirror = Mirror::builder(&server, "stock:").int(Arc::clone(&stock)).start().await?;
//! mirror.ready().await?;
//! // The key `stock:tea` in Redis.
//! println!("{:?}", stock.get("tea"));
//! # Ok(())
//! # }
//! ```
pub use cache_redis::*;
