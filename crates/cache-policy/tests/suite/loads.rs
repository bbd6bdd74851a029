use std::cell::Cell;
use std::convert::Infallible;
use std::pin::pin;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use cache_core::{Backend, LoadError};
use cache_policy::{Cache, Group, Loaded, ManualClock};
use futures_executor::block_on;

const SECOND: Duration = Duration::from_secs(1);

fn cache_of<B: Backend>(clock: &ManualClock) -> Cache<u32, str, B> {
    Cache::builder().max_entries(100).time_to_live(SECOND).stale_for(SECOND).clock(clock.clone()).build()
}

fn ok(value: u32) -> impl FnOnce() -> Result<u32, Infallible> {
    move || Ok(value)
}

pub(crate) fn one_loader_for_all<B: Backend>() {
    const THREADS: usize = 8;
    let cache: Cache<u32, str, B> = Cache::builder().max_entries(100).statistics().build();
    let (runs, start) = (AtomicU32::new(0), Barrier::new(THREADS));
    let load = || {
        thread::sleep(Duration::from_millis(30));
        Ok::<_, Infallible>(runs.fetch_add(1, Ordering::Relaxed))
    };
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                start.wait();
                assert_eq!(*cache.get_or_load("a", load).unwrap(), 0);
            });
        }
    });
    assert_eq!(runs.load(Ordering::Relaxed), 1);
    let stats = cache.statistics().unwrap();
    assert_eq!((stats.loads, stats.failed_loads, stats.hits + stats.misses), (1, 0, THREADS as u64));
    assert!(stats.load_time >= Duration::from_millis(30));
    assert_eq!(cache.len(), 1);
}

pub(crate) fn errors_are_shared_and_not_cached<B: Backend>() {
    let cache: Cache<u32, str, B> = Cache::builder().statistics().build();
    assert_eq!(cache.get_or_load("a", || Err::<u32, _>(7)).unwrap_err(), LoadError::failed(7));
    assert_eq!(cache.len(), 0);
    assert_eq!(*cache.get_or_load("a", ok(1)).unwrap(), 1);
    assert_eq!(cache.statistics().unwrap().failed_loads, 1);
}

pub(crate) fn absence_for_so_long<B: Backend>() {
    let clock = ManualClock::new();
    let cache: Cache<Option<u32>, str, B> =
        Cache::builder().time_to_live(SECOND * 60).clock(clock.clone()).build();
    let runs = Cell::new(0);
    let load = || {
        runs.set(runs.get() + 1);
        Ok::<_, Infallible>(Loaded::new(None).live_for(SECOND))
    };
    assert!(cache.get_or_load("a", load).unwrap().is_none());
    clock.advance(SECOND - Duration::from_nanos(1));
    assert!(cache.get_or_load("a", load).unwrap().is_none());
    assert_eq!(runs.get(), 1);
    clock.advance(Duration::from_nanos(1));
    assert!(cache.get_or_load("a", || Ok::<_, ()>(Some(3))).unwrap().is_some());
    assert_eq!(cache.ttl("a"), Some(SECOND * 60));
}

pub(crate) fn one_refreshes_and_the_others_go_on<B: Backend>() {
    let clock = ManualClock::new();
    let cache: Cache<u32, str, B> = Cache::builder()
        .time_to_live(SECOND * 10)
        .refresh_ahead(SECOND)
        .stale_for(SECOND)
        .clock(clock.clone())
        .build();
    cache.insert("a", 1);
    clock.advance(SECOND * 9 - Duration::from_nanos(1));
    assert_eq!(*cache.get_or_load("a", ok(2)).unwrap(), 1);
    clock.advance(Duration::from_nanos(1));
    // Due, and then past its time: one loads, and meanwhile the others get the old value.
    for old in [1, 3] {
        let loaded = cache.get_or_load("a", || {
            let beside = thread::scope(|scope| {
                scope.spawn(|| *cache.get_or_load("a", ok(99)).unwrap()).join().unwrap()
            });
            assert_eq!(beside, old);
            Ok::<_, ()>(old + 2)
        });
        assert_eq!(*loaded.unwrap(), old + 2);
        assert_eq!(cache.ttl("a"), Some(SECOND * 10));
        clock.advance(SECOND * 10);
        assert!(cache.get("a").is_none());
    }
    assert_eq!(cache.len(), 1);
}

pub(crate) fn a_failed_refresh_keeps_the_old_value<B: Backend>() {
    let clock = ManualClock::new();
    let cache = cache_of::<B>(&clock);
    cache.insert("a", 1);
    clock.advance(SECOND * 2 - Duration::from_nanos(1));
    for _ in 0..3 {
        assert_eq!(*cache.get_or_load("a", || Err::<u32, _>("down")).unwrap(), 1);
    }
    // A loader that panics lets the next one try, too.
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        _ = cache.get_or_load("a", || -> Result<u32, ()> { std::panic::resume_unwind(Box::new(())) });
    }));
    assert!(panicked.is_err());
    assert_eq!(*cache.get_or_load("a", || Err::<u32, _>("down")).unwrap(), 1);
    clock.advance(Duration::from_nanos(1));
    assert!(cache.get_or_load("a", || Err::<u32, _>("down")).is_err());
}

pub(crate) fn a_dropped_refresh_lets_another_try<B: Backend>() {
    let clock = ManualClock::new();
    let cache = cache_of::<B>(&clock);
    cache.insert("a", 1);
    clock.advance(SECOND);
    {
        let mut refresh = pin!(cache.get_or_load_async("a", std::future::pending::<Result<u32, ()>>));
        let mut context = Context::from_waker(Waker::noop());
        assert!(refresh.as_mut().poll(&mut context).is_pending());
        assert_eq!(*cache.get_or_load("a", ok(2)).unwrap(), 1);
    }
    assert_eq!(*cache.get_or_load("a", ok(2)).unwrap(), 2);
}

pub(crate) fn after_expiry_one_loads<B: Backend>() {
    let clock = ManualClock::new();
    let cache: Cache<u32, str, B> = Cache::builder().time_to_live(SECOND).clock(clock.clone()).build();
    for round in 0..100 {
        assert_eq!(*cache.get_or_load("a", ok(round)).unwrap(), round);
        assert_eq!(*cache.get_or_load("a", ok(99)).unwrap(), round);
        clock.advance(SECOND);
    }
    assert_eq!(cache.len(), 1);
}

/// An entry that expires while its successor is loaded is in the map when that arrives.
pub(crate) fn an_expired_value_is_replaced_by_the_load<B: Backend>() {
    let clock = ManualClock::new();
    let cache: Cache<u32, str, B> = Cache::builder().clock(clock.clone()).statistics().build();
    let loaded = cache.get_or_load("a", || {
        cache.insert_with_ttl("a", 1, SECOND);
        clock.advance(SECOND);
        Ok::<_, ()>(2)
    });
    // The insert during the load wins, though it is over: the loaded value goes to the caller only.
    assert_eq!(*loaded.unwrap(), 2);
    assert!(cache.get("a").is_none());
    assert_eq!(*cache.get_or_load("a", ok(3)).unwrap(), 3);
    assert_eq!(cache.get("a").as_deref(), Some(&3));
    let stats = cache.statistics().unwrap();
    assert_eq!((stats.expired, stats.replaced), (1, 0));
}

pub(crate) fn async_loads_share<B: Backend>() {
    let cache: Cache<u32, str, B> = Cache::builder().max_entries(100).build();
    let runs = AtomicU32::new(0);
    let (sender, receiver) = futures_channel();
    let load = || async {
        runs.fetch_add(1, Ordering::Relaxed);
        Ok::<_, Infallible>(receiver.wait().await)
    };
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(*block_on(cache.get_or_load_async("a", load)).unwrap(), 7));
        }
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(20));
            sender.send(7);
        });
    });
    assert_eq!(runs.load(Ordering::Relaxed), 1);
    assert_eq!(*cache.get("a").unwrap(), 7);
}

pub(crate) fn a_dropped_leader_hands_over<B: Backend>() {
    let cache: Cache<u32, str, B> = Cache::builder().max_entries(100).build();
    let mut context = Context::from_waker(Waker::noop());
    let mut next = Box::pin(cache.get_or_load_async("a", async || Ok::<u32, ()>(2)));
    {
        let mut leader = pin!(cache.get_or_load_async("a", std::future::pending::<Result<u32, ()>>));
        assert!(leader.as_mut().poll(&mut context).is_pending());
        assert!(next.as_mut().poll(&mut context).is_pending());
    }
    assert!(matches!(next.as_mut().poll(&mut context), Poll::Ready(Ok(value)) if *value == 2));
    assert_eq!((cache.len(), cache.get("a").as_deref()), (1, Some(&2)));
}

pub(crate) fn a_write_wins<B: Backend>() {
    let clock = ManualClock::new();
    let cache = cache_of::<B>(&clock);
    let loaded = cache.get_or_load("a", || {
        cache.insert("a", 5);
        Ok::<_, ()>(1)
    });
    assert!(loaded.is_ok());
    assert_eq!(cache.get("a").as_deref(), Some(&5));
    // During a refresh, too.
    clock.advance(SECOND);
    let refreshed = cache.get_or_load("a", || {
        cache.insert("a", 6);
        Ok::<_, ()>(1)
    });
    assert_eq!(*refreshed.unwrap(), 1);
    assert_eq!(cache.get("a").as_deref(), Some(&6));
    clock.advance(SECOND);
    let refreshed = cache.get_or_load("a", || {
        cache.remove("a");
        Ok::<_, ()>(1)
    });
    assert_eq!(*refreshed.unwrap(), 1);
    assert!(cache.get("a").is_none());
    assert_eq!((cache.len(), cache.weight()), (0, 0));
}

/// A group that is dropped while a member is loaded takes it along, and a member that replaces another is in its group.
pub(crate) fn loads_in_groups<B: Backend>() {
    let clock = ManualClock::new();
    let cache = cache_of::<B>(&clock);
    let (sale, other) = (Group::new(), Group::new());
    let dropped_meanwhile = || {
        let loaded = Loaded::new(1).in_group(sale.join());
        sale.drop_entries();
        Ok::<_, ()>(loaded)
    };
    assert_eq!(*cache.get_or_load("a", dropped_meanwhile).unwrap(), 1);
    assert!(cache.get("a").is_none());
    cache.get_or_load("a", || Ok::<_, ()>(Loaded::new(2).in_group(sale.join()))).unwrap();
    clock.advance(SECOND);
    assert_eq!(*cache.get_or_load("a", ok(3)).unwrap(), 3);
    other.drop_entries();
    assert_eq!(cache.get("a").as_deref(), Some(&3));
    // A refresh moves it to another group.
    clock.advance(SECOND);
    cache.get_or_load("a", || Ok::<_, ()>(Loaded::new(4).in_group(other.join()))).unwrap();
    sale.drop_entries();
    assert_eq!(cache.get("a").as_deref(), Some(&4));
    other.drop_entries();
    assert!(cache.get("a").is_none());
    let loaded = Loaded::new(5).live_for(SECOND * 3).in_group(sale.join());
    assert_eq!(*cache.insert_loaded("b", loaded), 5);
    assert_eq!(cache.ttl("b"), Some(SECOND * 3));
    sale.drop_entries();
    assert!(cache.get("b").is_none());
    cache.maintain(100);
    assert_eq!((cache.len(), cache.weight()), (0, 0));
}

pub(crate) fn a_loader_that_asks_for_its_own_key<B: Backend>() {
    let cache: Cache<u32, str, B> = Cache::builder().max_entries(10).build();
    let loaded = cache.get_or_load("a", || cache.get_or_load("a", ok(1)).map(|value| *value));
    assert!(matches!(loaded, Err(LoadError::Failed(inner)) if *inner == LoadError::Recursive));
}

/// One value from one thread to futures.
fn futures_channel() -> (Sender, Receiver) {
    let shared = std::sync::Arc::new(std::sync::Mutex::new((None, Vec::new())));
    (Sender(shared.clone()), Receiver(shared))
}

type Shared = std::sync::Arc<std::sync::Mutex<(Option<u32>, Vec<Waker>)>>;

struct Sender(Shared);

impl Sender {
    fn send(&self, value: u32) {
        let mut shared = self.0.lock().unwrap();
        shared.0 = Some(value);
        shared.1.drain(..).for_each(Waker::wake);
    }
}

struct Receiver(Shared);

impl Receiver {
    async fn wait(&self) -> u32 {
        std::future::poll_fn(|context| {
            let mut shared = self.0.lock().unwrap();
            match shared.0 {
                Some(value) => Poll::Ready(value),
                None => {
                    shared.1.push(context.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }
}
