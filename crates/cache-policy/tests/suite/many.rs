//! Many keys in one load, and how long a caller waits for a newer value.

use std::cell::RefCell;
use std::convert::Infallible;
use std::future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use cache_core::{Backend, LoadError};
use cache_policy::{Cache, Handle, ManualClock, Rest};
use cache_testkit::Signals;
use futures_executor::block_on;

const SECOND: Duration = Duration::from_secs(1);

type Numbers<B> = Cache<u64, u64, B>;

fn numbers<B: Backend>() -> Numbers<B> {
    Cache::builder().max_entries(100).statistics().build()
}

fn plain(values: &[Handle<u64, u64>]) -> Vec<u64> {
    values.iter().map(|value| **value).collect()
}

fn tenfold(keys: &[&u64]) -> Result<Vec<u64>, Infallible> {
    Ok(keys.iter().map(|key| **key * 10).collect())
}

/// A future that an executor may move between threads.
fn sendable<F: Future + Send>(future: F) -> F {
    future
}

pub(crate) fn absent_keys_in_one_call<B: Backend>() {
    let cache = numbers::<B>();
    cache.insert(&2, 2);
    let calls = RefCell::new(Vec::new());
    let load = |keys: &[&u64]| {
        calls.borrow_mut().push(keys.iter().map(|key| **key).collect::<Vec<_>>());
        tenfold(keys)
    };
    let values = cache.get_or_load_many(&[&3, &2, &1, &3], load).unwrap();
    assert_eq!(plain(&values), [30, 2, 10, 30]);
    assert_eq!(*calls.borrow(), [[3, 1]]);
    assert!(Handle::same(&values[0], &values[3]) && Handle::same(&values[2], &cache.get(&1).unwrap()));
    assert_eq!(plain(&cache.get_or_load_many(&[&1, &2, &3], load).unwrap()), [10, 2, 30]);
    assert!(cache.get_or_load_many(&[], load).unwrap().is_empty());
    assert_eq!(calls.borrow().len(), 1);
    let load = async |keys: Vec<u64>| {
        assert_eq!(keys, [5, 4]);
        Ok::<Vec<u64>, Infallible>(keys.iter().map(|key| key * 10).collect())
    };
    let loaded = block_on(sendable(cache.get_or_load_many_async(&[&5, &2, &4], load)));
    assert_eq!(plain(&loaded.unwrap()), [50, 2, 40]);
    let stats = cache.statistics().unwrap();
    assert_eq!((stats.loads, stats.failed_loads, cache.len()), (2, 0, 5));
}

/// A key that another caller is loading is not loaded again, and the other keys do not wait for it.
pub(crate) fn a_key_in_flight_is_waited_for<B: Backend>() {
    let cache = numbers::<B>();
    let signals = Signals::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            let loaded = cache.get_or_load(&2, || {
                signals.raise("loading");
                signals.wait("others loaded");
                Ok::<_, Infallible>(7)
            });
            assert_eq!(*loaded.unwrap(), 7);
        });
        signals.wait("loading");
        let values = cache.get_or_load_many(&[&1, &2, &3], |keys| {
            assert_eq!(keys, [&1, &3]);
            signals.raise("others loaded");
            tenfold(keys)
        });
        assert_eq!(plain(&values.unwrap()), [10, 7, 30]);
    });
}

/// Callers whose keys overlap share what they load, and none waits for ever.
pub(crate) fn callers_that_overlap<B: Backend>() {
    const THREADS: u64 = 8;
    let cache = numbers::<B>();
    for round in 0..cache_testkit::scale(50) as u64 {
        let loads = [const { AtomicU32::new(0) }; THREADS as usize];
        thread::scope(|scope| {
            for thread in 0..THREADS {
                let (cache, loads) = (&cache, &loads);
                scope.spawn(move || {
                    // Each begins with another key.
                    let keys: Vec<_> =
                        (0..THREADS).map(|n| round * THREADS + (thread + n) % THREADS).collect();
                    let keys: Vec<_> = keys.iter().collect();
                    let values = cache.get_or_load_many(&keys, |keys| {
                        for key in keys {
                            loads[(**key % THREADS) as usize].fetch_add(1, Ordering::Relaxed);
                        }
                        thread::yield_now();
                        tenfold(keys)
                    });
                    assert_eq!(
                        plain(&values.unwrap()),
                        keys.iter().map(|key| **key * 10).collect::<Vec<_>>()
                    );
                });
            }
        });
        assert!(loads.iter().all(|loads| loads.load(Ordering::Relaxed) == 1), "{loads:?}");
        (0..THREADS).for_each(|n| assert!(cache.remove(&(round * THREADS + n))));
    }
}

pub(crate) fn a_failed_call_stores_nothing<B: Backend>() {
    let cache = numbers::<B>();
    let failed = cache.get_or_load_many(&[&1, &2], |_| Err::<Vec<u64>, _>("down"));
    assert_eq!(failed.unwrap_err(), LoadError::failed("down"));
    assert_eq!(cache.len(), 0);
    // Too few values, and too many.
    for values in [vec![1], vec![1, 2, 3]] {
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            cache.get_or_load_many(&[&1, &2], |_| Ok::<_, Infallible>(values.clone()))
        }));
        let message = *panicked.unwrap_err().downcast::<String>().unwrap();
        let expected =
            format!("the loader returned {} values for 2 keys; it must return one for each", values.len());
        assert_eq!(message, expected);
        assert_eq!(cache.len(), 0);
    }
    assert_eq!(plain(&cache.get_or_load_many(&[&1, &2], tenfold).unwrap()), [10, 20]);
    // A loader that asks for one of its own keys.
    let asked = cache.get_or_load_many(&[&3, &4], |_| {
        cache.get_or_load_many(&[&5, &4], tenfold).map(|values| plain(&values))
    });
    assert!(matches!(asked, Err(LoadError::Failed(inner)) if *inner == LoadError::Recursive));
    assert!(!cache.contains(&4));
}

pub(crate) fn a_dropped_call_hands_over<B: Backend>() {
    let cache = numbers::<B>();
    let mut context = Context::from_waker(Waker::noop());
    let mut next = Box::pin(cache.get_or_load_async(&2, async || Ok::<u64, ()>(7)));
    let mut other = Box::pin(cache.get_or_load_many_async(&[&3, &2], async |keys: Vec<u64>| {
        Ok::<Vec<u64>, ()>(keys.iter().map(|key| key * 10).collect())
    }));
    {
        let never = |_keys| future::pending::<Result<Vec<u64>, ()>>();
        let mut leader = pin!(cache.get_or_load_many_async(&[&1, &2], never));
        assert!(leader.as_mut().poll(&mut context).is_pending());
        assert!(next.as_mut().poll(&mut context).is_pending());
        assert!(other.as_mut().poll(&mut context).is_pending());
        // Its own key is there, though it waits for the other.
        assert_eq!(cache.get(&3).as_deref(), Some(&30));
    }
    assert!(matches!(next.as_mut().poll(&mut context), Poll::Ready(Ok(value)) if *value == 7));
    assert!(
        matches!(other.as_mut().poll(&mut context), Poll::Ready(Ok(values)) if plain(&values) == [30, 7])
    );
    assert_eq!(*cache.get_or_load(&1, || Ok::<_, ()>(1)).unwrap(), 1);
}

pub(crate) fn old_values_of_many_are_replaced<B: Backend>() {
    let clock = ManualClock::new();
    let cache: Numbers<B> =
        Cache::builder().time_to_live(SECOND).stale_for(SECOND).clock(clock.clone()).build();
    cache.insert(&1, 1);
    cache.insert(&2, 2);
    clock.advance(SECOND);
    let calls = RefCell::new(Vec::new());
    let load = |keys: &[&u64]| {
        calls.borrow_mut().push(keys.iter().map(|key| **key).collect::<Vec<_>>());
        // A caller beside gets the old value.
        assert_eq!(*cache.get_or_load(&2, || Ok::<_, ()>(99)).unwrap(), 2);
        if keys.contains(&&1) { Err("down") } else { Ok(vec![30; keys.len()]) }
    };
    assert_eq!(plain(&cache.get_or_load_many(&[&1, &3, &2], load).unwrap()), [1, 30, 2]);
    assert_eq!(*calls.borrow(), [vec![3], vec![1, 2]]);
    let loaded = block_on(cache.get_or_load_many_async(&[&1, &3, &2], async |keys: Vec<u64>| {
        assert_eq!(keys, [1, 2]);
        Ok::<Vec<u64>, ()>(vec![10, 20])
    }));
    assert_eq!(plain(&loaded.unwrap()), [10, 30, 20]);
    assert_eq!(cache.ttl(&1), Some(SECOND));
}

pub(crate) fn patience_ends_before_the_load<B: Backend>() {
    let clock = ManualClock::new();
    let cache: Cache<u64, u64, B> =
        Cache::builder().time_to_live(SECOND).stale_for(SECOND).clock(clock.clone()).build();
    let cache = Arc::new(cache);
    let mut context = Context::from_waker(Waker::noop());
    let gate = Arc::new(Signals::new());
    let load = |gate: &Arc<Signals>, value| {
        let gate = gate.clone();
        move || async move {
            gate.reached("loaded").await;
            Ok::<u64, Infallible>(value)
        }
    };
    let nobody = |_rest: Rest| panic!("there is no rest");
    // Nothing is there: it waits, whatever its patience.
    {
        let mut asked = pin!(cache.get_or_load_soft(&1, load(&gate, 1), future::ready(()), nobody));
        assert!(asked.as_mut().poll(&mut context).is_pending());
        gate.raise("loaded");
        assert!(matches!(asked.as_mut().poll(&mut context), Poll::Ready(Ok(value)) if *value == 1));
    }
    // What is not old is returned at once.
    let value = block_on(sendable(cache.get_or_load_soft(&1, load(&gate, 9), future::ready(()), nobody)));
    assert_eq!(*value.unwrap(), 1);
    clock.advance(SECOND);
    // A load that is in time.
    let value = block_on(cache.get_or_load_soft(&1, load(&gate, 2), future::pending(), nobody));
    assert_eq!(*value.unwrap(), 2);
    clock.advance(SECOND);
    // One that is not: its rest is run later, or dropped.
    let gate = Arc::new(Signals::new());
    for finish in [false, true] {
        let mut later = None;
        let patience = future::ready(());
        let value = block_on(cache.get_or_load_soft(&1, load(&gate, 3), patience, |rest| later = Some(rest)));
        assert_eq!(*value.unwrap(), 2);
        let mut rest = later.unwrap();
        assert!(rest.as_mut().poll(&mut context).is_pending());
        // Nobody else loads meanwhile.
        assert_eq!(*cache.get_or_load(&1, || Ok::<_, ()>(99)).unwrap(), 2);
        if finish {
            gate.raise("loaded");
            assert!(rest.as_mut().poll(&mut context).is_ready());
        }
    }
    assert_eq!(cache.get(&1).as_deref(), Some(&3));
}
