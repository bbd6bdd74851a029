//! One of the two processes: a cache that a mirror keeps, and answers about it.
//!
//! It says `ready`, and then answers each line of its input. It ends when the input does, so it never outlives the first process.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, Result};
use cache_bucket::BucketIntCache;
use cache_core::IntCache;
use cache_redis::feed::{Log, RedisFeed};
use cache_redis::{Mirror, Server};
use tokio::io::{AsyncBufReadExt, BufReader, stdin};

use crate::Mode;

pub(crate) async fn run(server: &str, prefix: &str, mode: Mode, stop_after_load: bool) -> Result<()> {
    let server = Server::standalone(server)?;
    let stock: Arc<BucketIntCache> = Arc::default();
    let mut builder = Mirror::builder(&server, prefix);
    if let Mode::Stream = mode {
        builder = builder.follow(RedisFeed::new(&server, &Log::of(prefix)?)?);
    }
    let mirror = builder.int(Arc::clone(&stock)).start().await.context("the mirror cannot start")?;
    mirror.ready().await.context("the mirror does not get ready")?;
    if stop_after_load {
        mirror.stop().await;
    }
    println!("ready");
    let mut lines = BufReader::new(stdin()).lines();
    while lines.next_line().await?.is_some() {
        // What was written before the question is in the answer. A mirror that was stopped says so, and has what it had.
        let synced = mirror.wait_for_sync().await;
        let staleness = mirror.staleness().unwrap_or_default();
        let state = if synced.is_ok() { "in step" } else { "stopped" };
        let all = text(&*stock);
        println!("{state}\t{}\t{all}", staleness.as_micros());
    }
    Ok(())
}

/// All keys with their values, in order.
fn text(stock: &dyn IntCache) -> String {
    let mut all = BTreeMap::new();
    stock.for_each(&mut |key: &str, value| _ = all.insert(key.to_owned(), value));
    let all: Vec<_> = all.into_iter().map(|(key, value)| format!("{key}={value}")).collect();
    all.join(" ")
}
