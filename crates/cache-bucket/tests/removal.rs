//! Removals by value: which threads they wait for, and which they do not.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicI64};
use std::sync::{Arc, mpsc};
use std::thread;

use cache_bucket::{BucketIntCache, BucketObjCache};
use cache_core::{IntCache, IntCacheExt, Key, ObjCacheExt};
use cache_testkit::scale;

/// A closure of `with` waits for another thread's removal, which must not wait for the closure.
#[test]
fn a_removal_does_not_wait_for_a_closure() {
    let objects = BucketObjCache::<u8>::default();
    let counters = BucketIntCache::<str>::default();
    objects.insert("a", 1);
    counters.set("b", 2);
    thread::scope(|scope| {
        let (begun, begins) = mpsc::channel();
        let (done, ends) = mpsc::channel();
        let counters = &counters;
        scope.spawn(move || {
            begins.recv().expect("the closure says that it has begun");
            done.send(counters.take("b")).expect("the closure waits");
        });
        let taken = objects.with("a", |_| {
            begun.send(()).expect("the remover waits");
            ends.recv().expect("the remover answers")
        });
        assert_eq!(taken, Some(Some(2)));
    });
}

/// Two closures of sweeps each wait for a removal on the other's thread, which must not wait for the closures.
#[test]
fn a_removal_does_not_wait_for_a_sweep() {
    let counters = BucketIntCache::<u64>::default();
    (0..1000).for_each(|key| counters.set(&key, 1));
    thread::scope(|scope| {
        let (begun, begins) = mpsc::channel();
        let (done, ends) = mpsc::channel();
        let counters = &counters;
        scope.spawn(move || {
            begins.recv().expect("the sweep says that it has begun");
            counters.retain(&mut |key, _| key % 2 == 0);
            done.send(()).expect("the sweep waits");
        });
        let mut waited = false;
        counters.for_each(&mut |_, _| {
            if !waited {
                begun.send(()).expect("the remover waits");
                ends.recv().expect("the remover answers");
                waited = true;
            }
        });
    });
    assert_eq!(counters.len(), 500);
}

/// Counters are created and removed by value while other threads add: what was taken and what is left equals what was
/// added.
#[test]
fn nothing_is_lost_to_removals() {
    let counters = BucketIntCache::<u64>::default();
    let (added, taken) = (AtomicI64::new(0), AtomicI64::new(0));
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        let writers: Vec<_> = (0..3)
            .map(|writer| {
                let (counters, added) = (&counters, &added);
                scope.spawn(move || {
                    for i in 0..scale(200_000) as u64 {
                        counters.add(&(i % 50), 1 + writer);
                        added.fetch_add(1 + writer, Relaxed);
                    }
                })
            })
            .collect();
        for remover in 0..2 {
            let (counters, taken, ended) = (&counters, &taken, &ended);
            // One thread removes each key, so that the value that was refused last is the removed one.
            scope.spawn(move || {
                for round in 0.. {
                    if ended.load(Relaxed) {
                        break;
                    }
                    let key = 2 * (round % 25) + remover;
                    let mut last = HashMap::new();
                    match round % 3 {
                        0 => last.extend(counters.take(&key).map(|value| (key, value))),
                        1 => {
                            let odd = |value: i64| value % 2 != 0;
                            let mut refused = 0;
                            let removed = counters.del_if(&key, |value| {
                                refused = value;
                                odd(value)
                            });
                            last.extend(removed.then_some((key, refused)));
                        }
                        _ => counters.retain(&mut |at, value| {
                            let keeps = at % 2 != remover || value % 2 == 0;
                            if keeps {
                                last.remove(at);
                            } else {
                                last.insert(*at, value);
                            }
                            keeps
                        }),
                    }
                    taken.fetch_add(last.into_values().sum(), Relaxed);
                }
            });
        }
        writers.into_iter().for_each(|writer| writer.join().expect("no panic"));
        ended.store(true, Relaxed);
    });
    let mut left = 0;
    counters.for_each(&mut |_, value| left += value);
    assert_eq!(taken.into_inner() + left, added.into_inner());
}

/// A key whose comparison calls `take` of a cache.
#[derive(Clone, Debug)]
struct Taking(u64, Option<Arc<BucketIntCache<str>>>);

impl PartialEq for Taking {
    fn eq(&self, other: &Self) -> bool {
        if let Some(cache) = self.1.as_ref().or(other.1.as_ref()) {
            cache.take("other");
        }
        self.0 == other.0
    }
}

impl Eq for Taking {}

impl PartialOrd for Taking {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Taking {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}

impl Hash for Taking {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl Key for Taking {
    type Owned = Self;

    fn to_owned_key(&self) -> Self {
        self.clone()
    }
}

/// A removal by value from a comparison is refused: the comparison may be part of an add that has begun, and would
/// wait for itself.
#[test]
fn a_key_that_removes_by_value_is_refused() {
    let other = Arc::new(BucketIntCache::<str>::default());
    other.set("other", 1);
    let counters = BucketIntCache::<Taking>::default();
    let key = Taking(1, Some(other.clone()));
    counters.set(&key, 1);
    let panic = catch_unwind(AssertUnwindSafe(|| counters.add(&key, 1))).expect_err("it is refused");
    let message =
        panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    assert!(message.is_some_and(|message| message.contains("`take`, `del_if` or `retain`")), "{message:?}");
    assert_eq!(other.get("other"), Some(1));
    // Not by `get`, whose comparison would be refused as well.
    counters.for_each(&mut |_, value| assert_eq!(value, 1));
    assert_eq!(counters.len(), 1);
}
