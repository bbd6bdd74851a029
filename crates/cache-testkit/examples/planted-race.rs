//! A data race on purpose: `cargo xtask sanitize` fails unless ThreadSanitizer reports it.
//!
//! It is the control of that command. Suppressions that were too wide, or a build that was not instrumented, would
//! let it pass.

use std::cell::UnsafeCell;
use std::hint;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

struct Unguarded(UnsafeCell<i64>);

// SAFETY: none. Sharing this is the fault that must be found.
unsafe impl Sync for Unguarded {}

fn main() {
    let counter = Unguarded(UnsafeCell::new(0));
    let counter = &counter;
    // Relaxed, so that it orders nothing: it only sees to it that neither thread has ended before the other begins.
    let started = &AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(move || {
                started.fetch_add(1, Ordering::Relaxed);
                while started.load(Ordering::Relaxed) < 2 {
                    hint::spin_loop();
                }
                for _ in 0..100_000 {
                    // SAFETY: none; two threads do this at once.
                    unsafe { *counter.0.get() += 1 };
                }
            });
        }
    });
    // SAFETY: the scope has ended, so no other thread is left.
    println!("{}", unsafe { *counter.0.get() });
}
