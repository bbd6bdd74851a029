//! A node: a process that sells from its lease at full speed, and says what it was told.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use anyhow::Result;
use cache_redis::Server;
use cache_redis::lease::{End, Lease, Order, StockError, TakeError};
use clap::Parser;
use tokio::io::AsyncReadExt;
use tokio::sync::watch;
use tokio::time::sleep;

use super::{GRACE, PREFIX, SKU, TTL};
use crate::random::Random;

/// Buyers of one node that order at the same time.
const BUYERS: u64 = 16;

/// The arguments of a node.
#[derive(Clone, Debug, Parser)]
pub struct NodeFlags {
    #[arg(long)]
    pub(crate) url: String,
    /// Starts the names of its orders: no other incarnation of a node has it.
    #[arg(long)]
    pub(crate) name: String,
    #[arg(long)]
    pub(crate) users: u64,
    #[arg(long)]
    pub(crate) pace: u64,
    #[arg(long)]
    pub(crate) batch: u64,
    #[arg(long)]
    pub(crate) seed: u64,
    /// The planted bug.
    #[arg(long)]
    pub(crate) new_number: bool,
}

/// Sells until standard input ends, then closes the lease.
///
/// Each line of its output says what became of an order: `yes` if it has a receipt, `no` if it was surely not sold, `unknown`
/// otherwise; then the name of the order, its user and the units.
///
/// # Errors
///
/// If the node cannot run at all.
pub fn sell(flags: &NodeFlags) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let result = runtime.block_on(sell_until_told(flags));
    // Reading standard input cannot be cancelled.
    runtime.shutdown_background();
    result
}

async fn sell_until_told(flags: &NodeFlags) -> Result<()> {
    let server = Server::standalone(&flags.url)?;
    let (stop, mut stopped) = watch::channel(false);
    tokio::spawn(async move {
        // Its content does not matter, and neither does an error.
        let _ = tokio::io::stdin().read_to_end(&mut Vec::new()).await;
        let _ = stop.send(true);
    });
    let orders = Arc::new(AtomicU64::new(0));
    let mut buyers = Vec::new();
    let (current, lease) = watch::channel(None::<Lease>);
    for buyer in 0..BUYERS {
        let random = Random::from_seed(flags.seed ^ buyer << 32);
        let buyer = Buyer { flags: flags.clone(), random, orders: Arc::clone(&orders), lease: lease.clone() };
        buyers.push(tokio::spawn(buyer.buy(stopped.clone())));
    }
    while !*stopped.borrow() {
        let mut builder = Lease::builder(&server, PREFIX, SKU)
            .name(&flags.name)
            .want(100)
            .div(8)
            .ttl(TTL)
            .grace(GRACE)
            .batch(flags.batch as usize)
            .linger(Duration::from_millis(1))
            .patience(Duration::from_secs(20));
        if flags.new_number {
            builder = builder.seeded("new-number");
        }
        let opening = tokio::select! {
            opening = builder.open() => opening,
            _ = stopped.wait_for(|stopped| *stopped) => break,
        };
        match opening {
            Ok(lease) => {
                let _ = current.send(Some(lease.clone()));
                tokio::select! {
                    _ = lease.ended() => {}
                    _ = stopped.wait_for(|stopped| *stopped) => {}
                }
            }
            // The stock is being created anew, or the server is away.
            Err(StockError::Absent | StockError::Server(_) | StockError::Ended(_)) => {
                sleep(Duration::from_millis(10)).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
    for buyer in buyers {
        buyer.await?;
    }
    let lease = current.borrow().clone();
    if let Some(lease) = lease {
        match lease.close().await {
            Ok(_) | Err(StockError::Ended(_) | StockError::Server(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

struct Buyer {
    flags: NodeFlags,
    random: Random,
    orders: Arc<AtomicU64>,
    lease: watch::Receiver<Option<Lease>>,
}

impl Buyer {
    async fn buy(mut self, stopped: watch::Receiver<bool>) {
        while !*stopped.borrow() {
            let lease = self.lease.borrow().clone();
            let units = self.random.within(1..=3) as u32;
            let taken =
                lease.as_ref().ok_or(TakeError::Ended(End::Closed)).and_then(|lease| lease.try_take(units));
            let taken = match taken {
                Ok(taken) => taken,
                Err(TakeError::Refilling) => {
                    tokio::task::yield_now().await;
                    continue;
                }
                Err(_) => {
                    sleep(Duration::from_millis(5)).await;
                    continue;
                }
            };
            if self.random.percent(5) {
                // Changed his mind.
                continue;
            }
            let order = format!("{}/{}", self.flags.name, self.orders.fetch_add(1, Relaxed));
            let user = format!("u{}", self.random.within(0..=self.flags.users - 1));
            let said = match taken.commit(Order::new(&order).user(&user)).await {
                Ok(_) => "yes",
                Err(error) if error.is_unknown() => "unknown",
                Err(_) => "no",
            };
            // One write, so that a line is never mixed with another. Nobody listens after the end of a round.
            let line = format!("{said} {order} {user} {units}\n");
            let _ = std::io::stdout().write_all(line.as_bytes());
            if self.flags.pace > 0 {
                sleep(Duration::from_millis(self.random.within(0..=self.flags.pace))).await;
            } else {
                tokio::task::yield_now().await;
            }
        }
    }
}
