//! `cargo xtask soak`: the long test of our own table, optimized as users build it.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Result, bail};

use crate::flags::Soak;
use crate::preempt;
use crate::sh::{self, cargo};

pub(crate) fn run(flags: &Soak) -> Result<()> {
    if !flags.minutes.is_finite() || flags.minutes <= 0.0 {
        bail!("--minutes is {}, and has to be more than 0", flags.minutes);
    }
    let seconds = (flags.minutes * 60.0).ceil() as u64;
    // Any number will do, as long as it is told.
    let seed = flags.seed.unwrap_or_else(|| {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
    });
    if flags.preempt {
        return preempt::run(seconds, seed);
    }
    println!("to repeat: cargo xtask soak --minutes {} --ops {} --seed {seed}", flags.minutes, flags.ops);
    let numbers = [flags.ops, seconds, seed].map(|number| number.to_string());
    let mut soak = cargo(["run", "--release", "-p", "cache-bucket", "--example", "soak", "--"]);
    sh::run(soak.args(numbers))
}
