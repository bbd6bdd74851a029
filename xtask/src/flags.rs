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
    /// Makes a page of charts and tables from saved runs of the benchmarks.
    Report(Report),
    /// Checks the benchmarks' comparisons: two runs of one build must not differ, and a backend that is made a fifth
    /// slower must be detected. Takes three runs.
    SelfCheck(Box<SelfCheck>),
    /// Runs every check and test: formatting, dependencies, lints, features, tests, documentation, the declared Rust
    /// versions.
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
    /// Tests our own table for a long time: checked histories, exact sums, short-lived threads, leaks; or threads
    /// that are interrupted inside every operation (`--preempt`).
    Soak(Soak),
    /// Injects faults into mirrors and stock leases on real servers: crashes, pauses, lost connections and answers. What is
    /// wrong on purpose must be caught.
    Faults(Faults),
    /// Loads the flash-sale service, one that it starts or one that runs, and checks its books afterwards. `--help` after
    /// it lists the flags of the generator.
    #[command(disable_help_flag = true)]
    Load(Load),
    /// Runs the fuzz targets of our own table, with libFuzzer and AddressSanitizer (nightly compiler).
    Fuzz(Fuzz),
    /// Runs the loom models of our own table, and checks that each catches its planted bugs.
    Loom {
        /// Allows one preemption in each execution, and plants the bugs that this catches. Takes about a minute.
        #[arg(long)]
        quick: bool,
        /// Stops each model after this many minutes, and lists the models that were stopped. Some take half an hour.
        #[arg(long, value_name = "MINUTES", value_parser = clap::value_parser!(u64).range(1..))]
        minutes: Option<u64>,
    },
    /// Interprets tests of our own table with Miri, which checks every access to memory (nightly compiler).
    Miri {
        /// Installs what is missing, with rustup.
        #[arg(long)]
        install: bool,
    },
    /// Runs the tests of our own table on emulated processors: aarch64 and 32-bit ARM.
    Cross {
        /// Installs what is missing, with the system's package manager and rustup.
        #[arg(long)]
        install: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Faults {
    /// Repeats the schedules of an earlier run.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// The number of rounds of each subject.
    #[arg(long, default_value_t = 10)]
    pub(crate) rounds: u64,
    /// The first round. With `--rounds 1`, only this one is repeated.
    #[arg(long, default_value_t = 0, value_name = "ROUND")]
    pub(crate) from: u64,
    /// Runs only these subjects: mirrors, leases, controls.
    #[arg(long, value_name = "SUBJECTS", value_delimiter = ',')]
    pub(crate) only: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Load {
    /// Flags of the generator, such as `--users 200000 --rate 20000 --duration 50`.
    #[arg(value_name = "FLAGS", trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) flags: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Fuzz {
    /// The time for all targets together, in minutes.
    #[arg(long, default_value_t = 30.0)]
    pub(crate) minutes: f64,
    /// Runs only this target: int, obj or histories.
    #[arg(long)]
    pub(crate) target: Option<String>,
    /// Installs what is missing, with rustup and cargo.
    #[arg(long)]
    pub(crate) install: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SelfCheck {
    /// The backend that is made slower.
    #[arg(long, value_name = "NAME", default_value = "papaya")]
    pub(crate) slowed: String,
    /// Compares the three runs that an earlier self-check saved, and measures nothing.
    #[arg(long)]
    pub(crate) again: bool,
    /// Flags of `cargo xtask bench` that say what to measure, after `--`.
    #[arg(last = true, value_name = "FLAGS", default_values = ["--quick", "--caches", "int", "--passes", "8"])]
    pub(crate) bench: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Report {
    /// Names of runs that `cargo xtask bench --save` saved, or files that `--json` wrote. The default is the run that
    /// was saved last. Runs of one machine, commit and build make one page together.
    #[arg(value_name = "FILES|NAMES")]
    pub(crate) runs: Vec<String>,
    /// The directory for index.html, README.md, charts/*.svg and run.json.gz. The default is target/report.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<std::path::PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Soak {
    /// The minutes for which 32 threads work on caches with known values; with `--preempt`, the minutes for each
    /// build.
    #[arg(long, default_value_t = 10.0)]
    pub(crate) minutes: f64,
    /// The number of operations that are recorded and checked for linearizability.
    #[arg(long, default_value_t = 10_000_000)]
    pub(crate) ops: u64,
    /// Repeats the operations of an earlier run, but not their interleaving.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Tests with preemption instead: timers interrupt threads at random instructions inside every operation, while
    /// other threads delete, insert, grow the table and advance the epoch. First each planted bug must be found
    /// within a minute; then the unchanged table runs for `--minutes` in each of its two builds. Linux only.
    #[arg(long, conflicts_with = "ops")]
    pub(crate) preempt: bool,
}
