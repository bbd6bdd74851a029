//! Bounds on garbage, with nobody calling `reclaim()`.
//!
//! The tests have a process of their own, because a pinned thread delays the reclamation of every cache; and they run
//! one at a time.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use cache_bucket::{BucketIntCache, BucketObjCache};
use cache_core::{IntCache, ObjCache, ObjCacheExt, reentry_allowed};
use cache_testkit::{Counted, Ledger, scale};
use hotcache_bench_alloc::live_bytes;

/// The greatest number of retired objects of a writing thread, while other threads keep up or do nothing. The crate's
/// docs state it.
const MOST_GARBAGE: usize = 256;
/// After this many writes of any thread, the garbage of idle threads is freed.
const FEW_WRITES: usize = 192;

fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn garbage(ledger: &Ledger, cached: usize) -> usize {
    ledger.made() - ledger.dropped() - cached
}

/// Runs `work` on a thread, and waits until that has ended, including its thread-locals' destructors.
fn on_a_thread(work: impl FnOnce() + Send) {
    thread::scope(|scope| scope.spawn(work).join().expect("it does not panic"));
}

#[test]
fn one_thread_that_replaces_an_object_leaves_few() {
    let _alone = alone();
    let ledger = Ledger::new(100_000);
    let cache = BucketObjCache::<Counted>::default();
    let mut most = 0;
    for _ in 0..scale(100_000) {
        cache.set("a", Arc::new(ledger.object()));
        most = most.max(garbage(&ledger, 1));
    }
    assert!(most <= MOST_GARBAGE, "{most} objects");
    drop(cache);
    assert_eq!(garbage(&ledger, 0), 0);
}

/// Slow writes, such as those of large objects, collect garbage each time.
#[test]
fn large_objects_that_are_replaced_now_and_then_go_soon() {
    let _alone = alone();
    const LARGE: usize = 8 << 20;
    let cache = BucketObjCache::<Vec<u8>>::default();
    let before = live_bytes();
    let mut most = 0;
    for _ in 0..60 {
        cache.insert("a", vec![1; LARGE]);
        most = most.max(live_bytes() - before);
    }
    assert!(most <= 16 * LARGE as i64, "{} MiB", most >> 20);
    drop(cache);
    assert!(live_bytes() - before < 64 << 10);
}

#[test]
fn garbage_of_idle_threads_goes_with_a_few_writes() {
    let _alone = alone();
    const THREADS: usize = 8;
    let ledger = Ledger::new(THREADS * 20_000);
    let cache = BucketObjCache::<Counted>::default();
    let idle = std::sync::Barrier::new(THREADS + 1);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (cache, ledger, idle) = (&cache, &ledger, &idle);
            scope.spawn(move || {
                for write in 0..scale(20_000) {
                    cache.set(&format!("key {}", (thread + write) % 5), Arc::new(ledger.object()));
                }
                idle.wait();
                // Alive, and idle.
                idle.wait();
            });
        }
        idle.wait();
        // How much is left depends on which threads were preempted in the middle of a write: there are more threads
        // than cores.
        let other = BucketObjCache::<u8>::default();
        (0..FEW_WRITES).for_each(|_| other.insert("a", 1));
        assert_eq!(garbage(&ledger, cache.len()), 0);
        idle.wait();
    });
}

#[test]
fn threads_that_end_leave_nothing() {
    let _alone = alone();
    let rounds = scale(300);
    let ledger = Ledger::new(rounds * 8 * 10);
    let cache = BucketObjCache::<Counted>::default();
    for round in 0..rounds {
        thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        (0..10).for_each(|key| cache.set(&key.to_string(), Arc::new(ledger.object())));
                    })
                })
                .collect();
            threads.into_iter().for_each(|thread| thread.join().expect("it does not panic"));
        });
        assert_eq!(garbage(&ledger, 10), 0, "round {round}");
    }
}

/// Caches that are created, grown and dropped for each request leave no memory.
#[test]
fn caches_that_are_dropped_leave_nothing() {
    let _alone = alone();
    let round = || {
        let ints = BucketIntCache::<str>::default();
        let objects = BucketObjCache::<Vec<u8>>::default();
        for key in 0..200 {
            ints.set(&format!("a key of more than a few bytes {key}"), 1);
            objects.insert(&key.to_string(), vec![1; 100]);
            objects.insert("one", vec![1; 100]);
        }
    };
    round();
    let before = live_bytes();
    (0..scale(500)).for_each(|_| round());
    let left = live_bytes() - before;
    assert!(left < 4096, "{left} bytes are left");
}

/// A reader that stays keeps garbage from being freed, and frees it itself when it leaves.
#[test]
fn a_reader_that_stayed_frees_what_it_held_up() {
    let _alone = alone();
    let ledger = Ledger::new(1_000);
    let (cache, pinned) = (BucketObjCache::<Counted>::default(), BucketObjCache::<u8>::default());
    pinned.insert("a", 1);
    let (inside, leave) = (AtomicBool::new(false), AtomicBool::new(false));
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            pinned.with("a", |_| {
                inside.store(true, Ordering::SeqCst);
                while !leave.load(Ordering::SeqCst) {
                    thread::yield_now();
                }
            });
            // The reader has left, and no other thread does anything.
            garbage(&ledger, 1)
        });
        while !inside.load(Ordering::SeqCst) {
            thread::yield_now();
        }
        on_a_thread(|| (0..100).for_each(|_| cache.set("a", Arc::new(ledger.object()))));
        assert!(garbage(&ledger, 1) > 90, "nobody may free what a reader can see");
        leave.store(true, Ordering::SeqCst);
        assert_eq!(reader.join().expect("it does not panic"), 0);
    });
}

/// A reader frees what it held up even if the thread that wrote meanwhile is idle.
#[test]
fn a_reader_that_stayed_frees_what_an_idle_thread_could_not() {
    let _alone = alone();
    let ledger = Ledger::new(1_000);
    let (cache, pinned) = (BucketObjCache::<Counted>::default(), BucketObjCache::<u8>::default());
    pinned.insert("a", 1);
    let (wrote, end) = (std::sync::Barrier::new(2), std::sync::Barrier::new(2));
    let write = AtomicBool::new(false);
    thread::scope(|scope| {
        let (cache, ledger, wrote, end, write) = (&cache, &ledger, &wrote, &end, &write);
        scope.spawn(move || {
            while !write.load(Ordering::SeqCst) {
                thread::yield_now();
            }
            (0..500).for_each(|_| cache.set("a", Arc::new(ledger.object())));
            wrote.wait();
            end.wait();
        });
        pinned.with("a", |_| {
            write.store(true, Ordering::SeqCst);
            wrote.wait();
            assert!(garbage(ledger, 1) > 400, "nobody may free what a reader can see");
        });
        assert_eq!(garbage(ledger, 1), 0);
        end.wait();
    });
}

/// `clear` of a large table frees its memory at once.
#[test]
fn a_cache_that_is_cleared_takes_little() {
    let _alone = alone();
    let before = live_bytes();
    let cache = BucketObjCache::<[u8; 64]>::default();
    (0..100_000).for_each(|key| cache.insert(&key.to_string(), [0; 64]));
    cache.clear();
    let left = live_bytes() - before;
    assert!(left < 256 << 10, "{left} bytes are left");
}

/// A reader's closure writes on its own thread, which builds without debug assertions let it do. Nothing that the reader sees
/// is freed meanwhile, and everything once the closure is done.
#[test]
fn garbage_of_a_closure_goes_when_it_returns() {
    let _alone = alone();
    let ledger = Ledger::new(1_001);
    let cache = BucketObjCache::<Counted>::default();
    cache.set("a", Arc::new(ledger.object()));
    let look = |object: &Counted| {
        for _ in 0..1_000 {
            cache.set("a", Arc::new(ledger.object()));
        }
        // The object was replaced long ago and is still valid.
        let _ = format!("{object:?}");
        let other = BucketObjCache::<Vec<u8>>::default();
        other.insert("b", vec![1; 10]);
        other.insert("b", vec![1; 10]);
    };
    reentry_allowed(|| cache.with("a", look));
    assert!(garbage(&ledger, 1) <= MOST_GARBAGE);
}

/// Thread-locals whose destructors use a cache after this crate's own are gone leave no garbage.
#[test]
fn thread_locals_that_outlive_ours_leave_nothing() {
    let _alone = alone();
    type Used = (Arc<BucketObjCache<Counted>>, Arc<Ledger>);

    static CACHE: Mutex<Option<Used>> = Mutex::new(None);

    struct Late;

    impl Drop for Late {
        fn drop(&mut self) {
            let (cache, ledger) = CACHE.lock().unwrap_or_else(PoisonError::into_inner).clone().expect("set");
            for _ in 0..100 {
                cache.set("a", Arc::new(ledger.object()));
            }
        }
    }

    thread_local!(static LATE: RefCell<Option<Late>> = const { RefCell::new(None) });
    let ledger = Arc::new(Ledger::new(scale(200) * 101));
    let cache = Arc::new(BucketObjCache::<Counted>::default());
    *CACHE.lock().unwrap_or_else(PoisonError::into_inner) = Some((cache.clone(), ledger.clone()));
    for _ in 0..scale(200) {
        on_a_thread(|| {
            // First, so that its destructor runs last.
            LATE.with(|late| *late.borrow_mut() = Some(Late));
            cache.set("a", Arc::new(ledger.object()));
        });
    }
    let left = garbage(&ledger, 1);
    assert!(left <= MOST_GARBAGE, "{left} objects are left");
    *CACHE.lock().unwrap_or_else(PoisonError::into_inner) = None;
    drop(cache);
    assert_eq!(garbage(&ledger, 0), 0);
}

/// Two threads that set and delete a few keys cause no table larger than those need.
#[test]
fn keys_that_come_and_go_make_no_large_table() {
    let _alone = alone();
    let before = live_bytes();
    let cache = BucketIntCache::<u64>::default();
    thread::scope(|scope| {
        for thread in 0..2 {
            let cache = &cache;
            scope.spawn(move || {
                for round in 0..scale(20_000) as u64 {
                    for key in 0..105 {
                        if (key + round + thread) % 2 == 0 {
                            cache.set(&key, 1);
                        } else {
                            cache.del(&key);
                        }
                    }
                }
            });
        }
    });
    let left = live_bytes() - before;
    // A bucket for each key takes 64 KiB. The rest died while a thread was preempted in the middle of an operation.
    assert!(left < 8 << 20, "{left} bytes");
}
