use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use cache_core::Backend;
use cache_policy::{Cache, Expiry};

/// Panics without a message on the terminal.
fn panic_quietly() -> ! {
    resume_unwind(Box::new("on purpose"))
}

fn panics(f: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(f)).is_err()
}

pub(crate) fn a_listener_that_panics<B: Backend>() {
    let cache: Cache<u64, u64, B> =
        Cache::builder().max_entries(10).listener(|_value, _cause| panic_quietly()).statistics().build();
    (0..100).for_each(|key| _ = cache.insert(&key, key));
    let last = *cache.entries()[0].key();
    cache.insert(&last, 1);
    cache.clear();
    let stats = cache.statistics().unwrap();
    assert_eq!((stats.listener_panics, stats.evicted, stats.replaced + stats.removed), (101, 90, 11));
    assert_eq!(cache.len(), 0);
}

pub(crate) fn a_weigher_that_panics<B: Backend>() {
    let cache: Cache<u32, u64, B> = Cache::builder()
        .max_weight(10)
        .weigher(|_key, value: &u32| if *value == 13 { panic_quietly() } else { *value })
        .build();
    cache.insert(&1, 4);
    assert!(panics(|| _ = cache.insert(&1, 13)));
    assert!(panics(|| _ = cache.insert(&2, 13)));
    assert!(panics(|| _ = cache.update(&1, |_| Some(13))));
    assert!(panics(|| _ = cache.get_or_load(&3, || Ok::<u32, ()>(13))));
    assert_eq!((cache.len(), cache.weight(), *cache.get(&1).unwrap()), (1, 4, 4));
    assert_eq!(*cache.get_or_load(&3, || Ok::<u32, ()>(5)).unwrap(), 5);
    cache.insert(&2, 9);
    assert!(cache.weight() <= 10);
}

pub(crate) fn an_expiry_that_panics<B: Backend>() {
    struct Panics(Arc<AtomicBool>);
    impl Expiry<u32, u64> for Panics {
        fn on_create(&self, _key: &u64, _value: &u32) -> Option<Duration> {
            if self.0.load(Ordering::Relaxed) { panic_quietly() } else { None }
        }
        fn on_read(&self, _key: &u64, _value: &u32, _rest: Duration) -> Option<Duration> {
            if self.0.load(Ordering::Relaxed) { panic_quietly() } else { None }
        }
    }
    let switch = Arc::new(AtomicBool::new(false));
    let cache: Cache<u32, u64, B> =
        Cache::builder().max_entries(10).expiry(Panics(Arc::clone(&switch))).build();
    cache.insert(&1, 1);
    switch.store(true, Ordering::Relaxed);
    assert!(panics(|| _ = cache.insert(&2, 2)));
    assert!(panics(|| _ = cache.get(&1)));
    assert!(panics(|| _ = cache.with(&1, |_| ())));
    switch.store(false, Ordering::Relaxed);
    assert_eq!((cache.len(), cache.get(&1).as_deref()), (1, Some(&1)));
    (0..100).for_each(|key| _ = cache.insert(&key, 0));
    assert_eq!(cache.len(), 10);
}

pub(crate) fn a_loader_that_panics<B: Backend>() {
    let cache: Cache<u32, u64, B> = Cache::builder().max_entries(10).statistics().build();
    assert!(panics(|| _ = cache.get_or_load(&1, || -> Result<u32, ()> { panic_quietly() })));
    assert_eq!(cache.len(), 0);
    assert_eq!(*cache.get_or_load(&1, || Ok::<u32, ()>(5)).unwrap(), 5);
    assert_eq!(cache.statistics().unwrap().failed_loads, 1);
}

/// Listener, weigher and loader write to the cache that runs them.
pub(crate) fn callers_code_may_call_the_cache<B: Backend>() {
    type Shared<B> = Cache<u64, u64, B>;
    let own: Arc<OnceLock<Shared<B>>> = Arc::default();
    let (listening, weighing) = (Arc::clone(&own), Arc::clone(&own));
    let cache: Shared<B> = Cache::builder()
        .max_entries(20)
        .listener(move |value: &cache_policy::Handle<u64, u64>, _cause| {
            let Some(cache) = listening.get() else { return };
            cache.get(value.key());
            // Each eviction inserts and so evicts, for three levels.
            if **value < 3 {
                cache.insert(&(value.key() + 1_000), **value + 1);
            }
        })
        .weigher(move |key, _value| weighing.get().map_or(1, |cache| 1 + u32::from(cache.contains(key))))
        .build();
    assert!(own.set(cache).is_ok());
    let cache = own.get().unwrap();
    for key in 0..1_000 {
        cache.insert(&key, 0);
        cache.get_or_load(&(key + 500), || Ok::<_, ()>(*cache.insert(&(key + 2_000), 5))).unwrap();
    }
    assert_eq!(cache.len(), 20);
    // The listener holds the cache, and the cache the listener.
    cache.clear();
}
