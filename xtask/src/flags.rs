//! Every command and flag of `cargo xtask`.

use clap::{Args, Parser, Subcommand};

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
    /// Tests our own table for long: checked histories, exact sums, threads that come and go, leaks.
    Soak(Soak),
}

#[derive(Debug, Args)]
pub(crate) struct Soak {
    /// How long 32 threads work on caches whose every value is known.
    #[arg(long, default_value_t = 10.0)]
    pub(crate) minutes: f64,
    /// How many operations are recorded and checked for linearizability.
    #[arg(long, default_value_t = 10_000_000)]
    pub(crate) ops: u64,
    /// Repeats the operations of an earlier run, though not what its scheduler did.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
}
