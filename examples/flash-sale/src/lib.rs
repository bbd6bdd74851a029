//! A flash-sale service on the gate of hotcache.
//!
//! `main.rs` reads the flags and calls [`serve`], which is the whole service.
#![forbid(unsafe_code)]

mod app;
mod books;
mod catalogue;
mod changes;
mod config;
mod error;
mod flags;
mod keys;
mod latency;
mod lists;
mod maintenance;
mod nodes;
mod page;
mod prometheus;
mod routes;
mod server;
mod specs;
mod stats;
mod workers;

pub use self::config::Config;
pub use self::flags::{Command, Flags, TokenFlags};
pub use self::keys::Keys;
pub use self::server::serve;
