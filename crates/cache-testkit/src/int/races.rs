//! The two races of the design that hotcache replaces: each operation on a new key making a counter of its own.
//!
//! The scripts are run as stress on every backend, and on
//! [`FaultyIntCache`](crate::faulty::FaultyIntCache) with a hook that makes them fail every time.

use cache_core::{Backend, IntCache};

use super::str_cache;
use crate::history::{IntOp, IntSpec, Window, check_windows, record};
use crate::violation::OrPanic;
use crate::{Violation, fresh_seed, scale};

/// Rounds on one key; each starts with the key absent.
const ROUNDS: usize = 300;

/// Keys that are raced for one after the other, so that the table grows meanwhile.
const KEYS: usize = 8;

/// Two sets of a new key at once, one followed by an add: the add counts from one of the set values.
///
/// # Errors
///
/// A [`Violation`] with the history, if one of the sets was lost.
pub fn race_two_sets(cache: &impl IntCache, key: &str, rounds: usize, seed: u64) -> Result<(), Violation> {
    race(cache, key, rounds, seed, [&[IntOp::Set(1)], &[IntOp::Set(2), IntOp::Add(5)]])
}

/// A set and an add of a new key at once: the sum shows which was first, and is kept if the set was.
///
/// # Errors
///
/// A [`Violation`] with the history, if one of the two was lost.
pub fn race_set_and_add(cache: &impl IntCache, key: &str, rounds: usize, seed: u64) -> Result<(), Violation> {
    race(cache, key, rounds, seed, [&[IntOp::Set(10)], &[IntOp::Add(5)]])
}

/// Two adds of a new key at once, one of them bounded: both count.
///
/// # Errors
///
/// A [`Violation`] with the history, if one of the two was lost.
pub fn race_two_adds(cache: &impl IntCache, key: &str, rounds: usize, seed: u64) -> Result<(), Violation> {
    let bounded = IntOp::TryAddOrInsert(5, 0..=i64::MAX);
    race(cache, key, rounds, seed, [&[IntOp::Add(1)], &[bounded]])
}

/// An add while a take runs: the take returns its sum, or the add counts from 0 anew.
///
/// # Errors
///
/// A [`Violation`] with the history, if the add was lost.
pub fn race_take_and_add(
    cache: &impl IntCache,
    key: &str,
    rounds: usize,
    seed: u64,
) -> Result<(), Violation> {
    race(cache, key, rounds, seed, [&[IntOp::Add(5)], &[IntOp::Add(1), IntOp::Take]])
}

/// An add while `del_if` runs: it decides on the sum, or the add counts from 0 anew.
///
/// # Errors
///
/// A [`Violation`] with the history, if the add was lost.
pub fn race_del_if_and_add(
    cache: &impl IntCache,
    key: &str,
    rounds: usize,
    seed: u64,
) -> Result<(), Violation> {
    race(cache, key, rounds, seed, [&[IntOp::Add(5)], &[IntOp::Add(1), IntOp::DelIfBelow(3)]])
}

/// An add while the value is compared and exchanged: one sees the other.
///
/// # Errors
///
/// A [`Violation`] with the history, if the add was lost.
pub fn race_exchange_and_add(
    cache: &impl IntCache,
    key: &str,
    rounds: usize,
    seed: u64,
) -> Result<(), Violation> {
    race(cache, key, rounds, seed, [&[IntOp::Add(5)], &[IntOp::Add(1), IntOp::CompareExchange(1, 20)]])
}

fn race(
    cache: &impl IntCache,
    key: &str,
    rounds: usize,
    seed: u64,
    scripts: [&[IntOp]; 2],
) -> Result<(), Violation> {
    let on_key = |script: &[IntOp]| -> Vec<_> { script.iter().map(|op| (0, op.clone())).collect() };
    let removal = Window { scripts: vec![on_key(&[IntOp::Del]), Vec::new()] };
    let contest = Window { scripts: scripts.map(on_key).into() };
    // Histories start without the key.
    cache.del(key);
    let windows: Vec<_> = (0..rounds).flat_map(|_| [removal.clone(), contest.clone()]).collect();
    let histories = record::<IntSpec>(&windows, 1, seed, |_, op| op.apply(cache, key));
    check_windows::<IntSpec>(&histories)
        .map_err(|violation| violation.at(format_args!("HOTCACHE_TEST_SEED={seed}")))
}

/// No set of a new key is lost to another set.
pub fn two_sets_of_a_new_key<B: Backend>() {
    let cache = str_cache::<B>();
    for key in 0..KEYS {
        race_two_sets(&cache, &format!("key {key}"), scale(ROUNDS), fresh_seed()).or_panic();
    }
}

/// No add of a new key is lost to a set that is ordered before it.
pub fn a_set_and_an_add_of_a_new_key<B: Backend>() {
    let cache = str_cache::<B>();
    for key in 0..KEYS {
        race_set_and_add(&cache, &format!("key {key}"), scale(ROUNDS), fresh_seed()).or_panic();
    }
}

/// No add of a new key is lost to another add.
pub fn two_adds_of_a_new_key<B: Backend>() {
    let cache = str_cache::<B>();
    for key in 0..KEYS {
        race_two_adds(&cache, &format!("key {key}"), scale(ROUNDS), fresh_seed()).or_panic();
    }
}

/// No add is lost to a take that did not return it.
pub fn a_take_and_an_add<B: Backend>() {
    let cache = str_cache::<B>();
    for key in 0..KEYS {
        race_take_and_add(&cache, &format!("key {key}"), scale(ROUNDS), fresh_seed()).or_panic();
    }
}

/// No add is lost to a `del_if` that did not see it.
pub fn a_del_if_and_an_add<B: Backend>() {
    let cache = str_cache::<B>();
    for key in 0..KEYS {
        race_del_if_and_add(&cache, &format!("key {key}"), scale(ROUNDS), fresh_seed()).or_panic();
    }
}

/// No add is lost to an exchange that did not see it.
pub fn an_exchange_and_an_add<B: Backend>() {
    let cache = str_cache::<B>();
    for key in 0..KEYS {
        race_exchange_and_add(&cache, &format!("key {key}"), scale(ROUNDS), fresh_seed()).or_panic();
    }
}
