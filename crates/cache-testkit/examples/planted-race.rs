//! A data race on purpose: `cargo xtask sanitize` fails unless ThreadSanitizer reports it.
//!
//! It is the control of that command. Suppressions that were too wide, or a build that was not instrumented, would
//! let it pass.

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

struct Unguarded(UnsafeCell<i64>);

// SAFETY: none. Sharing this is the fault that must be found.
unsafe impl Sync for Unguarded {}

fn main() {
    let counter = Unguarded(UnsafeCell::new(0));
    let counter = &counter;
    // The threads take turns, so that each access follows one of the other thread's. Relaxed, so that it orders
    // nothing.
    let turn = &AtomicUsize::new(0);
    thread::scope(|scope| {
        for index in 0..2 {
            scope.spawn(move || {
                for _ in 0..1_000 {
                    while turn.load(Ordering::Relaxed) % 2 != index {
                        thread::yield_now();
                    }
                    // SAFETY: none; nothing orders this after what the other thread did.
                    unsafe { *counter.0.get() += 1 };
                    turn.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    // SAFETY: the scope has ended, so no other thread is left.
    println!("{}", unsafe { *counter.0.get() });
}
