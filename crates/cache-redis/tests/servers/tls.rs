//! A server that only speaks TLS.
#![cfg(feature = "tls")]

use std::process::Command;
use std::{env, fs};

use cache_redis::{Error, Server};
use redis_testkit::Redis;

/// The variable that hands the URL to the program that is run with the roots of the test.
const URL: &str = "HOTCACHE_TLS_URL";

#[test]
fn a_server_is_trusted_by_the_roots_of_the_system_only() {
    let directory = env::temp_dir().join(format!("hotcache-tls-{}", std::process::id()));
    fs::create_dir_all(&directory).unwrap();
    let path = |name: &str| directory.join(name).to_str().unwrap().to_owned();
    let signed = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(path("cert.pem"), signed.cert.pem()).unwrap();
    fs::write(path("key.pem"), signed.signing_key.serialize_pem()).unwrap();

    // The plain port stays, as the testkit needs it. Nobody else is told of the other.
    let port = 20_000 + std::process::id() % 10_000;
    let redis = Redis::builder()
        .config("tls-port", &port.to_string())
        .config("tls-cert-file", &path("cert.pem"))
        .config("tls-key-file", &path("key.pem"))
        .config("tls-ca-cert-file", &path("cert.pem"))
        .config("tls-auth-clients", "no")
        .start();
    let run = |roots: &str| {
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--exact", "tls::connect", "--nocapture"]);
        command.env(URL, format!("rediss://localhost:{port}")).env("SSL_CERT_FILE", roots);
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.lines()
            .find_map(|line| line.strip_prefix("result: "))
            .unwrap_or_else(|| panic!("{text}"))
            .to_owned()
    };
    assert_eq!(run(&path("cert.pem")), "PONG");
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(path("other.pem"), other.cert.pem()).unwrap();
    assert!(run(&path("other.pem")).contains("certificate"));
    drop(redis);
    fs::remove_dir_all(directory).unwrap();
}

/// A part of the test above, which runs it in a process with roots of its own. By itself it does nothing.
#[tokio::test]
async fn connect() {
    let Ok(url) = env::var(URL) else { return };
    let server = Server::standalone(&url).unwrap();
    let result = match server.commands().await {
        Ok(commands) => commands.query::<String>(&redis::cmd("PING")).await,
        Err(error) => Err(error),
    };
    match result {
        Ok(pong) => println!("\nresult: {pong}"),
        Err(error @ Error::Unreachable { .. }) => println!("\nresult: {error}"),
        Err(error) => panic!("{error:?}"),
    }
}
