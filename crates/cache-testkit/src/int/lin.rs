//! Linearizability of random concurrent histories, key by key.

use std::thread;

use cache_core::counter::Closable;
use cache_core::{Backend, IntCache, Key, Options};

use crate::history::{IntOp, IntSpec, Window, check_windows, random_windows, record};
use crate::threads::beside;
use crate::violation::OrPanic;
use crate::{Random, Violation, fresh_seed, scale};

/// Windows of each shape.
const WINDOWS: usize = 400;

/// Windows of each shape where another thread takes its share of the cores.
const WINDOWS_BESIDE: usize = 100;

/// Threads, keys and operations for each thread and window. Every shape keeps to
/// [`MAX_OPS`](crate::history::MAX_OPS) even if all operations fall on one key.
const SHAPES: [(usize, usize, usize); 3] = [(2, 1, 8), (3, 2, 7), (4, 2, 5)];

/// One key in the table's short form, one longer than any table keeps inline.
const STR_KEYS: [&str; 2] = ["a", "a key that is longer than what fits beside a value"];

fn run<K: Key + ?Sized>(cache: &impl IntCache<K>, keys: &[&K], windows: usize) -> Result<(), Violation> {
    let seed = fresh_seed();
    let mut random = Random::new(seed);
    for (threads, used, ops) in SHAPES {
        let windows = random_windows::<IntSpec>(&mut random, scale(windows), threads, used, ops);
        // The last shape left values behind, which the specification is to start without.
        keys.iter().for_each(|key| {
            cache.del(key);
        });
        let histories =
            record::<IntSpec>(&windows, used, random.next(), |key, op| op.apply(cache, keys[key]));
        check_windows::<IntSpec>(&histories)
            .map_err(|violation| violation.at(format_args!("HOTCACHE_TEST_SEED={seed}")))?;
    }
    Ok(())
}

/// Histories of two `str` keys.
pub fn str_keys<B: Backend>() {
    let cache = B::int::<str, _>(Options::new());
    run(&cache, &STR_KEYS, WINDOWS).or_panic();
}

/// Histories of two `u64` keys, in a cache that has room.
pub fn integer_keys<B: Backend>() {
    let cache = B::int::<u64, _>(Options::new().capacity(1000));
    run(&cache, &[&0, &u64::MAX], WINDOWS).or_panic();
}

/// Histories of two keys, while another thread inserts and removes many others, so that the table moves.
pub fn while_growing<B: Backend>() {
    let cache = B::int::<str, _>(Options::new());
    let mut next = 0_u64;
    let grow = || {
        next += 1;
        cache.set(&format!("other key {next}"), 0);
        // Every now and then from the start, so that the table can be watched while it is small too.
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

/// Histories of two keys, while another thread calls `retain` and `for_each` and removes nothing.
pub fn while_iterating<B: Backend>() {
    let cache = B::int::<str, _>(Options::new());
    for key in 0..100 {
        cache.set(&format!("other key {key}"), 0);
    }
    let iterate = || {
        let mut others = 0;
        cache.retain(&mut |key, _| {
            others += i32::from(key.starts_with("other key"));
            true
        });
        cache.for_each(&mut |key, _| others -= i32::from(key.starts_with("other key")));
        assert_eq!(others, 0, "keys that are present throughout are seen once");
        thread::yield_now();
    };
    beside(iterate, || {
        run(&cache, &STR_KEYS, WINDOWS_BESIDE).or_panic();
    });
}

/// Histories of one key whose values are all at, or beside, what a closed counter holds.
///
/// With so few values a history tells less apart; what it finds is a sentinel taken for a value, or the reverse.
pub fn around_the_sentinel<B: Backend>() {
    let cache = B::int::<str, _>(Options::new());
    let seed = fresh_seed();
    let mut random = Random::new(seed);
    let windows: Vec<_> = (0..scale(WINDOWS))
        .map(|_| Window { scripts: vec![near_sentinel(&mut random), near_sentinel(&mut random)] })
        .collect();
    let histories = record::<IntSpec>(&windows, 1, random.next(), |_, op| op.apply(&cache, "a"));
    check_windows::<IntSpec>(&histories)
        .map_err(|violation| violation.at(format_args!("HOTCACHE_TEST_SEED={seed}")))
        .or_panic();
}

fn near_sentinel(random: &mut Random) -> Vec<(usize, IntOp)> {
    let op = |random: &mut Random| {
        let near = Closable::SENTINEL + random.between(-1, 1);
        match random.below(10) {
            0 => IntOp::Get,
            1 => IntOp::Set(near),
            2..5 => IntOp::Add(random.between(-1, 1)),
            5 => IntOp::CompareExchange(Closable::SENTINEL, near),
            6 => IntOp::Swap(near),
            7 => IntOp::InsertNew(Closable::SENTINEL),
            8 => IntOp::Take,
            _ => IntOp::DelIfBelow(near),
        }
    };
    (0..8).map(|_| (0, op(random))).collect()
}
