//! `cargo xtask load`: the load generator of the flash-sale service, in an optimized build.

use anyhow::Result;

use crate::flags::Load;
use crate::say::tell;
use crate::sh::{self, cargo};

pub(crate) fn run(flags: &Load) -> Result<()> {
    tell("building the service and the generator (link-time optimisation takes minutes the first time)");
    sh::run(&mut cargo(["build", "--release", "--quiet", "-p", "flash-sale", "-p", "hotcache-load"]))?;
    let mut load = cargo(["run", "--release", "--quiet", "-p", "hotcache-load", "--"]);
    sh::run(load.args(&flags.flags))
}
