//! `cargo xtask soak`: the long test of our own table, in an optimized build, and ten million purchases beside
//! removals on every backend.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Result, bail};

use crate::backends::BACKENDS;
use crate::flags::Soak;
use crate::preempt;
use crate::sh::{self, cargo};

/// The scale, in per cent, that turns the 80,000 purchases of a conformance run into ten million.
const TEN_MILLION: &str = "12500";

pub(crate) fn run(flags: &Soak) -> Result<()> {
    if !flags.minutes.is_finite() || flags.minutes <= 0.0 {
        bail!("invalid --minutes {}: must be above 0", flags.minutes);
    }
    let seconds = (flags.minutes * 60.0).ceil() as u64;
    // Any number will do, because it is printed.
    let seed = flags.seed.unwrap_or_else(|| {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
    });
    if flags.preempt {
        return preempt::run(seconds, seed);
    }
    println!("to repeat: cargo xtask soak --minutes {} --ops {} --seed {seed}", flags.minutes, flags.ops);
    let numbers = [flags.ops, seconds, seed].map(|number| number.to_string());
    let mut soak = cargo(["run", "--release", "-p", "cache-bucket", "--example", "soak", "--"]);
    sh::run(soak.args(numbers))?;
    purchases()
}

/// Checks that none of ten million purchases beside `retain` and `del_if` is lost, on every backend.
fn purchases() -> Result<()> {
    let mut command = cargo(["test", "--release", "--test", "conformance"]);
    for backend in BACKENDS {
        command.args(["--package", &backend.package()]);
    }
    command.args(["--", "no_purchase_is_lost"]);
    // Without link-time optimisation, which takes a quarter of an hour for six suites.
    sh::without_lto(&mut command);
    command.env("CARGO_TARGET_DIR", sh::root().join("target/purchases"));
    sh::run(command.env("HOTCACHE_TEST_SCALE", TEN_MILLION).env("HOTCACHE_TEST_TIMEOUT", "3600"))
}
