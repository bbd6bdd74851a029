//! `cargo run -p mirror-example`, and `cargo run -p mirror-example -- --help`.
//!
//! Two processes keep a cache each that follows one Redis, while a third one writes to it. After each round, both must
//! have what Redis has.

mod node;
mod rounds;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand, ValueEnum};

/// Two processes whose caches follow one Redis. Ends with 1 if they do not agree with it.
#[derive(Parser)]
struct Arguments {
    /// A server to use, as redis://host:port. Without it, one is started for as long as this runs.
    #[arg(long)]
    redis: Option<String>,
    /// How changes are followed.
    #[arg(long, value_enum, default_value_t = Mode::Tracking)]
    mode: Mode,
    /// The number of rounds. Each writes to some of the keys.
    #[arg(long, default_value_t = 10)]
    rounds: u32,
    /// The number of keys.
    #[arg(long, default_value_t = 100)]
    keys: u32,
    /// Stops the second mirror after its load, to see that the difference is noticed.
    #[arg(long)]
    sabotage: bool,
    #[command(subcommand)]
    role: Option<Role>,
}

/// How changes are followed.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Mode {
    /// Redis tells which keys changed, whoever changes them.
    Tracking,
    /// Writers append each change to a stream.
    Stream,
}

#[derive(Subcommand)]
enum Role {
    /// One of the two processes, which the first process starts.
    #[command(hide = true)]
    Node {
        /// What the keys begin with.
        #[arg(long)]
        prefix: String,
        /// The server.
        #[arg(long)]
        server: String,
        #[arg(long, value_enum)]
        follow: Mode,
        #[arg(long)]
        stop_after_load: bool,
    },
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    if let Some(Role::Node { prefix, server, follow, stop_after_load }) = arguments.role {
        node::run(&server, &prefix, follow, stop_after_load).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let agree = rounds::run(&arguments).await?;
    Ok(if agree { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
