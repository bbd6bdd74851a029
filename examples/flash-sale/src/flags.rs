use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand, value_parser};

/// Sells items of events over HTTP, and turns away what is hopeless from memory.
#[derive(Clone, Debug, Default, Parser)]
#[command(name = "flash-sale", version, args_conflicts_with_subcommands = false)]
pub struct Flags {
    /// Configuration file. What flags say wins.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Directory for keys, orders, events and items. [default: flash-sale-data]
    #[arg(long, global = true, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// File of the keys that sign tokens. Nodes that share Redis need the same. [default: keys.toml in the data directory]
    #[arg(long, global = true, value_name = "FILE")]
    pub keys: Option<PathBuf>,
    /// Redis or Valkey that several nodes share, such as redis://127.0.0.1/. Without it, orders are in the data directory.
    #[arg(long, value_name = "URL")]
    pub redis: Option<String>,
    /// Address and port to listen on. [default: 127.0.0.1:3000]
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,
    /// Purchases a second of each user. 0 is no limit. [default: 5]
    #[arg(long, value_name = "RATE")]
    pub user_rate: Option<u32>,
    /// Purchases a second of each address. 0 is no limit. [default: 100]
    #[arg(long, value_name = "RATE")]
    pub address_rate: Option<u32>,
    /// Does not print the address of the admin page with a token, and does not add a sample sale to empty books.
    #[arg(long)]
    pub no_console: bool,
    /// What to do instead of serving.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to do instead of serving.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Prints tokens that the service accepts.
    Token(TokenFlags),
}

/// Whose tokens.
#[derive(Args, Clone, Debug)]
#[command(group = ArgGroup::new("whose").required(true))]
pub struct TokenFlags {
    /// One user.
    #[arg(long, group = "whose", value_name = "NAME")]
    pub user: Option<String>,
    /// So many users, user-0 and so on, each in a line with a name and a token.
    #[arg(long, group = "whose", value_name = "N", value_parser = value_parser!(u32).range(1..=10_000_000))]
    pub users: Option<u32>,
    /// An administrator.
    #[arg(long, group = "whose")]
    pub admin: bool,
    /// How long they are good for.
    #[arg(long, default_value_t = 24, value_parser = value_parser!(u64).range(1..=87_600))]
    pub hours: u64,
}

impl Flags {
    /// Whether a person is to try it out.
    #[must_use]
    pub fn console(&self) -> bool {
        !self.no_console
    }
}
