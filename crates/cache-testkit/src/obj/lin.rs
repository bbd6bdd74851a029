//! Linearizability of random concurrent histories, key by key.

use std::sync::Arc;
use std::thread;

use cache_core::{Backend, Key, ObjCache, Options};

use crate::history::{ObjSpec, check_windows, random_windows, record};
use crate::threads::beside;
use crate::violation::OrPanic;
use crate::{Random, Violation, fresh_seed, scale};

/// Windows of each shape.
const WINDOWS: usize = 400;

/// Windows of each shape where another thread takes its share of the cores.
const WINDOWS_BESIDE: usize = 100;

/// Threads, keys and operations for each thread and window, as for integers.
const SHAPES: [(usize, usize, usize); 3] = [(2, 1, 8), (3, 2, 7), (4, 2, 5)];

const STR_KEYS: [&str; 2] = ["a", "a key that is longer than what fits beside a value"];

fn run<K: Key + ?Sized>(cache: &impl ObjCache<i64, K>, keys: &[&K], windows: usize) -> Result<(), Violation> {
    let seed = fresh_seed();
    let mut random = Random::new(seed);
    for (threads, used, ops) in SHAPES {
        let windows = random_windows::<ObjSpec>(&mut random, scale(windows), threads, used, ops);
        keys.iter().for_each(|key| {
            cache.del(key);
        });
        let histories =
            record::<ObjSpec>(&windows, used, random.next(), |key, op| op.apply(cache, keys[key]));
        check_windows::<ObjSpec>(&histories)
            .map_err(|violation| violation.at(format_args!("HOTCACHE_TEST_SEED={seed}")))?;
    }
    Ok(())
}

/// Histories of two `str` keys.
pub fn str_keys<B: Backend>() {
    let cache = B::obj::<i64, str, _>(Options::new());
    run(&cache, &STR_KEYS, WINDOWS).or_panic();
}

/// Histories of two `u64` keys, in a cache that has room.
pub fn integer_keys<B: Backend>() {
    let cache = B::obj::<i64, u64, _>(Options::new().capacity(1000));
    run(&cache, &[&0, &u64::MAX], WINDOWS).or_panic();
}

/// Histories of two keys, while another thread inserts and removes many others, so that the table moves.
pub fn while_growing<B: Backend>() {
    let cache = B::obj::<i64, str, _>(Options::new());
    let mut next = 0_u64;
    let grow = || {
        next += 1;
        cache.set(&format!("other key {next}"), Arc::new(0));
        if next.is_multiple_of(20_000) {
            cache.retain(&mut |key, _| !key.starts_with("other key"));
        }
        if next.is_multiple_of(16) {
            thread::yield_now();
        }
    };
    beside(grow, || {
        run(&cache, &STR_KEYS, WINDOWS_BESIDE).or_panic();
    });
}
