//! Many threads on the same counters: no add is lost, no bound is passed.

use std::collections::HashSet;
use std::ops::ControlFlow;

use cache_core::{AddError, Backend, IntCache, IntCacheExt, Options};

use super::str_cache;
use crate::threads::{beside, together};
use crate::violation::{OrPanic, ensure};
use crate::{Random, Violation, fresh_seed, scale};

/// More threads than cores on the machines that test, so that they are also interrupted at every point.
const THREADS: usize = 4;

/// Sells `stock` pieces from as many threads as there are `buyers`, each buying until it is refused.
///
/// # Errors
///
/// A [`Violation`] if another number than `stock` was sold, if two buyers were told the same remainder, or if
/// a reader ever saw the stock outside its bounds or growing.
pub fn sell_out(cache: &impl IntCache, buyers: usize, stock: i64) -> Result<(), Violation> {
    let key = "stock";
    cache.set(key, stock);
    let mut last_seen = stock;
    let mut seen_wrong = None;
    let watch = || {
        let seen = cache.get(key);
        match seen {
            Some(left) if (0..=last_seen).contains(&left) => last_seen = left,
            _ => {
                seen_wrong.get_or_insert((seen, last_seen));
            }
        }
    };
    let sold = beside(watch, || together(buyers, |_| buy_until_refused(cache, key)));
    if let Some((seen, before)) = seen_wrong {
        return Err(Violation::wrong(format!(
            "a reader saw {seen:?} after {before}, selling {stock} down to 0"
        )));
    }
    let mut remainders = Vec::new();
    for purchases in sold {
        remainders.extend(purchases?);
    }
    let count = remainders.len();
    let distinct: HashSet<_> = remainders.into_iter().collect();
    ensure!(count as i64 == stock, "{count} pieces sold of {stock}");
    ensure!(
        distinct.len() == count,
        "of {count} purchases only {} left different remainders",
        distinct.len()
    );
    ensure!(cache.get(key) == Some(0), "{:?} left of {stock}, all sold", cache.get(key));
    Ok(())
}

fn buy_until_refused(cache: &impl IntCache, key: &str) -> Result<Vec<i64>, Violation> {
    let mut remainders = Vec::new();
    loop {
        match cache.try_add(key, -1, 0..=i64::MAX) {
            Ok(left) => remainders.push(left),
            Err(AddError::OutOfBounds { current: 0 }) => return Ok(remainders),
            other => return Err(Violation::wrong(format!("a buyer got {other:?}"))),
        }
    }
}

/// Exactly as many decrements succeed as there are pieces, and no reader sees less than none.
pub fn stock_is_never_oversold<B: Backend>() {
    let cache = str_cache::<B>();
    for round in 0..10 {
        sell_out(&cache, THREADS, scale(2000) as i64 + round).or_panic();
    }
}

/// Of many claims on a new key exactly as many succeed as its limit allows.
pub fn limits_of_new_keys_hold<B: Backend>() {
    const LIMIT: i64 = 2;
    let cache = B::int::<u64, _>(Options::new());
    let users = scale(3000) as u64;
    let granted = together(THREADS, |_| {
        (0..users)
            .map(|user| match cache.try_add_or_insert(&user, 1, 0..=LIMIT) {
                Ok(sum @ 1..=LIMIT) => Some(sum),
                Err(AddError::OutOfBounds { current: LIMIT }) => None,
                other => panic!("user {user} got {other:?}"),
            })
            .collect::<Vec<_>>()
    });
    for user in 0..users {
        let mut sums: Vec<i64> = granted.iter().filter_map(|by_thread| by_thread[user as usize]).collect();
        sums.sort_unstable();
        assert_eq!(sums, [1, 2], "user {user}");
        assert_eq!(cache.get(&user), Some(LIMIT));
    }
}

/// Bounded adds in both directions: the value stays within bounds and ends as the sum of what was accepted.
pub fn bounds_hold_in_both_directions<B: Backend>() {
    const CAP: i64 = 20;
    let cache = str_cache::<B>();
    let seed = fresh_seed();
    cache.set("level", 0);
    let watch = || {
        let level = cache.get("level");
        assert!(level.is_some_and(|level| (0..=CAP).contains(&level)), "{level:?} was seen");
    };
    let accepted: i64 = beside(watch, || {
        together(THREADS, |thread| {
            let mut random = Random::new(seed ^ thread as u64);
            (0..scale(5000))
                .map(|_| random.between(-9, 9))
                .filter(|delta| cache.try_add("level", *delta, 0..=CAP).is_ok())
                .sum::<i64>()
        })
    })
    .into_iter()
    .sum();
    assert_eq!(cache.get("level"), Some(accepted), "seed {seed}");
}

/// Adds of 1 return every number once, and their sum stays.
pub fn adds_are_counted_once_each<B: Backend>() {
    let cache = str_cache::<B>();
    let adds = scale(5000);
    let sums = together(THREADS, |_| (0..adds).map(|_| cache.add("visits", 1)).collect::<Vec<_>>());
    for by_thread in &sums {
        assert!(by_thread.is_sorted(), "a thread's own adds must see each other");
    }
    let mut sums = sums.concat();
    sums.sort_unstable();
    assert!(sums.into_iter().eq(1..=(THREADS * adds) as i64));
    assert_eq!(cache.get("visits"), Some((THREADS * adds) as i64));
}

/// Adds to new keys, while all of them grow the table together.
pub fn adds_survive_growth<B: Backend>() {
    let cache = B::int::<u64, _>(Options::new());
    let keys = scale(10_000) as u64;
    together(THREADS, |thread| {
        for key in 0..keys {
            // Half of the threads from the other end, so that they meet on old keys and new ones.
            let key = if thread % 2 == 0 { key } else { keys - 1 - key };
            cache.add(&key, 1);
        }
    });
    assert_eq!(cache.len(), keys as usize);
    for key in 0..keys {
        assert_eq!(cache.get(&key), Some(THREADS as i64), "key {key}");
    }
}

/// A key is inserted and removed once for each removal that says so.
pub fn each_removal_is_told_once<B: Backend>() {
    let cache = str_cache::<B>();
    let rounds = scale(3000);
    for _ in 0..3 {
        let counted: Vec<(usize, usize)> = together(THREADS, |_| {
            let (mut inserted, mut removed) = (0, 0);
            for _ in 0..rounds {
                // The one that makes a new key's counter is the one that gets the first sum.
                inserted += usize::from(cache.add("key", 1) == 1);
                removed += usize::from(cache.del("key"));
            }
            (inserted, removed)
        });
        let inserted: usize = counted.iter().map(|(inserted, _)| inserted).sum();
        let removed: usize = counted.iter().map(|(_, removed)| removed).sum();
        let left = usize::from(cache.del("key"));
        assert_eq!(inserted, removed + left);
    }
}

/// A reader on one key never goes back in time while a writer counts up.
pub fn reads_do_not_go_back<B: Backend>() {
    let cache = str_cache::<B>();
    let end = scale(20_000) as i64;
    cache.set("clock", 0);
    together(THREADS, |thread| {
        if thread == 0 {
            for tick in 1..=end {
                cache.set("clock", tick);
            }
            return;
        }
        let mut last = 0;
        let walk = std::iter::repeat_with(|| cache.get("clock")).try_for_each(|seen| match seen {
            Some(tick) if tick >= last => {
                last = tick;
                if tick == end { ControlFlow::Break(Ok(())) } else { ControlFlow::Continue(()) }
            }
            _ => ControlFlow::Break(Err(seen)),
        });
        assert_eq!(walk, ControlFlow::Break(Ok(())), "after {last}");
    });
}
