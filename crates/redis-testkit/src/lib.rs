//! Real Redis servers for tests: [`Redis`] alone or with replicas, a [`Cluster`], or [`Sentinels`]; and a [`Proxy`] that
//! loses answers.
//!
//! Every server runs in a temporary directory on a free port of the loopback interface. It is killed by its process id
//! when its handle is dropped, during a panic too. If the test itself is killed, a guard process (`sh`, which waits for
//! the end of a pipe) kills the server and removes the directory. `PR_SET_PDEATHSIG` would do less: it fires when the
//! *thread* that started the server ends.
//!
//! The program is `redis-server` from `PATH`, or the one that the environment variable `HOTCACHE_REDIS_SERVER` names,
//! such as `valkey-server`. Redis 7.0 or later is needed.
//!
//! This crate is for tests, so most methods panic with a message instead of returning an error.
//!
//! ```
//! use redis_testkit::Redis;
//!
//! let redis = Redis::start();
//! redis.command(&["SET", "sku:1", "100"]);
//! assert_eq!(redis.command(&["INCRBY", "sku:1", "-1"]).int(), 99);
//! ```
#![forbid(unsafe_code)]

mod builder;
mod cluster;
mod connection;
mod directory;
mod port;
mod process;
mod proxy;
mod redis;
mod reply;
mod sentinels;
mod wait;

pub use builder::{Builder, Fsync, StartError};
pub use cluster::Cluster;
pub use connection::Connection;
pub use proxy::Proxy;
pub use redis::Redis;
pub use reply::Reply;
pub use sentinels::Sentinels;
pub use wait::{PATIENCE, until, until_some};
