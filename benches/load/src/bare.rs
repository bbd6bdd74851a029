//! How many answers a second there are, whatever they say.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::{Client, Plan, Sale};

/// Each connection prepares its requests before the run and sends them repeatedly, so that the generator costs little.
const REQUESTS: u64 = 512;

/// Sends the purchases of a sale to a path in a closed loop, for the duration of its shape. Returns the answers a second.
///
/// # Errors
///
/// If a connection fails.
pub async fn run(client: &Client, sale: &Sale, path: &str) -> Result<f64> {
    let shape = sale.shape();
    let plan = Arc::new(Plan::new(shape));
    let done = Arc::new(AtomicU64::new(0));
    let begin = Instant::now();
    let end = begin + Duration::from_secs(shape.duration);
    let workers: Vec<_> = (0..u64::from(shape.connections))
        .map(|worker| {
            let requests: Vec<_> = (worker * REQUESTS..(worker + 1) * REQUESTS)
                .map(|number| {
                    let attempt = plan.attempt(number);
                    let item = sale.target(attempt.target);
                    client.buy_at(path, attempt.user, &item, attempt.quantity, &format!("bare-{number}"))
                })
                .collect();
            let (mut link, done) = (client.link(worker as usize), Arc::clone(&done));
            tokio::spawn(async move {
                for request in requests.iter().cycle() {
                    if Instant::now() >= end {
                        break;
                    }
                    link.ask(request).await?;
                    done.fetch_add(1, Ordering::Relaxed);
                }
                anyhow::Ok(())
            })
        })
        .collect();
    for worker in workers {
        worker.await.context("a worker panicked")?.with_context(|| format!("no answer from {path}"))?;
    }
    Ok(done.load(Ordering::Relaxed) as f64 / begin.elapsed().as_secs_f64())
}
