//! The example as its user runs it.

use std::process::{Command, Output};

use redis_testkit::{Proxy, Redis};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mirror-example"))
        .args(arguments)
        .output()
        .expect("the example can be run")
}

fn text(output: &Output) -> String {
    let both = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&both).into_owned()
}

#[test]
fn both_processes_agree_in_either_mode() {
    for mode in ["tracking", "stream"] {
        let output = run(&["--mode", mode, "--rounds", "5"]);
        let text = text(&output);
        assert!(output.status.success(), "{text}");
        assert!(text.contains("both processes agree with Redis"), "{text}");
    }
}

#[test]
fn a_process_that_does_not_follow_is_noticed() {
    for mode in ["tracking", "stream"] {
        let output = run(&["--mode", mode, "--sabotage"]);
        let text = text(&output);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains("process 2 does not agree in round 1"), "{text}");
    }
}

#[test]
fn a_server_of_the_user_is_left_as_it_was() {
    let redis = Redis::start();
    redis.command(&["SET", "mine", "1"]);
    for mode in ["tracking", "stream"] {
        let output = run(&["--redis", &redis.url(), "--mode", mode, "--rounds", "2"]);
        assert!(output.status.success(), "{}", text(&output));
        assert_eq!(redis.command(&["KEYS", "*"]).array().len(), 1);
    }
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let redis = Redis::start();
    let proxy = Proxy::to(&redis);
    proxy.refuse(true);
    let output = run(&["--redis", &proxy.url()]);
    let text = text(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains(&format!("127.0.0.1:{}", proxy.port())), "{text}");
}
