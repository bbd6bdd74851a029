//! `cargo xtask bench --gate`: the example of `cache-gate` that measures.

use anyhow::Result;

use crate::say::tell;
use crate::sh::{self, cargo};

pub(crate) fn run(quick: bool) -> Result<()> {
    tell("building the example (link-time optimisation takes a minute the first time)");
    let example = ["--release", "--quiet", "-p", "cache-gate", "--example", "refusals"];
    sh::run(cargo(["build"]).args(example))?;
    sh::run(cargo(["run"]).args(example).args(["--", if quick { "0.7" } else { "7" }]))
}
