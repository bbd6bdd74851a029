//! What is wrong with flags and files is said before anything is served.
#![expect(clippy::unwrap_used, reason = "a test that unwraps says what it expects by failing")]

mod support;

use std::fs;
use std::process::{Command, Output};

use support::{directory, program};

fn run(args: &[&str]) -> Output {
    Command::new(program()).args(args).output().unwrap()
}

fn fails(args: &[&str], parts: &[&str]) {
    let output = run(args);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{args:?} succeeded");
    for part in parts {
        assert!(said.contains(part), "{part:?} is not in {said:?}");
    }
}

#[test]
fn mistakes_in_flags_are_named() {
    fails(&["--listen", "here"], &["--listen", "here", "invalid socket address"]);
    fails(&["--user-rate", "-1"], &["-1"]);
    fails(&["--listn", "127.0.0.1:0"], &["--listn", "--listen"]);
    fails(&["token"], &["--user", "--admin"]);
    fails(&["token", "--users", "0"], &["--users", "0"]);
    fails(&["--config", "/no/such/file"], &["/no/such/file", "cannot read"]);
    let data = directory("flags");
    let data = data.to_str().unwrap();
    fails(&["--data", data, "token", "--user", "a b"], &["invalid user id", "a b", "allowed"]);
}

#[test]
fn mistakes_in_files_are_named() {
    let data = directory("files");
    let config = data.join("sale.toml");
    let path = config.to_str().unwrap();
    fs::write(&config, "[limits]\nuser_rte = 1\n").unwrap();
    fails(&["--config", path], &["sale.toml", "limits", "user_rte", "user_rate"]);
    fs::write(&config, "data = 'd'\n[lists]\nblocked = 'none.txt'\n").unwrap();
    fails(&["--config", path, "--listen", "127.0.0.1:0"], &["cannot read the list", "none.txt"]);
    fs::write(&config, "data = 'd'\n").unwrap();
    fs::write(data.join("d/keys.toml"), "users = []\nadministrators = []\n").unwrap();
    fails(&["--config", path], &["keys.toml", "there is no key"]);
    fs::remove_file(data.join("d/keys.toml")).unwrap();
    fs::write(data.join("d/catalogue.json"), "{").unwrap();
    fails(&["--config", path, "--listen", "127.0.0.1:0"], &["invalid catalogue", "catalogue.json"]);
}

#[test]
fn a_port_that_is_taken_is_named() {
    let data = directory("port");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    fails(&["--data", data.to_str().unwrap(), "--listen", &address], &["cannot listen on", &address]);
}
