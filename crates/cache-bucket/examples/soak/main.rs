//! The long test of the table: `cargo xtask soak` builds it optimized and runs it.
//!
//! Three parts, each of which must leave the memory as it found it:
//!
//! * [`histories`]: recorded operations, checked for linearizability, while the tables grow and shrink;
//! * [`sums`]: many more threads than cores, for minutes, with every value known;
//! * [`short_lived`]: threads that come and go by the thousand.
//!
//! Its arguments are three numbers: recorded operations, seconds of the second part, and the seed.
#![forbid(unsafe_code)]

mod histories;
mod memory;
mod progress;
mod short_lived;
mod sums;
mod tide;

use std::panic;
use std::process;
use std::time::Duration;

fn main() {
    let numbers: Vec<u64> = std::env::args().skip(1).map_while(|word| word.parse().ok()).collect();
    let [operations, seconds, seed] = numbers[..] else {
        eprintln!("usage: soak OPERATIONS SECONDS SEED, three integers; see `cargo xtask soak --help`");
        process::exit(2);
    };
    println!("seed {seed}");
    // Without this, threads that wait for a panicked one would wait for ever.
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        usual(info);
        eprintln!("the seed was {seed}");
        process::exit(101);
    }));
    // Each part runs once in small, so that one-time allocations exist before the memory is measured.
    memory::unchanged(
        "histories",
        || histories::run(operations / 1000, seed),
        || {
            histories::run(operations, seed);
        },
    );
    let brief = Duration::from_millis(500);
    memory::unchanged("sums", || sums::run(brief, seed), || sums::run(Duration::from_secs(seconds), seed));
    memory::unchanged(
        "short-lived threads",
        || short_lived::run(1, seed),
        || {
            short_lived::run(short_lived::WAVES, seed);
        },
    );
    println!("all parts passed");
}
