//! A server of version 6, which is a newer one behind a proxy that changes what `INFO` says.
#![expect(clippy::unwrap_used, reason = "a test that unwraps says what it expects by failing")]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;

use cache_redis::lease::{Lease, Stock, StockError};
use cache_redis::{Error, Server, Severity, doctor};
use redis_testkit::Redis;

const TRUE: &[u8] = b"redis_version:7.";
const OLD: &[u8] = b"redis_version:6.";

/// Copies what comes, until the connection ends.
fn copy(mut from: TcpStream, mut to: TcpStream, is_answer: bool) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        let bytes = &mut buffer[..count];
        if let Some(at) = bytes.windows(TRUE.len()).position(|window| window == TRUE).filter(|_| is_answer) {
            bytes[at..at + OLD.len()].copy_from_slice(OLD);
        }
        if to.write_all(bytes).is_err() {
            break;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Both);
}

/// Returns the URL of a proxy.
fn old(redis: &Redis) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    let server = redis.port();
    // It ends with the process.
    thread::spawn(move || {
        for client in listener.incoming() {
            let (client, server) =
                (client.unwrap(), TcpStream::connect((Ipv4Addr::LOCALHOST, server)).unwrap());
            let (back, forth) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            thread::spawn(move || copy(client, server, false));
            thread::spawn(move || copy(forth, back, true));
        }
    });
    url
}

#[tokio::test]
async fn leases_refuse_a_server_that_is_too_old() {
    let redis = Redis::start();
    let (server, old) =
        (Server::standalone(&redis.url()).unwrap(), Server::standalone(&old(&redis)).unwrap());
    // For anything else it will do.
    assert!(old.commands().await.is_ok());
    let has_note = doctor(&old, "t:").await.of("version").any(|finding| finding.severity == Severity::Note);
    assert!(has_note);

    Stock::connect(&server, "t:", "sku:1").await.unwrap().create(10, 0).await.unwrap();
    for error in [
        Stock::connect(&old, "t:", "sku:1").await.unwrap_err(),
        Lease::builder(&old, "t:", "sku:1").open().await.unwrap_err(),
    ] {
        assert!(matches!(error, StockError::Server(Error::TooOld { .. })), "{error:?}");
        assert!(error.to_string().contains("7.0, for leases, or later"), "{error}");
    }
    let report = doctor(&old, "t:").await;
    assert!(report.of("version").any(|finding| finding.severity == Severity::Error), "{report}");
    assert_eq!(doctor(&server, "t:").await.of("version").count(), 0);
}
