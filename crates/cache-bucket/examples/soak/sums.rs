//! Many threads on few cores, for minutes, with every value known.
//!
//! There are four caches. The values of each are known for another reason, although every thread writes at once:
//!
//! * *stock*: every thread only adds, and keeps account; at the end of a round each key is the sum of what was added;
//! * *owned*: each key has one writer, which may do any operation and knows the result;
//! * *told*: a value follows from its key, so keys may come and go, one by one or all at once;
//! * *objects*: an object follows from its key, and each object is counted.

mod round;
mod worker;

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use cache_core::IntCache;
use cache_testkit::Random;

use crate::progress::Progress;
use round::Round;
use worker::Worker;

/// The number of threads: sixteen for each core of the smallest machine.
const THREADS: usize = 32;
/// How long the threads work between two summations.
const ROUND: Duration = Duration::from_secs(2);

/// Works for `seconds`, and sums up after each round. Rounds are counted, so that time in which the process is
/// stopped does not count as work.
pub(crate) fn run(time: Duration, seed: u64) {
    let round = Round::new();
    let barrier = Barrier::new(THREADS);
    let last = AtomicBool::new(false);
    let operations = AtomicU64::new(0);
    let mut progress = Progress::new("sums");
    let (mut rounds, wanted) = (0, time.as_secs_f64() / ROUND.as_secs_f64());
    thread::scope(|scope| {
        for thread in 1..THREADS {
            let (round, barrier, last, operations) = (&round, &barrier, &last, &operations);
            scope.spawn(move || {
                let mut worker = Worker::new(round, thread, seed);
                while !last.load(Ordering::Acquire) {
                    operations.fetch_add(worker.work(ROUND), Ordering::Relaxed);
                    barrier.wait();
                    worker.check();
                    // The first thread sums up here, and decides whether this was the last round.
                    barrier.wait();
                }
            });
        }
        let mut worker = Worker::new(&round, 0, seed);
        let mut random = Random::new(seed);
        while !last.load(Ordering::Acquire) {
            operations.fetch_add(worker.work(ROUND.min(time)), Ordering::Relaxed);
            barrier.wait();
            worker.check();
            round.check();
            if random.one_in(2) {
                round.stock_taken();
            }
            rounds += 1;
            last.store(f64::from(rounds) >= wanted, Ordering::Release);
            progress.tell(
                f64::from(rounds) / wanted,
                &format!("{} million operations", operations.load(Ordering::Relaxed) / 1_000_000),
            );
            barrier.wait();
        }
    });
    let left = round.stock.len();
    drop(round);
    worker::assert_no_object_lives();
    println!(
        "sums: {} operations by {THREADS} threads in {:.0} s of work, summed up {rounds} times, the last over {left} keys, and \
         always exact; no object is left",
        operations.into_inner(),
        f64::from(rounds) * ROUND.min(time).as_secs_f64()
    );
}
