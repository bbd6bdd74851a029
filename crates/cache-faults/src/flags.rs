use clap::{Parser, ValueEnum};

/// The flags of a run.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "cargo xtask faults",
    about = "Injects faults into mirrors and stock leases on real servers"
)]
pub struct Flags {
    /// Repeats the schedules of an earlier run.
    #[arg(long)]
    pub seed: Option<u64>,
    /// The number of rounds of each subject.
    #[arg(long, default_value_t = 10)]
    pub rounds: u64,
    /// The first round. With `--rounds 1`, only this one is repeated.
    #[arg(long, default_value_t = 0, value_name = "ROUND")]
    pub from: u64,
    /// Runs only these subjects.
    #[arg(long, value_name = "SUBJECTS", value_delimiter = ',')]
    pub only: Vec<Subject>,
}

/// The part of `cache-redis` that a run tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Subject {
    /// Mirrors that follow a server.
    Mirrors,
    /// Nodes that sell from leases.
    Leases,
    /// What must be caught: a run without these proves little.
    Controls,
}

impl Flags {
    /// Whether a subject is to be run.
    #[must_use]
    pub fn wants(&self, subject: Subject) -> bool {
        self.only.is_empty() || self.only.contains(&subject)
    }
}
