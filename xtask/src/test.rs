//! `cargo xtask test`: everything that must hold before a change lands.

use std::process::Command;

use anyhow::{Result, bail};

use crate::backends::BACKENDS;
use crate::fuzz;
use crate::install;
use crate::loom;
use crate::preempt;
use crate::sh::{self, Steps, cargo};
use crate::versions::Declared;

pub(crate) fn run(install: bool) -> Result<()> {
    install::ensure(install::TEST, install)?;
    let declared = Declared::read()?;
    declared.ensure(install)?;
    let mut steps = Steps::new();
    steps.step("format", || sh::run(&mut cargo(["fmt", "--all", "--", "--check"])))?;
    steps.step("licences and sources of dependencies", dependencies)?;
    steps.step("lints", || sh::run(&mut lint(&["--workspace", "--all-features", "--all-targets"])))?;
    steps.step("each feature alone, none, all", features)?;
    steps.step("tests and doc tests", tests)?;
    steps.step("the bucket table without Linux and x86", portable)?;
    steps.step("models of the bucket table", || loom::run(true, None))?;
    steps.step("preemption of the bucket table", preempt::brief)?;
    steps.step("fuzz targets", fuzz::lint)?;
    steps.step("a consumer on every backend", pick_a_backend)?;
    steps.step("documentation", || {
        let mut doc = cargo(["doc", "--workspace", "--all-features", "--no-deps"]);
        sh::run(doc.env("RUSTDOCFLAGS", "-D warnings"))
    })?;
    // Not optimized as for a measurement, which takes minutes and finds nothing more.
    steps.step("benchmarks compile", || {
        // One of them: the lints have seen them all, and each is linked for ten seconds.
        sh::run(&mut cargo(["build", "--workspace", "--all-features", "--bench", "matrix"]))
    })?;
    steps.step("the declared Rust versions", || declared.check())?;
    steps.finish();
    Ok(())
}

/// Checks all dependencies, including those of the fuzz targets, against `deny.toml`. Advisories are not checked,
/// because their database has to be downloaded.
fn dependencies() -> Result<()> {
    for manifest in ["Cargo.toml", "fuzz/Cargo.toml"] {
        let config = sh::root().join("deny.toml");
        let mut deny = cargo(["deny", "--manifest-path", manifest, "--config"]);
        sh::run(deny.arg(config).args(["check", "licenses", "bans", "sources"]))?;
    }
    Ok(())
}

/// The share of each test's full size that runs here, in per cent: all of it takes too long, and is what `cargo test` runs.
const PERCENT: &str = "20";

/// Their share in the portable build, where they run a second time.
const SECOND_PERCENT: &str = "10";

/// Examples of crates are left out: the lints have seen them, and each is linked for seconds.
fn tests() -> Result<()> {
    for which in [&["--lib", "--bins", "--tests"][..], &["--doc"]] {
        let mut test = cargo(["test", "--workspace", "--all-features"]);
        sh::run(test.args(which).env("HOTCACHE_TEST_SCALE", PERCENT))?;
    }
    Ok(())
}

/// Runs all tests of the bucket table on the twins of what it has for one processor or system only.
fn portable() -> Result<()> {
    let mut test = cargo(["test", "-p", "cache-bucket", "--lib", "--tests"]);
    test.env("HOTCACHE_TEST_SCALE", SECOND_PERCENT);
    test.env("RUSTFLAGS", "--cfg portable").env("CARGO_TARGET_DIR", sh::root().join("target/portable"));
    sh::run(&mut test)
}

/// Checks the libraries without features, and with each alone. All of them, with tests and examples, is what the other lints
/// check.
fn features() -> Result<()> {
    for package in ["hotcache", "cache-policy", "cache-redis", "cache-gate"] {
        sh::run(&mut lint(&["-p", package, "--no-default-features"]))?;
    }
    // Each backend alone is what the consumer below is built with.
    let layers = [
        "policy",
        "serde",
        "csv",
        "metrics",
        "tracing",
        "uuid",
        "redis",
        "redis-tls",
        "gate",
        "gate-sqlite",
        "gate-token",
        "gate-tower",
    ];
    for feature in layers {
        sh::run(&mut lint(&["-p", "hotcache", "--no-default-features", "--features", feature]))?;
    }
    for feature in ["tls", "json", "csv", "metrics", "tracing"] {
        sh::run(&mut lint(&["-p", "cache-redis", "--features", feature]))?;
    }
    // Its tests and examples say which features they need.
    sh::run(&mut lint(&["-p", "hotcache", "--no-default-features", "--all-targets"]))
}

/// Runs the consumer with its own feature for every backend, and checks that it ran on that one.
fn pick_a_backend() -> Result<()> {
    for backend in BACKENDS {
        let name = backend.feature;
        let args = ["run", "--quiet", "-p", "pick-a-backend", "--no-default-features", "--features", name];
        let output = sh::capture(&mut cargo(args))?;
        let printed = String::from_utf8_lossy(&output.stdout);
        print!("{printed}");
        if !output.status.success() {
            bail!("the consumer failed on {name}: {}", String::from_utf8_lossy(&output.stderr));
        }
        if !printed.starts_with(&format!("{name}: 100 of 100 sold")) {
            bail!("the consumer was built for {name}, and printed: {printed}");
        }
    }
    Ok(())
}

fn lint(which: &[&str]) -> Command {
    let args = ["clippy", "--quiet"].iter().chain(which).chain(&["--", "-D", "warnings"]);
    cargo(args.collect::<Vec<_>>())
}
