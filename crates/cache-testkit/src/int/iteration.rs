//! Iteration while others write: weakly consistent, and exactly so.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use cache_core::{Backend, IntCache, Options};

use crate::scale::budget;
use crate::threads::beside;
use crate::{patience, scale};

/// Keys that are present throughout.
const STABLE: u64 = 1000;

/// Iterations over all of them.
const ROUNDS: usize = 60;

/// A cache with the stable keys, and someone who inserts and removes others while `body` runs.
fn churned<B: Backend>(body: impl Fn(&B::Int<u64, cache_core::DefaultHashBuilder>)) {
    let cache = B::int::<u64, _>(Options::new());
    for key in 0..STABLE {
        cache.set(&key, 1);
    }
    let mut next = STABLE;
    let churn = || {
        next += 1;
        cache.set(&next, -1);
        // Grows to a few thousand keys, then shrinks again and starts over.
        if next.is_multiple_of(4000) {
            for key in STABLE..=next {
                cache.del(&key);
            }
            next = STABLE;
        }
        cache.add(&(next % STABLE), 1);
    };
    beside(churn, || (0..scale(ROUNDS)).for_each(|_| body(&cache)));
}

/// `for_each` sees each key that is present throughout exactly once, while the table grows and shrinks.
pub fn for_each_sees_stable_keys_once<B: Backend>() {
    churned::<B>(|cache| {
        let mut seen = Vec::new();
        cache.for_each(&mut |key, value| {
            if *key < STABLE {
                assert!(value >= 1, "key {key} has {value}");
                seen.push(*key);
            }
        });
        seen.sort_unstable();
        assert!(seen.iter().copied().eq(0..STABLE), "{seen:?}");
    });
}

/// `keys` has each key that is present throughout exactly once.
pub fn keys_has_stable_keys_once<B: Backend>() {
    churned::<B>(|cache| {
        let mut seen = cache.keys();
        seen.retain(|key| *key < STABLE);
        seen.sort_unstable();
        assert!(seen.iter().copied().eq(0..STABLE), "{seen:?}");
    });
}

/// `retain` shows each key that is present throughout exactly once, and keeps it if told to.
pub fn retain_shows_stable_keys_once<B: Backend>() {
    churned::<B>(|cache| {
        let mut seen = Vec::new();
        cache.retain(&mut |key, _| {
            if *key < STABLE {
                seen.push(*key);
            }
            *key < STABLE
        });
        seen.sort_unstable();
        assert!(seen.iter().copied().eq(0..STABLE), "{seen:?}");
        assert!((0..STABLE).all(|key| cache.get(&key).is_some()));
    });
}

/// `len` is never off by more than what comes and goes, and exact when nothing does.
pub fn len_is_exact_when_quiet<B: Backend>() {
    let cache = B::int::<u64, _>(Options::new());
    for key in 0..STABLE {
        cache.set(&key, 1);
    }
    let churn = || {
        cache.set(&STABLE, 1);
        cache.del(&STABLE);
    };
    beside(churn, || {
        for _ in 0..scale(2000) {
            let len = cache.len() as u64;
            assert!((STABLE..=STABLE + 1).contains(&len), "{len} of {STABLE}");
        }
    });
    assert_eq!(cache.len() as u64, STABLE);
    assert_eq!(cache.keys().len() as u64, STABLE);
}

/// `clear` removes all that is present throughout, and what is inserted after it stays.
pub fn clear_beside_inserts<B: Backend>() {
    const MOST_BESIDE_A_CLEAR: u64 = 5_000;

    let cache = B::int::<u64, _>(Options::new());
    // Keys below this are in; the next may be on its way.
    let inserted = AtomicU64::new(0);
    let cleared = AtomicU64::new(0);
    let insert = || {
        let key = inserted.load(Ordering::Acquire);
        // No further ahead than this, or a table that inserts faster than it clears would grow all through the test.
        if key > cleared.load(Ordering::Acquire) + MOST_BESIDE_A_CLEAR {
            std::thread::yield_now();
            return;
        }
        cache.set(&key, 1);
        inserted.store(key + 1, Ordering::Release);
    };
    let after_last_clear = beside(insert, || {
        let mut after = 0;
        let end = Instant::now() + budget();
        for _ in (0..scale(200)).take_while(|_| Instant::now() < end) {
            let before = inserted.load(Ordering::Acquire);
            cache.clear();
            after = inserted.load(Ordering::Acquire) + 1;
            cleared.store(after, Ordering::Release);
            let left = cache.keys().into_iter().min();
            assert!(
                left.is_none_or(|key| key >= before),
                "{left:?} is left, and keys below {before} were cleared"
            );
            std::thread::yield_now();
        }
        crate::threads::eventually(patience(), || {
            (inserted.load(Ordering::Acquire) > after + 100).then_some(after)
        })
    })
    .expect("the other thread inserts for as long as this waits");
    for key in after_last_clear..inserted.into_inner() {
        assert_eq!(cache.get(&key), Some(1), "key {key} came after the clear");
    }
    assert_eq!(cache.len(), cache.keys().len());
}
