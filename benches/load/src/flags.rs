use std::path::PathBuf;

use clap::{Args, Parser, value_parser};

/// Loads a flash-sale service, and checks its books afterwards.
#[derive(Clone, Debug, Parser)]
#[command(name = "hotcache-load", version)]
pub struct Flags {
    /// The service, such as http://127.0.0.1:3000. Needs `--tokens` and `--admin-token`. Without it, one is started in a temporary
    /// directory.
    #[arg(long, requires = "tokens", requires = "admin_token", conflicts_with_all = ["service", "kill", "nodes"])]
    pub url: Option<String>,
    /// A file with a token of a user in each line, as `flash-sale token --users N` prints them.
    #[arg(long, value_name = "FILE", requires = "url")]
    pub tokens: Option<PathBuf>,
    /// The token of an administrator, as `flash-sale token --admin` prints it.
    #[arg(long, value_name = "TOKEN", requires = "url")]
    pub admin_token: Option<String>,
    /// The program of the service that is started without `--url`.
    #[arg(long, value_name = "FILE")]
    pub service: Option<PathBuf>,
    /// Kills the service half way with SIGKILL, and starts it again.
    #[arg(long)]
    pub kill: bool,
    /// Starts this number of nodes of the service on a Redis of their own. With `--kill`, the first one is killed half way and stays dead,
    /// and Redis is killed and started again.
    #[arg(long, default_value_t = 1, value_parser = value_parser!(u8).range(1..=16))]
    pub nodes: u8,
    /// Sends the purchases to these paths in turn, as fast as answers come and without looking at them, for `--duration` each.
    /// `--bare /empty,/buy --hopeless 1` compares refusals with a handler that does nothing.
    #[arg(long, value_name = "PATHS", value_delimiter = ',', conflicts_with = "kill")]
    pub bare: Vec<String>,
    /// What is sent.
    #[command(flatten)]
    pub shape: Shape,
}

/// What is sent: how much, by whom, for what.
#[derive(Args, Clone, Debug)]
pub struct Shape {
    /// The number of users.
    #[arg(long, default_value_t = 20_000, value_parser = value_parser!(u32).range(1..=10_000_000))]
    pub users: u32,
    /// Requests a second. 0 sends the next one when an answer comes: a closed loop, whose latencies count from the sending.
    #[arg(long, default_value_t = 5_000)]
    pub rate: u64,
    /// Seconds. With `--rate 0`, the number of requests is that of 5,000 a second.
    #[arg(long, default_value_t = 10, value_parser = value_parser!(u64).range(1..=86_400))]
    pub duration: u64,
    /// The number of items on sale.
    #[arg(long, default_value_t = 10, value_parser = value_parser!(u32).range(1..=10_000))]
    pub items: u32,
    /// Units of each item.
    #[arg(long, default_value_t = 1_000)]
    pub stock: u64,
    /// The most units of one item that a user may have.
    #[arg(long, default_value_t = 2, value_parser = value_parser!(u32).range(1..=1_000))]
    pub limit: u32,
    /// The most units that a request asks for.
    #[arg(long, default_value_t = 2, value_parser = value_parser!(u32).range(1..=1_000))]
    pub quantity: u32,
    /// The share of requests that no sale can serve: black-listed users, unknown items, events that have not started. What
    /// is sold out or over the limit comes on top.
    #[arg(long, default_value_t = 0.1, value_parser = share)]
    pub hopeless: f64,
    /// The exponent of Zipf's law over the items. 0 asks for all of them equally often.
    #[arg(long, default_value_t = 0.8, value_parser = exponent)]
    pub zipf: f64,
    /// The share of clients that close the connection before the answer. Half of them send the same request again.
    #[arg(long, default_value_t = 0.02, value_parser = share)]
    pub hang_ups: f64,
    /// The share of clients that send the same request twice.
    #[arg(long, default_value_t = 0.05, value_parser = share)]
    pub retries: f64,
    /// The share of clients that cancel what they bought.
    #[arg(long, default_value_t = 0.1, value_parser = share)]
    pub cancels: f64,
    /// The number of connections.
    #[arg(long, default_value_t = 128, value_parser = value_parser!(u32).range(1..=20_000))]
    pub connections: u32,
    /// Repeats the requests of an earlier run, but not their order of arrival.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Seconds for which a request is sent again while the service cannot be reached.
    #[arg(long, default_value_t = 20)]
    pub patience: u64,
    /// Prints no progress.
    #[arg(long)]
    pub quiet: bool,
}

/// The requests a second whose number a closed loop sends.
const NOMINAL: u64 = 5_000;

impl Shape {
    /// The number of requests.
    #[must_use]
    pub fn attempts(&self) -> u64 {
        self.duration * if self.rate == 0 { NOMINAL } else { self.rate }
    }
}

impl Default for Shape {
    fn default() -> Self {
        Flags::parse_from(["hotcache-load"]).shape
    }
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("a number from 0 to 1 is needed".to_owned()),
    }
}

fn exponent(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(exponent) if (0.0..=10.0).contains(&exponent) => Ok(exponent),
        _ => Err("a number from 0 to 10 is needed".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_needs_tokens() {
        let error = Flags::try_parse_from(["hotcache-load", "--url", "http://127.0.0.1:1"]).unwrap_err();
        assert!(error.to_string().contains("--tokens"), "{error}");
    }

    #[test]
    fn shares_are_shares() {
        let error = Flags::try_parse_from(["hotcache-load", "--hopeless", "1.5"]).unwrap_err();
        assert!(error.to_string().contains("from 0 to 1"), "{error}");
    }
}
