//! What is set anew while `retain` asks about the counter that was there.

use std::thread;
use std::time::Duration;

use cache_core::{Backend, IntCache};

use super::str_cache;
use crate::Signals;

/// Time for a write beside `retain`. On a map whose write waits for `retain` it passes in vain.
const A_MOMENT: Duration = Duration::from_millis(100);

/// Keys that make any table grow.
const GROWTH: i64 = 2_000;

/// While `retain` asks about the counter of "a", another thread deletes it, makes a new one and inserts keys.
fn keeps_what_is_set_meanwhile<B: Backend>(growth: i64) {
    const OLD: i64 = -1;
    const NEW: i64 = -2;
    let cache = str_cache::<B>();
    cache.set("a", OLD);
    let signals = Signals::new();
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            signals.wait("asked");
            cache.del("a");
            cache.set("a", NEW);
            (0..growth).for_each(|key| cache.set(&format!("other {key}"), key));
            signals.raise("written");
        });
        cache.retain(&mut |_, value| {
            if value != OLD {
                return true;
            }
            signals.raise("asked");
            signals.wait_for("written", A_MOMENT);
            false
        });
        // By hand: ThreadSanitizer does not see the end of a scope.
        writer.join().expect("the writer does not panic");
    });
    let there = cache.get("a");
    assert_eq!(
        there,
        Some(NEW),
        "`retain` was told to remove the old counter, and never to remove the new one"
    );
    assert_eq!(cache.len() as i64, 1 + growth);
}

/// A counter that is made anew while `retain` asks about the one that was deleted stays.
pub fn keeps_a_counter_made_anew<B: Backend>() {
    keeps_what_is_set_meanwhile::<B>(0);
    keeps_what_is_set_meanwhile::<B>(GROWTH);
}
