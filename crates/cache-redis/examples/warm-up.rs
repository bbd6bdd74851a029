//! How fast a mirror is filled, beside a loop that only reads: `cargo run --release --example warm-up -p cache-redis [keys]`.
//!
//! It starts a Redis of its own. The loop scans and asks for values as the mirror does, in the same packets, and throws them
//! away.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use cache_bucket::BucketIntCache;
use cache_core::IntCache;
use cache_redis::{Mirror, Server};
use hotcache_bench_alloc::live_bytes;
use redis::aio::MultiplexedConnection;
use redis::{Client, Value};
use redis_testkit::Redis;

/// Loads of each kind, in turn.
const ROUNDS: usize = 7;

/// Keys for each page, as the mirror asks for.
const PAGE: usize = 1_000;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let keys: usize = std::env::args().nth(1).map_or(Ok(1_000_000), |keys| keys.parse())?;
    let redis = Redis::start();
    fill(&redis, keys);
    let mut rates: [Vec<f64>; 3] = Default::default();
    let mut most = 0;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let read = scan_and_get(&redis).await?;
        rates[0].push(read as f64 / start.elapsed().as_secs_f64());

        let cache: Arc<BucketIntCache> = Arc::default();
        let (rate, above) = load(&redis, &cache).await?;
        assert_eq!(cache.len(), keys);
        rates[1].push(rate);
        most = most.max(above);

        // The cache is full, so that the mirror has to note what it has seen, and to sweep.
        cache.set("gone", 1);
        let (rate, above) = load(&redis, &cache).await?;
        assert_eq!(cache.len(), keys);
        rates[2].push(rate);
        most = most.max(above);
    }
    let [raw, first, again] = rates.map(median);
    println!("{keys} keys, medians of {ROUNDS} loads");
    println!("SCAN and MGET alone   {raw:>10.0} keys/s");
    println!("a mirror, first load  {first:>10.0} keys/s  {:>5.1} %", 100.0 * first / raw);
    println!("a mirror, resync      {again:>10.0} keys/s  {:>5.1} %", 100.0 * again / raw);
    println!("at most {:.1} MiB above what the cache has afterwards", most as f64 / f64::from(1 << 20));
    Ok(())
}

fn fill(redis: &Redis, keys: usize) {
    let script =
        "for n = ARGV[1], ARGV[2] do redis.call('SET', 'stock:' .. string.format('%d', n), n % 1000) end";
    for first in (0..keys).step_by(10_000) {
        let last = (first + 9_999).min(keys - 1);
        let reply = redis.command(&["EVAL", script, "0", &first.to_string(), &last.to_string()]);
        assert!(!reply.is_error(), "{reply:?}");
    }
}

/// Reads all keys and values, and returns how many there were.
async fn scan_and_get(redis: &Redis) -> Result<usize, Box<dyn Error>> {
    let mut connection: MultiplexedConnection =
        Client::open(redis.url() + "?protocol=resp3")?.get_multiplexed_async_connection().await?;
    let mut keys: Vec<Value> = Vec::new();
    let (mut cursor, mut read, mut begun) = (0_u64, 0, false);
    loop {
        let mut pipeline = redis::pipe();
        if !keys.is_empty() {
            let mget = pipeline.cmd("MGET");
            for key in &keys {
                if let Value::BulkString(key) = key {
                    mget.arg(&key[..]);
                }
            }
        }
        let is_last = begun && cursor == 0;
        if !is_last {
            pipeline.cmd("SCAN").arg(cursor).arg("MATCH").arg("stock:*").arg("COUNT").arg(PAGE);
        }
        begun = true;
        let count = pipeline.len();
        let mut answers = connection.send_packed_commands(&pipeline, 0, count).await?;
        if !is_last {
            let Some(Value::Array(page)) = answers.pop() else { return Err("SCAN returned no list".into()) };
            let [next, found] = <[Value; 2]>::try_from(page).map_err(|_| "SCAN returned no pair")?;
            cursor = redis::from_redis_value(next)?;
            let Value::Array(found) = found else { return Err("SCAN returned no keys".into()) };
            keys = found;
        }
        if let Some(Value::Array(values)) = answers.pop() {
            read += values.len();
        }
        if is_last {
            return Ok(read);
        }
    }
}

/// Loads a cache. Returns the keys a second, and the bytes that were allocated above those that stay.
async fn load(redis: &Redis, cache: &Arc<BucketIntCache>) -> Result<(f64, i64), Box<dyn Error>> {
    let (stop, most) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicI64::new(0)));
    let watch = {
        let (stop, most) = (Arc::clone(&stop), Arc::clone(&most));
        std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                most.fetch_max(live_bytes(), Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(2));
            }
        })
    };
    let server = Server::standalone(&redis.url())?;
    let start = Instant::now();
    let mirror = Mirror::builder(&server, "stock:").int(Arc::clone(cache)).start().await?;
    mirror.ready().await?;
    let rate = cache.len() as f64 / start.elapsed().as_secs_f64();
    mirror.stop().await;
    stop.store(true, Ordering::Relaxed);
    watch.join().map_err(|_| "the watching thread panicked")?;
    Ok((rate, most.load(Ordering::Relaxed) - live_bytes()))
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}
