//! Tells the benchmarks which compiler builds them, and how: a number means little without it.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=RUSTC");
    println!("cargo::rustc-env=BENCH_COMPILER={}", compiler());
    println!("cargo::rustc-env=BENCH_FLAGS={}", flags());
}

/// The first line of the compiler's version, its back end and its target.
fn compiler() -> String {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("-vV").output();
    let said = output.map_or(String::new(), |output| String::from_utf8_lossy(&output.stdout).into_owned());
    let field = |name: &str| said.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("?");
    let target = env::var("TARGET").unwrap_or_default();
    format!("{}, LLVM {}, {target}", said.lines().next().unwrap_or("?"), field("LLVM version: "))
}

/// The profile, as the workspace's manifest has it unless the environment says otherwise, and the flags.
fn flags() -> String {
    let setting = |name: &str, manifest: &str| {
        let variable = format!("CARGO_PROFILE_BENCH_{name}");
        println!("cargo::rerun-if-env-changed={variable}");
        env::var(variable).unwrap_or_else(|_| manifest.to_owned())
    };
    println!("cargo::rerun-if-env-changed=CARGO_ENCODED_RUSTFLAGS");
    let opt_level = env::var("OPT_LEVEL").unwrap_or_default();
    let (lto, units) = (setting("LTO", "fat"), setting("CODEGEN_UNITS", "1"));
    let rustflags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default().replace('\u{1f}', " ");
    let rustflags = if rustflags.is_empty() { "none".to_owned() } else { rustflags };
    format!("profile bench: opt-level {opt_level}, lto {lto}, codegen-units {units}; RUSTFLAGS: {rustflags}")
}
