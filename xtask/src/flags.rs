//! Every command and flag of `cargo xtask`.

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", about = "Maintenance commands of the hotcache workspace")]
pub(crate) struct Flags {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Measures the backends against each other on this machine.
    Bench(Box<hotcache_bench_plan::Flags>),
    /// Runs every check and test: formatting, lints, features, tests, documentation, benchmarks compiled.
    Test {
        /// Installs what is missing, with the system's package manager or rustup.
        #[arg(long)]
        install: bool,
    },
    /// Runs the conformance suite under AddressSanitizer and ThreadSanitizer (nightly compiler).
    Sanitize {
        /// Installs what is missing, with rustup.
        #[arg(long)]
        install: bool,
    },
}
