//! What a refusal costs beside the bare look-ups that it makes, and what a sale costs by the kind of stock.
//!
//! `cargo xtask bench --gate`, or `cargo run --release -p cache-gate --example refusals -- [seconds]`.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use cache_bucket::BucketBackend;
use cache_core::{Backend, IntCache, ObjCacheExt, Options};
use cache_gate::{Admission, Event, Gate, Item, MemoryStock, Request, SplitStock, Stock};
use hotcache_bench_alloc::by_this_thread;

/// Users and items of the sale, so that the tables are not empty.
const USERS: usize = 1 << 16;
const ITEMS: usize = 1 << 10;

/// Operations between two looks at whether the time is over.
const BATCH: u64 = 256;

/// How often each pair is measured, one after the other: the median of their ratios is told.
const ROUNDS: usize = 7;

fn user(n: usize) -> String {
    format!("user:{n:07}")
}

fn item(n: usize) -> String {
    format!("sku:{n:05}")
}

/// The processor time of this thread: other programs do not count.
#[cfg(target_os = "linux")]
fn cpu_nanos() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

#[cfg(not(target_os = "linux"))]
fn cpu_nanos() -> u64 {
    use std::sync::LazyLock;
    use std::time::Instant;
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed().as_nanos() as u64
}

/// Nanoseconds of processor time and allocations of one operation, on each of `threads` threads at once.
fn measure(threads: usize, time: Duration, work: impl Fn(usize) + Sync) -> (f64, f64) {
    let stop = AtomicBool::new(false);
    let (done, nanos, allocated) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    thread::scope(|scope| {
        for thread in 0..threads {
            let (work, stop, done, nanos, allocated) = (&work, &stop, &done, &nanos, &allocated);
            scope.spawn(move || {
                // Each thread goes its own way through the keys.
                let mut key = thread * 7_919;
                (0..10_000).for_each(|n| work(key + n));
                let (mut operations, before, began) = (0, by_this_thread(), cpu_nanos());
                while !stop.load(Ordering::Relaxed) {
                    for _ in 0..BATCH {
                        key = key.wrapping_add(31);
                        work(key);
                    }
                    operations += BATCH;
                }
                nanos.fetch_add(cpu_nanos() - began, Ordering::Relaxed);
                allocated.fetch_add(by_this_thread().since(before).count, Ordering::Relaxed);
                done.fetch_add(operations, Ordering::Relaxed);
            });
        }
        thread::sleep(time);
        stop.store(true, Ordering::Relaxed);
    });
    let done = done.into_inner() as f64;
    (nanos.into_inner() as f64 / done, allocated.into_inner() as f64 / done)
}

/// Measures two kinds of work in turns, and prints both and the median of their ratios.
fn pair(
    name: &str,
    threads: usize,
    time: Duration,
    bare: impl Fn(usize) + Sync,
    gate: impl Fn(usize) + Sync,
) {
    let share = time / (2 * ROUNDS as u32);
    let mut rounds = Vec::new();
    let mut most_allocated = 0.0_f64;
    for _ in 0..ROUNDS {
        let (bare, _) = measure(threads, share, &bare);
        let (gate, allocated) = measure(threads, share, &gate);
        most_allocated = most_allocated.max(allocated);
        rounds.push((gate / bare, bare, gate));
    }
    rounds.sort_by(|one, other| one.0.total_cmp(&other.0));
    let (ratio, bare, gate) = rounds[ROUNDS / 2];
    println!(
        "{name:<24} {threads} threads  {bare:6.1} ns look-ups  {gate:6.1} ns admit  {ratio:4.2} x  {:5.1} M/s each  {most_allocated:.3} allocations",
        1_000.0 / gate
    );
}

fn refusals<B: Backend>(threads: usize, time: Duration) {
    let gate = Gate::<B>::builder().build();
    gate.add_event(Event::new("sale")).expect("it is new");
    for n in 0..ITEMS {
        gate.add_item(Item::new(item(n), "sale", 0)).expect("it is new");
    }
    gate.replace_blocked((0..USERS).map(user));
    gate.set_ready(true);
    // The same maps, with the same keys, to be looked up by hand.
    let blocked = B::int::<str, _>(Options::new());
    (0..USERS).for_each(|n| blocked.set(&user(n), 0));
    let items = B::obj::<[u64; 16], str, _>(Options::new());
    (0..ITEMS).for_each(|n| items.insert(&item(n), [1; 16]));

    let bad: Vec<_> = (0..USERS).map(user).collect();
    let good: Vec<_> = (USERS..2 * USERS).map(user).collect();
    let names: Vec<_> = (0..ITEMS).map(item).collect();
    for name in &names {
        assert!(gate.admit(&Request::new("last", name, 1)).is_err(), "it closes the latch");
    }
    // Both sides get the same request, and the bare one looks up what is in it.
    let is_bad = |request: &Request<'_>| blocked.get(request.user).is_some();
    let value = |request: &Request<'_>| items.with(request.item, |value| value[0]);
    let blocked_user = |n: usize| black_box(Request::new(&bad[n % USERS], &names[n % ITEMS], 1));
    pair(
        &format!("{} black-listed", B::NAME),
        threads,
        time,
        |n| _ = black_box(is_bad(&blocked_user(n))),
        |n| _ = black_box(gate.admit(&blocked_user(n))),
    );
    let late_user = |n: usize| black_box(Request::new(&good[n % USERS], &names[n % ITEMS], 1));
    pair(
        &format!("{} sold out", B::NAME),
        threads,
        time,
        |n| {
            let request = late_user(n);
            _ = black_box((is_bad(&request), value(&request)));
        },
        |n| _ = black_box(gate.admit(&late_user(n))),
    );
    // All ask for one item, whose line is shared by all threads.
    let hot = |n: usize| black_box(Request::new(&good[n % USERS], &names[0], 1));
    pair(
        &format!("{} sold out, one item", B::NAME),
        threads,
        time,
        |n| {
            let request = hot(n);
            _ = black_box((is_bad(&request), value(&request)));
        },
        |n| _ = black_box(gate.admit(&hot(n))),
    );
}

/// What it costs to take a unit and to give it back.
fn stock(name: &str, threads: usize, time: Duration, stock: &impl Stock) {
    let (nanos, _) = measure(threads, time, |_| {
        if let Ok(goods) = stock.try_take(1) {
            stock.give_back(1, goods);
        }
    });
    println!("{name:<24} {threads} threads  {nanos:6.1} ns a unit taken and given back");
}

/// What a sale costs: admitted and committed, the count and the reservation included.
fn sales(name: &str, threads: usize, time: Duration, split: Option<usize>) {
    let gate = Gate::<BucketBackend>::builder().max_reservations(usize::MAX).max_users(usize::MAX).build();
    gate.add_event(Event::new("sale")).expect("it is new");
    let item = Item::new("sku", "sale", 1_000_000_000_000);
    gate.add_item(split.map_or(item, |cells| Item::new("sku", "sale", 1_000_000_000_000).split(cells)))
        .expect("it is new");
    gate.set_ready(true);
    let users: Vec<_> = (0..USERS).map(user).collect();
    let (nanos, allocated) = measure(threads, time, |n| {
        if let Ok(Admission::Held(held)) = gate.admit(&Request::new(&users[n % USERS], "sku", 1)) {
            drop(held);
        }
    });
    println!(
        "{name:<24} {threads} threads  {nanos:6.1} ns admitted and given back  {allocated:.1} allocations"
    );
}

fn main() {
    let seconds = std::env::args().nth(1).and_then(|word| word.parse().ok()).unwrap_or(3.0);
    let time = Duration::from_secs_f64(seconds);
    for threads in [1, 2] {
        refusals::<BucketBackend>(threads, time);
        refusals::<cache_papaya::PapayaBackend>(threads, time);
    }
    for threads in [1, 2] {
        stock("MemoryStock", threads, time, &MemoryStock::new(1_000_000));
        stock("SplitStock, 8 cells", threads, time, &SplitStock::new(1_000_000, 8));
        sales("sale, MemoryStock", threads, time, None);
        sales("sale, SplitStock", threads, time, Some(8));
    }
}
