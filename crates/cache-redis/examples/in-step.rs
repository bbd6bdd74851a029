//! How soon a write is visible in a mirror, and how old the mirror says that it is:
//! `cargo run --release --example in-step -p cache-redis [writes a second] [heartbeat in ms] [seconds]`.
//!
//! It starts a Redis of its own. One thread writes at a fixed rate, another waits for every tenth write to become visible, and a third
//! reads the staleness every millisecond.

use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use cache_bucket::BucketIntCache;
use cache_core::IntCache;
use cache_redis::{Mirror, Server};
use redis_testkit::Redis;

const KEYS: u64 = 20_000;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let arg = |index, default| std::env::args().nth(index).map_or(Ok(default), |text| text.parse::<u64>());
    let (rate, heartbeat, seconds) = (arg(1, 4_000)?, arg(2, 5)?, arg(3, 10)?);
    let redis = Redis::start();
    let cache: Arc<BucketIntCache> = Arc::default();
    let server = Server::standalone(&redis.url())?;
    let heartbeat = Duration::from_millis(heartbeat);
    let mirror =
        Mirror::builder(&server, "stock:").heartbeat(heartbeat).int(Arc::clone(&cache)).start().await?;
    mirror.ready().await?;
    let mirror = Arc::new(mirror);
    let stop = Arc::new(AtomicBool::new(false));

    let ages = thread::spawn({
        let (mirror, stop) = (Arc::clone(&mirror), Arc::clone(&stop));
        move || {
            let mut ages = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                ages.extend(mirror.staleness());
                thread::sleep(Duration::from_millis(1));
            }
            ages
        }
    });
    let (sender, writes) = mpsc::channel::<(String, i64, Instant)>();
    let delays = thread::spawn(move || {
        let mut delays = Vec::new();
        for (key, value, written) in writes {
            while cache.get(&key).is_none_or(|seen| seen < value) {
                thread::sleep(Duration::from_micros(50));
            }
            delays.push(written.elapsed());
        }
        delays
    });
    let mut connection = redis.connect();
    let start = Instant::now();
    let mut late = 0_u32;
    for n in 0..rate * seconds {
        let due = start + Duration::from_secs_f64(n as f64 / rate as f64);
        let early = due.saturating_duration_since(Instant::now());
        if early.is_zero() {
            late += 1;
        } else {
            thread::sleep(early);
        }
        // Each key is written in turn, so that a value is the number of its write.
        let (key, value) = (n.wrapping_mul(7_919) % KEYS, n as i64);
        let written = Instant::now();
        connection.command(&["SET", &format!("stock:{key}"), &value.to_string()])?;
        if n % 10 == 0 {
            sender.send((key.to_string(), value, written))?;
        }
    }
    let took = start.elapsed();
    drop(sender);
    let delays = delays.join().map_err(|_| "the waiting thread panicked")?;
    stop.store(true, Ordering::Relaxed);
    let ages = ages.join().map_err(|_| "the reading thread panicked")?;
    let written = rate * seconds;
    println!("{written} writes in {took:.1?} ({late} of them late), a heartbeat of {heartbeat:?}");
    print("from a write's being sent to its being visible", delays);
    print("staleness, as exposed", ages);
    Ok(())
}

fn print(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    println!(
        "{what}: p50 {:.2?}, p99 {:.2?}, p999 {:.2?}, most {:.2?}",
        at(0.5),
        at(0.99),
        at(0.999),
        at(1.0)
    );
}
