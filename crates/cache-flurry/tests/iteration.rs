//! A pass beside removals that spare a key: flurry moves the counter then, and closes the old one first.

use std::array;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use cache_core::{IntCache, IntCacheExt};
use cache_flurry::FlurryIntCache;

/// Enough that a pass meets one of them in the middle of a move.
const KEYS: usize = 32;

/// Each moves every counter once.
const ROUNDS: u64 = 150;

/// Removers decide on a value, and find that the key was removed and inserted anew meanwhile. They spare it, with the key
/// present all the time; a pass in that time must show it.
#[test]
fn keys_that_a_removal_spares_are_shown() {
    let cache = FlurryIntCache::<u64>::new();
    (0..KEYS as u64).for_each(|key| cache.set(&key, 1));
    let (round, decided, spared) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    // Odd while keys are absent.
    let replacing = AtomicU64::new(0);
    let done = AtomicBool::new(false);
    let wait = |count: &AtomicU64, until: u64| {
        while count.load(Ordering::Acquire) < until {
            thread::yield_now();
        }
    };
    thread::scope(|scope| {
        for key in 0..KEYS as u64 {
            let (cache, round, decided, spared) = (&cache, &round, &decided, &spared);
            scope.spawn(move || {
                for turn in 1..=ROUNDS {
                    let mut asked = 0;
                    let removed = cache.del_if(&key, |_| {
                        asked += 1;
                        if asked == 1 {
                            decided.fetch_add(1, Ordering::AcqRel);
                            wait(round, turn);
                        }
                        asked == 1
                    });
                    assert!(!removed, "the value that it decided on is gone");
                    spared.fetch_add(1, Ordering::AcqRel);
                    wait(spared, turn * KEYS as u64);
                }
            });
        }
        scope.spawn(|| {
            for turn in 1..=ROUNDS {
                wait(&decided, turn * KEYS as u64);
                replacing.fetch_add(1, Ordering::AcqRel);
                for key in 0..KEYS as u64 {
                    cache.del(&key);
                    cache.set(&key, 1 + turn as i64);
                }
                replacing.fetch_add(1, Ordering::AcqRel);
                round.fetch_add(1, Ordering::AcqRel);
                wait(&spared, turn * KEYS as u64);
            }
            done.store(true, Ordering::Release);
        });
        while !done.load(Ordering::Acquire) {
            let before = replacing.load(Ordering::Acquire);
            let mut times: [u32; KEYS] = array::from_fn(|_| 0);
            cache.for_each(&mut |key, _| times[*key as usize] += 1);
            if before.is_multiple_of(2) && replacing.load(Ordering::Acquire) == before {
                assert_eq!(times, [1; KEYS], "how often each key was shown");
            }
        }
    });
}
