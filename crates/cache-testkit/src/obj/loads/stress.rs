//! Loads, writes, failures and circles at random.

use std::hint;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use cache_core::{Backend, LoadError, ObjCache, ObjCacheExt, Options};

use super::overlap::Overlap;
use crate::quiet::is_quiet;
use crate::scale::budget;
use crate::threads::{Meeting, RaiseAtEnd, together};
use crate::{Random, fresh_seed, quiet_panic, scale};

/// What the cache is filled from: one number, and how much of it readers can count on.
#[derive(Default)]
struct Source {
    current: AtomicU64,
    /// Stored when a write of the cache has ended: who reads this and then loads must get no less.
    floor: AtomicU64,
}

/// One writer keeps changing the source and then tells the cache; readers load. `tell` is given key and number.
fn nothing_stale<B: Backend>(
    tell: impl Fn(&B::Obj<u64, u64, cache_core::DefaultHashBuilder>, u64, u64) + Sync,
) {
    const KEYS: usize = 2;
    let cache = B::obj::<u64, u64, _>(Options::new());
    let sources: [Source; KEYS] = Default::default();
    let seed = fresh_seed();
    let write = |random: &mut Random| {
        let key = random.below(KEYS);
        let Source { current, floor } = &sources[key];
        let next = current.load(Ordering::Relaxed) + 1;
        current.store(next, Ordering::Release);
        tell(&cache, key as u64, next);
        floor.store(next, Ordering::Release);
        if random.one_in(4) {
            thread::yield_now();
        }
    };
    let read = |random: &mut Random| {
        let key = random.below(KEYS);
        let Source { current, floor } = &sources[key];
        let least = floor.load(Ordering::Acquire);
        let got = cache.get_or_insert_with(&(key as u64), || {
            let read = current.load(Ordering::Acquire);
            if random.one_in(2) {
                thread::yield_now();
            }
            read
        });
        assert!(*got >= least, "{got} was loaded before {least} was written, and returned after");
    };
    let written = AtomicBool::new(false);
    together(4, |thread| {
        let mut random = Random::new(seed ^ thread as u64);
        if thread == 0 {
            let _end = RaiseAtEnd(&written);
            let end = Instant::now() + budget();
            (0..scale(3000)).take_while(|_| Instant::now() < end).for_each(|_| write(&mut random));
        } else {
            while !written.load(Ordering::Acquire) {
                read(&mut random);
            }
        }
    });
    for (key, source) in sources.iter().enumerate() {
        let there = cache.get(&(key as u64));
        assert!(
            there.is_none_or(|there| *there == source.current.load(Ordering::Acquire)),
            "a stale object stays in the cache"
        );
    }
}

/// Reads through the cache, with each write of the source followed by `del`.
pub fn nothing_stale_with_del<B: Backend>() {
    nothing_stale::<B>(|cache, key, _| {
        cache.del(&key);
    });
}

/// Reads through the cache, with each write of the source followed by `set`.
pub fn nothing_stale_with_set<B: Backend>() {
    nothing_stale::<B>(|cache, key, value| cache.insert(&key, value));
}

/// Reads through the cache, with each write of the source followed by `clear` or `retain`.
pub fn nothing_stale_with_clear<B: Backend>() {
    nothing_stale::<B>(|cache, key, value| {
        if value % 2 == 0 {
            cache.clear();
        } else {
            cache.retain(&mut |there, _| *there != key);
        }
    });
}

/// A source is changed and its key deleted just as a load of it starts: either the load reads the change, or the
/// deletion keeps it out of the cache.
///
/// In lock-step, so that the two meet within a few instructions: a write of the source that is still in its
/// core's store buffer when the deletion looks for loads is all it takes. Optimised builds find that, not at
/// every run; in others the two are too far apart.
pub fn nothing_stale_as_a_load_starts<B: Backend>() {
    let cache = B::obj::<u64, u64, _>(Options::new());
    let sources: Vec<AtomicU64> = (0..64).map(|_| AtomicU64::new(0)).collect();
    let meeting = Meeting::new(2);
    let rounds = scale(20_000) as u64;
    let end = Instant::now() + budget();
    let late = AtomicBool::new(false);
    together(2, |thread| {
        let _attendance = meeting.attend();
        for round in 1..=rounds {
            // One source after the other, so that none of them is in the writer's cache.
            let key = round % sources.len() as u64;
            let source = &sources[key as usize];
            meeting.wait();
            // The first thread decides before it comes to this meeting, so both see the same.
            if late.load(Ordering::Acquire) {
                break;
            }
            if thread == 0 {
                (0..round % 29).for_each(|_| hint::spin_loop());
                source.store(round, Ordering::Release);
                cache.del(&key);
            } else {
                (0..round % 13).for_each(|_| hint::spin_loop());
                cache.get_or_insert_with(&key, || source.load(Ordering::Acquire));
            }
            meeting.wait();
            if thread == 0 {
                let there = cache.get(&key);
                assert!(
                    there.as_deref().is_none_or(|there| *there == round),
                    "{there:?} stays in the cache, and the source says {round}"
                );
                cache.del(&key);
                if Instant::now() >= end {
                    late.store(true, Ordering::Release);
                }
            }
        }
    });
}

/// Loaders that fail, panic, and ask for other keys in circles: everyone ends, with what is its own.
pub fn failures_and_circles<B: Backend>() {
    const KEYS: usize = 3;
    let seed = fresh_seed();
    let cache = B::obj::<usize, u64, _>(Options::new());
    let overlaps: [Overlap; KEYS] = Default::default();
    together(4, |thread| {
        let mut random = Random::new(seed ^ thread as u64);
        for _ in 0..scale(5000) {
            let key = random.below(KEYS);
            let loaded = catch_unwind(AssertUnwindSafe(|| load(&cache, &overlaps, &mut random, key, KEYS)));
            match loaded {
                Ok(Ok(object)) => assert_eq!(object, key, "seed {seed}"),
                Ok(Err(_)) => {}
                Err(payload) if is_quiet(&*payload) => {}
                Err(payload) => resume_unwind(payload),
            }
            if random.one_in(3) {
                overlaps[key].write(|| cache.del(&(key as u64)));
            }
        }
    });
    assert!(overlaps.iter().all(|overlap| overlap.running() == 0));
    for key in 0..KEYS {
        assert_eq!(*cache.get_or_insert_with(&(key as u64), || key), key, "seed {seed}");
    }
}

/// Loads `key` by a loader that may fail, panic, or first load another key; `depth` keeps it from going on.
fn load(
    cache: &impl ObjCache<usize, u64>,
    overlaps: &[Overlap],
    random: &mut Random,
    key: usize,
    depth: usize,
) -> Result<usize, LoadError<usize>> {
    let asked = overlaps[key].ask();
    cache
        .get_or_try_insert_with(&(key as u64), || {
            let _loading = overlaps[key].load(asked);
            // Loads that end at once would hardly ever be waited for.
            (0..random.below(4)).for_each(|_| thread::yield_now());
            if depth > 0 && random.one_in(2) {
                let other = random.below(overlaps.len());
                let loaded = load(cache, overlaps, random, other, depth - 1);
                // If a write made this load stale, another may have published.
                let found = other == key && loaded == Ok(key);
                assert!(
                    other != key || found || loaded == Err(LoadError::Recursive),
                    "its own key: {loaded:?}"
                );
            }
            match random.below(6) {
                0 => Err(key),
                1 => quiet_panic(),
                _ => Ok(key),
            }
        })
        .map(|object| *object)
}
