//! `cargo xtask bench --redis`: examples of `cache-redis` that measure, each on a server that it starts itself.

use anyhow::Result;

use crate::install;
use crate::say::tell;
use crate::sh::{self, cargo};

/// An example, its arguments, and those with `--quick`.
type Example = (&'static str, &'static [&'static str], &'static [&'static str]);

const EXAMPLES: [Example; 4] = [
    ("warm-up", &["1000000"], &["100000"]),
    ("mirrored-reads", &["1000000"], &["100000"]),
    ("in-step", &["4000", "5", "10"], &["4000", "5", "3"]),
    ("lease-sales", &["5"], &["1"]),
];

pub(crate) fn run(quick: bool) -> Result<()> {
    install::ensure(install::REDIS, false)?;
    tell("building the examples (link-time optimisation takes minutes the first time)");
    sh::run(cargo(["build", "--release", "-p", "cache-redis", "--examples"]).arg("--quiet"))?;
    for (name, usual, short) in EXAMPLES {
        let mut example =
            cargo(["run", "--release", "--quiet", "-p", "cache-redis", "--example", name, "--"]);
        sh::run(example.args(if quick { short } else { usual }))?;
    }
    Ok(())
}
