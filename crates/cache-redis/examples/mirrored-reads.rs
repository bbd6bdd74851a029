//! What a read costs while a mirror keeps its cache in step, and while it loads everything again:
//! `cargo run --release --example mirrored-reads -p cache-redis [keys]`.
//!
//! It starts a Redis of its own, with a few writes a second. The row beside is a cache of the same size that nobody follows.

use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cache_bucket::BucketIntCache;
use cache_core::IntCache;
use cache_redis::{Mirror, Server, State};
use hotcache_bench_alloc::live_bytes;
use redis_testkit::Redis;

/// Samples of each kind, in turn.
const ROUNDS: usize = 41;

/// Reads for each sample.
const READS: usize = 100_000;

#[tokio::main(flavor = "multi_thread", worker_threads = 1)]
async fn main() -> Result<(), Box<dyn Error>> {
    let keys: usize = std::env::args().nth(1).map_or(Ok(1_000_000), |keys| keys.parse())?;
    let redis = Redis::start();
    fill(&redis, keys);
    let alone: BucketIntCache = BucketIntCache::default();
    let server = Server::standalone(&redis.url())?;
    let mirror = Mirror::builder(&server, "stock:").int(Arc::<BucketIntCache>::default()).start().await?;
    mirror.ready().await?;
    mirror.cache().for_each(&mut |key, value| alone.set(key, value));

    println!("{keys} keys in step, least of {ROUNDS} samples of {READS} reads");
    for hot in [100, keys] {
        let names: Vec<String> =
            (0..READS).map(|n| (n.wrapping_mul(7_919) % hot.min(keys)).to_string()).collect();
        let mut least = [f64::INFINITY; 3];
        for _ in 0..ROUNDS {
            keep(&mut least[0], sample(&names, |key| alone.get(key)));
            keep(&mut least[1], sample(&names, |key| mirror.cache().get(key)));
            keep(&mut least[2], sample(&names, |key| mirror.read().ok().and_then(|cache| cache.get(key))));
        }
        let [beside, of_mirror, checked] = least;
        println!("one of {hot} keys");
        println!("  a cache that nobody follows   {beside:>6.1} ns");
        println!("  `cache()` of the mirror       {of_mirror:>6.1} ns  {:>5.2} x", of_mirror / beside);
        println!("  `read()`, which asks its age  {checked:>6.1} ns  {:>5.2} x", checked / beside);
    }
    resync(&redis, &mirror).await
}

/// Cuts the mirror's connections, and reads while it loads everything again.
async fn resync(redis: &Redis, mirror: &Mirror<BucketIntCache>) -> Result<(), Box<dyn Error>> {
    let before = live_bytes();
    let stop = AtomicBool::new(false);
    let start = Instant::now();
    redis.command(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
    let (reads, absent, most, took) = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let (mut reads, mut absent, mut most) = (0_u64, 0_u64, before);
            while !stop.load(Ordering::Relaxed) {
                for key in ["0", "7", "99"] {
                    reads += 1;
                    absent += u64::from(mirror.cache().get(key).is_none());
                }
                if reads.is_multiple_of(3_000) {
                    most = most.max(live_bytes());
                }
            }
            (reads, absent, most)
        });
        let wait = async {
            while mirror.state() == State::Ready {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            mirror.wait_for_sync().await
        };
        let ended = tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(wait));
        let took = start.elapsed();
        stop.store(true, Ordering::Relaxed);
        let (reads, absent, most) = reader.join().map_err(|_| "the reading thread panicked")?;
        ended?;
        Ok::<_, Box<dyn Error>>((reads, absent, most, took))
    })?;
    println!("after a disconnect, in step again in {:.2} s", took.as_secs_f64());
    println!("  {reads} reads meanwhile, {absent} found nothing");
    println!("  at most {:.2} x the bytes of before", most as f64 / before as f64);
    if absent > 0 {
        return Err("a key that was there was absent during the resync".into());
    }
    Ok(())
}

fn keep(least: &mut f64, sample: f64) {
    *least = least.min(sample);
}

/// Nanoseconds for each read.
fn sample(names: &[String], read: impl Fn(&str) -> Option<i64>) -> f64 {
    let start = Instant::now();
    for name in names {
        assert!(black_box(read(name)).is_some(), "{name} is not there");
    }
    start.elapsed().as_nanos() as f64 / names.len() as f64
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
