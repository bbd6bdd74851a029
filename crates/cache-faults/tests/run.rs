//! A short run of everything: no violation, and each control is caught.

use std::process::Command;

#[test]
fn a_short_run_finds_nothing_and_catches_the_controls() {
    let program = env!("CARGO_BIN_EXE_cache-faults");
    let output = Command::new(program).args(["--seed", "3", "--rounds", "2"]).output().unwrap();
    let (out, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{errors}");
    assert_eq!(out.lines().next(), Some("seed 3"));
    assert_eq!(out.matches(": caught: ").count(), 3, "{out}");
    assert!(out.contains("leases, 2 rounds: ") && out.contains("mirrors, 2 rounds: "), "{out}");
}

#[test]
fn an_unknown_subject_is_refused() {
    let program = env!("CARGO_BIN_EXE_cache-faults");
    let output = Command::new(program).args(["--only", "nothing"]).output().unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("mirrors"));
}
