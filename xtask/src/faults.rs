//! `cargo xtask faults`: faults against mirrors and stock leases on real servers, in an optimized build.

use anyhow::Result;

use crate::flags::Faults;
use crate::install;
use crate::sh::{self, cargo};

pub(crate) fn run(flags: &Faults) -> Result<()> {
    install::ensure(install::REDIS, false)?;
    let mut command = cargo(["run", "--release", "-p", "cache-faults", "--"]);
    for (flag, number) in
        [("--rounds", Some(flags.rounds)), ("--from", Some(flags.from)), ("--seed", flags.seed)]
    {
        if let Some(number) = number {
            command.args([flag, &number.to_string()]);
        }
    }
    if !flags.only.is_empty() {
        command.args(["--only", &flags.only.join(",")]);
    }
    // Link-time optimisation takes minutes, and the servers are the bottleneck.
    sh::without_lto(&mut command);
    command.env("CARGO_TARGET_DIR", sh::root().join("target/faults"));
    sh::run(&mut command)
}
