//! Maintenance commands: `cargo xtask --help`.

mod backends;
mod bench;
mod elsewhere;
mod flags;
mod fuzz;
mod install;
mod loom;
mod preempt;
mod report;
mod sanitize;
mod self_check;
mod sh;
mod soak;
mod test;

use std::process::ExitCode;

use clap::Parser;

use crate::flags::{Command, Flags};

fn main() -> ExitCode {
    let result = match Flags::parse().command {
        Command::Bench(flags) => bench::run(&flags),
        Command::Report(flags) => report::run(&flags),
        Command::SelfCheck(flags) => self_check::run(&flags),
        Command::Test { install } => test::run(install),
        Command::Sanitize { install } => sanitize::run(install),
        Command::Soak(flags) => soak::run(&flags),
        Command::Fuzz(flags) => fuzz::run(&flags),
        Command::Loom { quick } => loom::run(quick),
        Command::Miri { install } => elsewhere::miri(install),
        Command::Cross { install } => elsewhere::cross(install),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
