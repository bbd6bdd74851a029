//! The program `report`, as `cargo xtask report` calls it.

use std::fs;
use std::process::{Command, Output};

use crate::{fixture, pages};

fn report(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_report")).args(args).output().expect("the program runs")
}

#[test]
fn it_writes_what_it_says() {
    let directory = pages::directory("program");
    let input = directory.join("in.json");
    let json = fixture::complete(1).to_json().expect("a run");
    hotcache_report::write_whole(&input, &json).expect("written");
    let out = directory.join("out");
    let output = report(&["--input", &input.to_string_lossy(), "--out", &out.to_string_lossy()]);
    assert!(output.status.success(), "{output:?}");
    for file in ["index.html", "README.md", "run.json", "charts/latency.svg"] {
        assert!(out.join(file).is_file(), "{file}");
    }
    let told = String::from_utf8_lossy(&output.stdout).lines().count();
    assert_eq!(told, 3 + fs::read_dir(out.join("charts")).expect("charts").count());
    fs::remove_dir_all(directory).expect("removed");
}

#[test]
fn it_refuses_with_the_name_of_the_file() {
    let directory = pages::directory("refused");
    let input = directory.join("bad.json");
    hotcache_report::write_whole(&input, "{\"version\": 7}").expect("written");
    let file = input.to_string_lossy();
    for (args, wanted) in [
        (vec!["--input", &*file, "--out", "x"], "bad.json: version: this is version 7"),
        (vec!["--input", "no/such.json", "--out", "x"], "no/such.json: No such file"),
        (vec!["--input", &*file, "--out", &*file], "is a file; --out names a directory"),
        (vec!["--out", "x"], "--input"),
    ] {
        let output = report(&args);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(wanted), "{args:?}: {said}");
    }
    fs::remove_dir_all(directory).expect("removed");
}
