use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, value_parser};
use hotcache::policy::Rate;

/// Sells items of events out of a slow SQLite, with hotcache in front of it.
#[derive(Clone, Debug, Parser)]
#[command(version)]
pub struct Config {
    /// Address and port to listen on.
    #[arg(long, default_value = "127.0.0.1:3000")]
    pub listen: SocketAddr,
    /// SQLite file with a table `items`. Without it, there is a sample in memory.
    #[arg(long)]
    pub database: Option<PathBuf>,
    /// Milliseconds that are added to each query: the database is far away and busy.
    #[arg(long, default_value_t = 100, value_parser = value_parser!(u64).range(..=60_000))]
    pub delay_ms: u64,
    /// The most items that are kept in memory, unknown ones included.
    #[arg(long, default_value_t = 10_000, value_parser = value_parser!(u32).range(1..))]
    pub max_items: u32,
    /// Seconds for which an item is served without asking the database.
    #[arg(long, default_value_t = 30, value_parser = value_parser!(u64).range(1..=86_400))]
    pub ttl: u64,
    /// By how many per cent that time is shortened at most, at random.
    #[arg(long, default_value_t = 10, value_parser = value_parser!(u8).range(..=100))]
    pub jitter: u8,
    /// Seconds after that time for which an old item may be served while a newer one is loaded.
    #[arg(long, default_value_t = 300, value_parser = value_parser!(u64).range(..=86_400))]
    pub stale: u64,
    /// Milliseconds that a request waits for a newer item if it has an old one.
    #[arg(long, default_value_t = 50, value_parser = value_parser!(u64).range(..=60_000))]
    pub patience_ms: u64,
    /// Seconds for which it is remembered that an item is unknown.
    #[arg(long, default_value_t = 5, value_parser = value_parser!(u64).range(1..=3_600))]
    pub unknown: u64,
    /// Requests a second that each client may send.
    #[arg(long, default_value_t = 20, value_parser = value_parser!(u32).range(1..))]
    pub rate: u32,
    /// Requests that a client may send at once.
    #[arg(long, default_value_t = 40, value_parser = value_parser!(u32).range(1..))]
    pub burst: u32,
    /// The most clients that are told apart. A new one is refused while so many are active.
    #[arg(long, default_value_t = 100_000, value_parser = value_parser!(u32).range(1..))]
    pub max_clients: u32,
}

impl Config {
    pub(crate) fn delay(&self) -> Duration {
        Duration::from_millis(self.delay_ms)
    }

    pub(crate) fn rate(&self) -> Rate {
        Rate::new(self.rate, Duration::from_secs(1)).burst(self.burst)
    }
}
