use std::collections::HashMap;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use cache_core::{Backend, UpdateError};
use cache_policy::{CountError, Counters, Group, ManualClock, Rate, RateLimiter, Verdict};
use cache_testkit::scale;

const SECOND: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_nanos(1);
const THREADS: usize = 8;

pub(crate) fn a_window_ends_to_the_tick<B: Backend>() {
    let clock = ManualClock::new();
    let counters = Counters::<str, B>::builder().time_to_live(SECOND).clock(clock.clone()).build();
    assert_eq!(counters.add("a", 5), Ok(5));
    clock.advance(SECOND - TICK);
    // Later writes do not prolong it.
    assert_eq!(counters.try_add("a", 1, 0..=6), Ok(6));
    assert_eq!(counters.set("a", 4), Ok(()));
    assert_eq!((counters.get("a"), counters.ttl("a")), (Some(4), Some(TICK)));
    clock.advance(TICK);
    assert_eq!((counters.get("a"), counters.ttl("a")), (None, None));
    assert_eq!(counters.try_add("a", 1, ..), Err(CountError::Absent));
    assert_eq!(counters.update("a", Some), Err(UpdateError::Absent));
    assert!(!counters.remove_if("a", |_| true));
    assert_eq!((counters.take("a"), counters.entries()), (None, vec![]));
    assert_eq!(counters.add("a", 2), Ok(2));
    clock.advance(SECOND);
    // One past its time is in the map, and a new one takes its place.
    assert_eq!(counters.try_add_or_insert("a", 3, 0..=3), Ok(3));
    assert_eq!(counters.len(), 1);
}

pub(crate) fn each_operation_answers<B: Backend>() {
    let counters: Counters<str, B> = Counters::new();
    assert_eq!(counters.try_add("a", 1, 0..), Err(CountError::Absent));
    assert_eq!(counters.try_add_or_insert("a", 3, 0..3), Err(CountError::OutOfBounds { current: 0 }));
    assert_eq!(counters.try_add_or_insert("a", 2, 0..3), Ok(2));
    assert_eq!(counters.try_add_or_insert("a", 1, 0..3), Err(CountError::OutOfBounds { current: 2 }));
    #[expect(clippy::reversed_empty_ranges, reason = "it must refuse everything")]
    let refused = counters.try_add("a", 0, 3..2);
    assert_eq!(refused, Err(CountError::OutOfBounds { current: 2 }));
    assert_eq!(counters.update("a", |value| Some(value * 10)), Ok(20));
    assert_eq!(counters.update("a", |_| None), Err(UpdateError::Kept { current: 20 }));
    assert!(!counters.remove_if("a", |value| value == 0));
    assert!(counters.remove_if("a", |value| value == 20));
    assert_eq!((counters.get("a"), counters.len()), (None, 0));
    let group = Group::new();
    assert_eq!(counters.insert_in(&group, "a", 1), Ok(true));
    assert_eq!(counters.insert_in(&group, "a", 2), Ok(false));
    group.drop_entries();
    assert_eq!((counters.get("a"), counters.add("a", 7)), (None, Ok(7)));
    counters.clear();
    assert_eq!((counters.get("a"), counters.len()), (None, 0));
}

pub(crate) fn new_keys_are_refused<B: Backend>() {
    let clock = ManualClock::new();
    let counters =
        Counters::<u64, B>::builder().max_keys(100).time_to_live(SECOND).clock(clock.clone()).build();
    let rounds = scale(2_000) as u64;
    let start = Barrier::new(THREADS);
    thread::scope(|scope| {
        for thread in 0..THREADS as u64 {
            let (counters, start) = (&counters, &start);
            scope.spawn(move || {
                start.wait();
                for n in 0..rounds {
                    let refused = counters.add(&(thread * rounds + n), 1);
                    assert!(matches!(refused, Ok(1) | Err(CountError::Full)), "{refused:?}");
                    assert!(counters.len() <= 100);
                }
            });
        }
    });
    let entries = counters.entries();
    assert_eq!((entries.len(), counters.len()), (100, 100));
    // A count is never evicted, and a present key never refused.
    assert!(entries.iter().all(|(key, value)| *value == 1 && counters.add(key, 1) == Ok(2)));
    assert_eq!(counters.add(&u64::MAX, 1), Err(CountError::Full));
    assert!(counters.remove(&entries[0].0));
    assert_eq!(counters.add(&u64::MAX, 1), Ok(1));
    assert_eq!(counters.add(&(u64::MAX - 1), 1), Err(CountError::Full));
    // What is past its time makes room without being asked to.
    clock.advance(SECOND);
    for key in 0..100 {
        assert_eq!(
            counters.add(&key, 1),
            Ok(1),
            "the key {key} is refused, though all others are past their time"
        );
    }
    assert_eq!(counters.add(&100, 1), Err(CountError::Full));
}

/// Adds beside removals of every kind: whoever removes a counter is told all that was added to it.
pub(crate) fn no_add_is_lost<B: Backend>() {
    let counters: Counters<u64, B> = Counters::new();
    let (added, told) = (AtomicI64::new(0), AtomicI64::new(0));
    let rounds = scale(4_000) as u64;
    thread::scope(|scope| {
        for thread in 0..THREADS as u64 {
            let (counters, added, told) = (&counters, &added, &told);
            scope.spawn(move || {
                for n in 0..rounds {
                    let key = (n + thread) % 3;
                    match n % 8 {
                        0 => _ = told.fetch_add(counters.take(&key).unwrap_or(0), Ordering::Relaxed),
                        1 => {
                            let mut last = 0;
                            if counters.remove_if(&key, |value| {
                                last = value;
                                value % 2 == 0
                            }) {
                                told.fetch_add(last, Ordering::Relaxed);
                            }
                        }
                        2 if counters.update(&key, |value| Some(value + 1)).is_err() => {}
                        _ => {
                            if n % 8 > 2 {
                                counters.add(&key, 1).unwrap();
                            }
                            added.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                }
            });
        }
    });
    let left: i64 = counters.entries().iter().map(|(_, value)| value).sum();
    assert_eq!(told.into_inner() + left, added.into_inner());
    let present: HashMap<_, _> = counters.entries().into_iter().collect();
    assert_eq!(present.len(), counters.len());
}

/// Windows end while threads count: each add is in exactly one window, and none is longer than it may be.
pub(crate) fn windows_under_threads<B: Backend>() {
    const LIMIT: i64 = 10;
    let clock = ManualClock::new();
    let counters = Counters::<u64, B>::builder().time_to_live(SECOND).clock(clock.clone()).build();
    let windows = scale(100);
    let barrier = Barrier::new(THREADS);
    let passed = AtomicUsize::new(0);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (counters, clock, barrier, passed) = (&counters, &clock, &barrier, &passed);
            scope.spawn(move || {
                for _ in 0..windows {
                    barrier.wait();
                    for _ in 0..20 {
                        if counters.try_add_or_insert(&7, 1, 0..=LIMIT).is_ok() {
                            passed.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                    barrier.wait();
                    if thread == 0 {
                        clock.advance(SECOND);
                    }
                }
            });
        }
    });
    assert_eq!(passed.into_inner(), windows * LIMIT as usize);
    assert_eq!(counters.len(), 1);
}

/// An interval or a burst beyond what the clock can say is still a limit.
pub(crate) fn huge_rates_are_limits<B: Backend>() {
    let limiter = RateLimiter::<u8, B>::builder().clock(ManualClock::new()).build_limiter();
    let year = SECOND * 86_400 * 365;
    let rates = [
        Rate::new(1, Duration::MAX).burst(3),
        Rate::new(1, SECOND * 86_400).burst(200_000),
        Rate::new(1, year).burst(1_000),
    ];
    for (key, (rate, most)) in rates.into_iter().zip([3, 200_000, 1_000]).enumerate() {
        let allowed =
            (0..300_000).filter(|_| limiter.allow(&(key as u8), rate).unwrap().is_allowed()).count();
        assert!((1..=most).contains(&allowed), "{allowed} were allowed at once, of {most}");
    }
}

pub(crate) fn a_limit_is_exact<B: Backend>() {
    let clock = ManualClock::new();
    let limiter = RateLimiter::<str, B>::builder().clock(clock.clone()).build_limiter();
    let rate = Rate::new(10, SECOND).burst(4);
    let rounds = scale(200);
    let barrier = Barrier::new(THREADS);
    let allowed = AtomicUsize::new(0);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (limiter, clock, barrier, allowed) = (&limiter, &clock, &barrier, &allowed);
            scope.spawn(move || {
                for round in 0..rounds {
                    barrier.wait();
                    for _ in 0..5 {
                        let verdict = limiter.allow("a", rate).unwrap();
                        allowed.fetch_add(usize::from(verdict.is_allowed()), Ordering::Relaxed);
                    }
                    barrier.wait();
                    if thread == 0 {
                        assert_eq!(
                            limiter.allow("a", rate),
                            Ok(Verdict::Denied { retry_after: SECOND / 10 }),
                            "after {round} rounds"
                        );
                        // Two more are allowed in the next round.
                        clock.advance(SECOND / 5);
                    }
                }
            });
        }
    });
    assert_eq!(allowed.into_inner(), 4 + 2 * (rounds - 1));
}

/// Takes beside adds, and nothing else, on one key: what a take misses is lost.
pub(crate) fn takes_beside_adds<B: Backend>() {
    let counters: Counters<u64, B> = Counters::new();
    let rounds = scale(40_000) as i64;
    let told = AtomicI64::new(0);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| (0..rounds).for_each(|_| _ = counters.add(&7, 1)));
            scope.spawn(|| {
                for _ in 0..rounds {
                    told.fetch_add(counters.take(&7).unwrap_or(0), Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(told.into_inner() + counters.get(&7).unwrap_or(0), 2 * rounds);
}

/// A key is forgotten the moment it is as good as new, while it is asked for: still only one passes at a time.
pub(crate) fn a_key_that_is_being_forgotten_is_still_limited<B: Backend>() {
    let clock = ManualClock::new();
    let limiter = RateLimiter::<u64, B>::builder().clock(clock.clone()).build_limiter();
    let once = Rate::new(1, SECOND);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Acquire) {
                limiter.maintain(1);
            }
        });
        let allowed: Vec<_> = (0..scale(100_000))
            .map(|_| {
                clock.advance(SECOND);
                (0..3).filter(|_| limiter.allow(&7, once).unwrap().is_allowed()).count()
            })
            .collect();
        done.store(true, Ordering::Release);
        assert!(allowed.iter().all(|allowed| *allowed == 1), "more than one passed at a time");
    });
}

pub(crate) fn a_limiter_forgets_what_is_as_good_as_new<B: Backend>() {
    let clock = ManualClock::new();
    let limiter = RateLimiter::<u64, B>::builder().max_keys(50).clock(clock.clone()).build_limiter();
    let rate = Rate::new(2, SECOND);
    for key in 0..50 {
        assert_eq!(limiter.allow(&key, rate), Ok(Verdict::Allowed));
    }
    assert_eq!(limiter.allow(&99, rate), Err(CountError::Full));
    // This one is asked for twice, so that it is remembered for longer.
    assert_eq!(limiter.allow(&7, rate), Ok(Verdict::Allowed));
    clock.advance(SECOND / 2);
    assert_eq!(limiter.maintain(1_000), 49);
    assert_eq!(limiter.len(), 1);
    assert_eq!(limiter.allow(&7, rate), Ok(Verdict::Allowed));
    assert_eq!(limiter.allow(&7, rate), Ok(Verdict::Denied { retry_after: SECOND / 2 }));
    clock.advance(SECOND);
    for key in 100..150 {
        assert_eq!(limiter.allow(&key, rate), Ok(Verdict::Allowed));
    }
    limiter.reset(&100);
    assert_eq!(limiter.allow(&100, rate), Ok(Verdict::Allowed));
}
