//! Sales per second through a lease, beside one Lua script per sale, on a server of its own in the same run.
//!
//! `cargo run --release -p cache-redis --example lease-sales -- [SECONDS]`

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use cache_redis::lease::{Lease, Order, Stock};
use cache_redis::{Script, Server};
use redis_testkit::Redis;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// Buyers that order at the same time, in both runs.
const BUYERS: [u64; 3] = [64, 1_000, 10_000];
/// Enough for any run.
const UNITS: u64 = 1_000_000_000_000;
/// Sold before the clock starts.
const WARM_UP: Duration = Duration::from_millis(500);
const USERS: u64 = 1_000_000;

/// The least that a sale by a script can be: a decrement that stops at 0. No order is kept, and no user counted.
const DEDUCT: &str = "local left = tonumber(redis.call('GET', KEYS[1])) - ARGV[1]
if left < 0 then return -1 end
redis.call('DECRBY', KEYS[1], ARGV[1])
return left";

/// What a commit does for each order, done for one order: a limit per user, the order in a stream.
const SELL: &str = "local left = tonumber(redis.call('GET', KEYS[1])) - ARGV[1]
if left < 0 then return -1 end
local bought = tonumber(redis.call('HGET', KEYS[2], ARGV[2]) or '0') + ARGV[1]
if bought > tonumber(ARGV[4]) then return -2 end
redis.call('HSET', KEYS[2], ARGV[2], bought)
redis.call('DECRBY', KEYS[1], ARGV[1])
redis.call('XADD', KEYS[3], '*', ARGV[3], ARGV[1] .. ':' .. ARGV[2])
return left";

/// A measured run.
struct Run {
    sales: f64,
    calls: f64,
}

/// Lets buyers buy, and measures the middle of it. `buy` returns once a sale is acknowledged.
async fn measure<F: Future<Output = bool> + Send>(
    redis: &Redis,
    time: Duration,
    buyers: u64,
    buy: impl Fn(u64) -> F + Send + Sync + 'static,
) -> Run {
    let (buy, sold, is_over) = (Arc::new(buy), Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let mut tasks = JoinSet::new();
    for buyer in 0..buyers {
        let (buy, sold, is_over) = (Arc::clone(&buy), Arc::clone(&sold), Arc::clone(&is_over));
        tasks.spawn(async move {
            for number in 0.. {
                if is_over.load(Relaxed) {
                    break;
                }
                sold.fetch_add(u64::from(buy(number * buyers + buyer).await), Relaxed);
            }
        });
    }
    sleep(WARM_UP).await;
    let (began, before, calls) = (Instant::now(), sold.load(Relaxed), scripts(redis));
    sleep(time).await;
    let (took, sales, calls) = (began.elapsed(), sold.load(Relaxed) - before, scripts(redis) - calls);
    is_over.store(true, Relaxed);
    while tasks.join_next().await.is_some() {}
    Run { sales: sales as f64 / took.as_secs_f64(), calls: calls as f64 / sales as f64 }
}

/// Scripts that the server has run, as it says itself.
fn scripts(redis: &Redis) -> u64 {
    let info = redis.command(&["INFO", "commandstats"]);
    let calls = |line: &str| line.strip_prefix("cmdstat_evalsha:calls=")?.split(',').next()?.parse().ok();
    info.text().lines().find_map(calls).unwrap_or(0)
}

fn print(what: &str, run: &Run, beside: &Run) {
    let ratio = run.sales / beside.sales;
    println!("  {what:<44} {:>9.0} sales/s  {:>7.4} script calls/sale  {ratio:>6.1} x", run.sales, run.calls);
}

async fn by_script(redis: &Redis, time: Duration, buyers: u64, code: &str) -> Result<Run, Box<dyn Error>> {
    redis.command(&["FLUSHALL"]);
    redis.command(&["SET", "{s}:left", &UNITS.to_string()]);
    let commands = Server::standalone(&redis.url())?.commands().await?;
    let script = Arc::new(Script::new(code));
    let buy = move |number: u64| {
        let (commands, script) = (commands.clone(), Arc::clone(&script));
        async move {
            let user = format!("u{}", number % USERS);
            let call = script.key("{s}:left").key("{s}:users").key("{s}:orders");
            let call = call.arg(1).arg(user).arg(format!("o{number}")).arg(1_000_000);
            matches!(commands.invoke::<i64>(&call).await, Ok(0..))
        }
    };
    Ok(measure(redis, time, buyers, buy).await)
}

async fn by_lease(
    redis: &Redis,
    time: Duration,
    buyers: u64,
    batch: usize,
    linger: Duration,
    limit: u32,
) -> Result<Run, Box<dyn Error>> {
    redis.command(&["FLUSHALL"]);
    let server = Server::standalone(&redis.url())?;
    Stock::connect(&server, "", "s").await?.create(UNITS, limit).await?;
    let lease = Lease::builder(&server, "", "s").want(1_000_000).batch(batch).linger(linger).open().await?;
    let seller = lease.clone();
    let buy = move |number: u64| {
        let lease = seller.clone();
        async move {
            let order = Order::new(format!("o{number}")).user(format!("u{}", number % USERS));
            match lease.take(1).await {
                Ok(taken) => taken.commit(order).await.is_ok(),
                Err(_) => false,
            }
        }
    };
    let run = measure(redis, time, buyers, buy).await;
    lease.close().await?;
    Ok(run)
}

/// What a sale costs the thread that sells, before it is committed.
async fn local(redis: &Redis) -> Result<f64, Box<dyn Error>> {
    const TAKES: u32 = 900_000;
    redis.command(&["FLUSHALL"]);
    let server = Server::standalone(&redis.url())?;
    Stock::connect(&server, "", "s").await?.create(UNITS, 0).await?;
    let lease = Lease::builder(&server, "", "s").want(1_000_000).low(1).open().await?;
    let mut taken = Vec::with_capacity(TAKES as usize);
    let began = Instant::now();
    for _ in 0..TAKES {
        taken.push(lease.try_take(1)?);
    }
    let took = began.elapsed();
    drop(taken);
    lease.close().await?;
    Ok(took.as_nanos() as f64 / f64::from(TAKES))
}

fn main() -> Result<(), Box<dyn Error>> {
    let seconds = std::env::args().nth(1).map_or(Ok(3.0), |text| text.parse())?;
    let time = Duration::from_secs_f64(seconds);
    Runtime::new()?.block_on(async {
        for buyers in BUYERS {
            let redis = Redis::start();
            println!("{buyers} buyers at a time, one connection:");
            let deduct = by_script(&redis, time, buyers, DEDUCT).await?;
            print("one script a sale: deduct", &deduct, &deduct);
            let sell = by_script(&redis, time, buyers, SELL).await?;
            print("one script a sale: deduct, limit, order", &sell, &deduct);
            for (batch, linger, limit) in [(100, 2, 0), (1_000, 2, 0), (1_000, 0, 0), (1_000, 0, 1_000_000)] {
                let linger = Duration::from_millis(linger);
                let lease = by_lease(&redis, time, buyers, batch, linger, limit).await?;
                let limited = if limit > 0 { ", limit" } else { "" };
                print(&format!("lease, batches of {batch}, linger {linger:?}{limited}"), &lease, &deduct);
            }
        }
        let redis = Redis::start();
        println!("taking a unit, on one thread: {:.0} ns", local(&redis).await?);
        Ok(())
    })
}
