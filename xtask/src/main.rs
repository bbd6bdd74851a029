//! Maintenance commands: `cargo xtask --help`.

mod backends;
mod bench;
mod elsewhere;
mod faults;
mod flags;
mod fuzz;
mod gate;
mod install;
mod load;
mod loom;
mod preempt;
mod redis;
mod report;
mod sanitize;
mod say;
mod self_check;
mod sh;
mod soak;
mod test;
mod versions;

use std::process::ExitCode;

use clap::Parser;

use crate::flags::{Command, Flags};

fn main() -> ExitCode {
    let done = |result: anyhow::Result<()>| result.map(|()| ExitCode::SUCCESS);
    let result = match Flags::parse().command {
        Command::Bench(flags) => bench::run(&flags),
        Command::Report(flags) => done(report::run(&flags)),
        Command::SelfCheck(flags) => done(self_check::run(&flags)),
        Command::Test { install } => done(test::run(install)),
        Command::Sanitize { install } => done(sanitize::run(install)),
        Command::Soak(flags) => done(soak::run(&flags)),
        Command::Faults(flags) => done(faults::run(&flags)),
        Command::Load(flags) => done(load::run(&flags)),
        Command::Fuzz(flags) => done(fuzz::run(&flags)),
        Command::Loom { quick, minutes } => done(loom::run(quick, minutes)),
        Command::Miri { install } => done(elsewhere::miri(install)),
        Command::Cross { install } => done(elsewhere::cross(install)),
    };
    match result {
        Ok(_) if !say::is_all_said() => {
            say::tell("error: standard output could not be written; the rest was done");
            ExitCode::FAILURE
        }
        Ok(code) => code,
        Err(error) => {
            say::tell(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
