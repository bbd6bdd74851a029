//! The tests of our own table where it does not run otherwise: in an interpreter that checks every access to memory
//! (`cargo xtask miri`), and on other processors, emulated (`cargo xtask cross`).

use anyhow::Result;

use crate::install;
use crate::sh::{self, Steps, cargo};

/// The share of each test's full size that runs under Miri, in per cent.
const INTERPRETED_PERCENT: &str = "1";
/// The share of each test's full size that runs on an emulated processor, in per cent.
const EMULATED_PERCENT: &str = "5";

/// The tests that Miri runs: those of the parts of the kernel, and one of each kind of operation. All tests would
/// take days. Not `calls::`, which takes what lasts minutes for a call that hangs.
const INTERPRETED: &[&[&str]] = &[
    &["--lib", "--", "reclaim::", "raw::state", "raw::space", "raw::overflow"],
    &["--test", "conformance", "--", "basic", "keys::", "drops::", "key_panics::"],
];

/// An emulated processor.
struct Other {
    target: &'static str,
    linker: &'static str,
    runner: &'static str,
}

const OTHERS: [Other; 2] = [
    Other {
        target: "aarch64-unknown-linux-gnu",
        linker: "aarch64-linux-gnu-gcc",
        runner: "qemu-aarch64 -L /usr/aarch64-linux-gnu",
    },
    Other {
        target: "armv7-unknown-linux-gnueabihf",
        linker: "arm-linux-gnueabihf-gcc",
        runner: "qemu-arm -L /usr/arm-linux-gnueabihf",
    },
];

/// Interprets tests of the bucket table with Miri.
pub(crate) fn miri(install: bool) -> Result<()> {
    install::ensure(install::MIRI, install)?;
    let mut steps = Steps::new();
    for tests in INTERPRETED {
        steps.step(&format!("Miri, {}", tests.join(" ")), || {
            let mut miri = cargo(["+nightly", "miri", "test", "-p", "cache-bucket"]);
            miri.args(*tests);
            // The clock is asked how long attempts at reclamation lie apart.
            miri.env("MIRIFLAGS", "-Zmiri-disable-isolation");
            miri.env("HOTCACHE_TEST_SCALE", INTERPRETED_PERCENT).env("HOTCACHE_TEST_TIMEOUT", "86400");
            sh::run(miri.env("CARGO_TARGET_DIR", sh::root().join("target/miri")))
        })?;
    }
    steps.finish();
    Ok(())
}

/// Runs the tests of the bucket table on other processors: one of 64 bits with another memory model, and one of 32.
pub(crate) fn cross(install: bool) -> Result<()> {
    install::ensure(install::CROSS, install)?;
    let mut steps = Steps::new();
    for other in &OTHERS {
        steps.step(other.target, || {
            let mut test = cargo(["test", "-p", "cache-bucket", "--target", other.target]);
            test.args(["--lib", "--test", "conformance", "--test", "stress"]);
            // An emulator shows another system than the one it runs on, so that a barrier would mean nothing.
            let variable =
                |name: &str| format!("CARGO_TARGET_{}_{name}", other.target.to_uppercase().replace('-', "_"));
            test.env(variable("LINKER"), other.linker).env(variable("RUNNER"), other.runner);
            test.env("RUSTFLAGS", "--cfg portable").env("HOTCACHE_TEST_SCALE", EMULATED_PERCENT);
            sh::run(test.env("CARGO_TARGET_DIR", sh::root().join("target/cross")))
        })?;
    }
    steps.finish();
    Ok(())
}
