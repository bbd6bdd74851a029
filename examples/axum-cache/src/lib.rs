//! A service that sells items of events, with a slow database behind `hotcache`.
//!
//! [`app`] is the whole service. `main.rs` puts it on a port, and the tests put it on another one with a clock of their own.

mod config;
mod database;
mod error;
mod metrics;
mod routes;
mod service;

pub use self::config::Config;
pub use self::routes::app;
