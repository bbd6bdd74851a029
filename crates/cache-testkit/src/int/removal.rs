//! `take`, `del_if` and `retain` decide on the final value: no write that succeeds is lost to them.

use cache_core::{Backend, IntCache, IntCacheExt, Options};

use super::str_cache;
use crate::threads::{beside, together};
use crate::violation::{OrPanic, ensure};
use crate::{Random, Violation, fresh_seed, scale};

/// More threads than cores on the machines that test, so that they are also interrupted at every point.
const THREADS: usize = 4;

/// Purchases of each thread. A soak makes ten million of them in all.
const PURCHASES: usize = 20_000;

/// Few enough that buyers and removals meet all the time.
const USERS: usize = 8;

/// A take removes the key and returns its value, once.
pub fn take_returns_the_value<B: Backend>() {
    let cache = str_cache::<B>();
    assert_eq!(cache.take("a"), None);
    cache.set("a", 7);
    cache.set("b", 8);
    assert_eq!(cache.take("a"), Some(7));
    assert_eq!(cache.take("a"), None);
    assert!(!cache.contains("a"));
    assert!(!cache.del("a"));
    assert_eq!(cache.len(), 1);
    assert_eq!(cache.keys(), ["b"]);
    assert_eq!(cache.add("a", 1), 1, "a key that was taken counts from 0");
    assert_eq!(cache.take("a"), Some(1));
}

/// `del_if` shows the value, removes the key if it is told to, and leaves it otherwise.
pub fn del_if_removes_what_it_is_told_to<B: Backend>() {
    let cache = str_cache::<B>();
    assert!(!cache.del_if("a", |_| panic!("the key is absent")));
    cache.set("a", 7);
    let mut shown = Vec::new();
    assert!(!cache.del_if("a", |value| {
        shown.push(value);
        false
    }));
    assert_eq!((shown, cache.get("a")), (vec![7], Some(7)));
    assert!(cache.del_if("a", |value| value == 7));
    assert!(!cache.del_if("a", |_| true));
    assert_eq!((cache.get("a"), cache.len()), (None, 0));
    assert_eq!(cache.add("a", 2), 2, "a removed key counts from 0");
}

/// Threads buy one piece for a user, or give theirs back, while others remove the users who have none.
///
/// # Errors
///
/// A [`Violation`] if the counters do not say what was bought and not given back, or if one was ever out of bounds.
pub fn buy_beside_removals(
    cache: &impl IntCache<u64>,
    buyers: usize,
    purchases: usize,
    seed: u64,
) -> Result<(), Violation> {
    let mut random = Random::new(!seed);
    let mut seen_wrong = None;
    let remove = || {
        let user = random.below(USERS) as u64;
        let mut look = |value: i64| {
            if !(0..=1).contains(&value) {
                seen_wrong = Some((user, value));
            }
            value
        };
        cache.del_if(&user, |value| look(value) == 0);
        cache.retain(&mut |_, value| look(value) != 0);
    };
    let owned = beside(remove, || together(buyers, |buyer| buy(cache, purchases, seed ^ buyer as u64)));
    let mut bought = [0; USERS];
    for owned in owned {
        bought.iter_mut().zip(owned?).for_each(|(sum, owned)| *sum += owned);
    }
    if let Some((user, value)) = seen_wrong {
        return Err(Violation::wrong(format!("user {user} had {value} pieces")));
    }
    for (user, bought) in bought.into_iter().enumerate() {
        let counted = cache.get(&(user as u64)).unwrap_or(0);
        ensure!(counted == bought, "user {user} bought {bought}, and the counter says {counted}");
    }
    Ok(())
}

/// Buys for random users and gives back at random; how many pieces of each user this thread still owns.
fn buy(cache: &impl IntCache<u64>, purchases: usize, seed: u64) -> Result<[i64; USERS], Violation> {
    let mut random = Random::new(seed);
    let mut owned = [0; USERS];
    for _ in 0..purchases {
        let user = random.below(USERS);
        let key = user as u64;
        if owned[user] == 0 {
            owned[user] += i64::from(cache.try_add_or_insert(&key, 1, 0..=1).is_ok());
        } else {
            let left = cache.add(&key, -1);
            ensure!(left == 0, "user {user} gave the only piece back, and has {left}");
            owned[user] = 0;
        }
        if random.one_in(64) {
            std::thread::yield_now();
        }
    }
    Ok(owned)
}

/// No purchase is lost to a removal of users who have bought nothing.
pub fn no_purchase_is_lost<B: Backend>() {
    let seed = fresh_seed();
    let cache = B::int::<u64, _>(Options::new());
    buy_beside_removals(&cache, THREADS, scale(PURCHASES), seed)
        .map_err(|violation| violation.at(format_args!("HOTCACHE_TEST_SEED={seed}")))
        .or_panic();
}

/// What takes return, and what is left, is what was added.
pub fn takes_return_every_add<B: Backend>() {
    let cache = str_cache::<B>();
    let mut taken = 0;
    let take = || taken += cache.take("counter").unwrap_or(0);
    let adds = scale(20_000) as i64;
    beside(take, || {
        together(THREADS, |_| {
            for _ in 0..adds {
                cache.add("counter", 1);
            }
        });
    });
    let left = cache.take("counter").unwrap_or(0);
    assert_eq!(taken + left, THREADS as i64 * adds, "{left} were left");
}

/// What `del_if` was shown when it removed, and what is left, is what was added.
///
/// Not with `retain`, which may be asked about a counter that is made anew meanwhile, and cannot tell.
pub fn removals_see_every_add<B: Backend>() {
    let cache = str_cache::<B>();
    let mut removed = 0;
    let remove = || {
        let mut last = 0;
        if cache.del_if("counter", |value| {
            last = value;
            value % 2 == 0
        }) {
            removed += last;
        }
    };
    let adds = scale(20_000) as i64;
    beside(remove, || {
        together(THREADS, |_| {
            for _ in 0..adds {
                cache.add("counter", 1);
            }
        });
    });
    let left = cache.take("counter").unwrap_or(0);
    assert_eq!(removed + left, THREADS as i64 * adds, "{left} were left");
}

/// A key is inserted and removed once for each removal that says so, whichever removes it.
pub fn each_removal_is_told_once<B: Backend>() {
    let cache = str_cache::<B>();
    let counted: Vec<(usize, usize)> = together(THREADS, |thread| {
        let (mut inserted, mut removed) = (0, 0);
        for _ in 0..scale(5000) {
            inserted += usize::from(cache.insert_new("key", 1).is_ok());
            removed += usize::from(match thread {
                0 => cache.del("key"),
                1 => cache.take("key").is_some(),
                2 => cache.del_if("key", |_| true),
                _ => cache.del("key"),
            });
        }
        (inserted, removed)
    });
    let inserted: usize = counted.iter().map(|(inserted, _)| inserted).sum();
    let removed: usize = counted.iter().map(|(_, removed)| removed).sum();
    let left = usize::from(cache.del("key"));
    assert_eq!(inserted, removed + left);
    assert!(cache.is_empty());
}

/// What swaps return, and what is left, is what was added.
pub fn swaps_return_every_add<B: Backend>() {
    let cache = str_cache::<B>();
    let mut drained = 0;
    let drain = || drained += cache.swap("counter", 0).unwrap_or(0);
    let adds = scale(20_000) as i64;
    beside(drain, || {
        together(THREADS, |_| {
            for _ in 0..adds {
                cache.add("counter", 1);
            }
        });
    });
    let left = cache.swap("counter", 0).unwrap_or(0);
    assert_eq!(drained + left, THREADS as i64 * adds, "{left} were left");
}

/// Updates are applied one after the other: none works on a value that another has replaced.
pub fn updates_are_atomic<B: Backend>() {
    let cache = str_cache::<B>();
    let updates = scale(5000) as i64;
    together(THREADS, |thread| {
        for _ in 0..updates {
            match thread {
                0 => assert!(cache.update_or_insert("counter", 1, |value| Some(value + 1)).is_ok()),
                1 => {
                    cache.add("counter", 1);
                }
                // Until the other threads have inserted it.
                _ => {
                    while cache.update("counter", |value| Some(value + 1)).is_err() {
                        std::thread::yield_now();
                    }
                }
            }
        }
    });
    assert_eq!(cache.get("counter"), Some(THREADS as i64 * updates));
}
