use std::cell::Cell;
use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use cache_core::{Backend, Key};
use cache_policy::{Cache, Counters, Expiry, ManualClock};

const SECOND: Duration = Duration::from_secs(1);

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
    // The cache holds the listener, so the listener does not hold the cache.
    let own: Arc<OnceLock<Weak<Shared<B>>>> = Arc::default();
    let (listening, weighing) = (Arc::clone(&own), Arc::clone(&own));
    let cache: Shared<B> = Cache::builder()
        .max_entries(20)
        .listener(move |value: &cache_policy::Handle<u64, u64>, _cause| {
            let Some(cache) = listening.get().and_then(Weak::upgrade) else { return };
            cache.get(value.key());
            // Each eviction inserts and so evicts, for three levels.
            if **value < 3 {
                cache.insert(&(value.key() + 1_000), **value + 1);
            }
        })
        .weigher(move |key, _value| {
            let cache = weighing.get().and_then(Weak::upgrade);
            cache.map_or(1, |cache| 1 + u32::from(cache.contains(key)))
        })
        .build();
    let cache = Arc::new(cache);
    assert!(own.set(Arc::downgrade(&cache)).is_ok());
    for key in 0..1_000 {
        cache.insert(&key, 0);
        cache.get_or_load(&(key + 500), || Ok::<_, ()>(*cache.insert(&(key + 2_000), 5))).unwrap();
    }
    assert_eq!(cache.len(), 20);
}

/// A value whose `Drop` panics, wherever that happens, leaves the totals right.
pub(crate) fn a_value_whose_drop_panics<B: Backend>() {
    struct Panics(u32);
    impl Drop for Panics {
        fn drop(&mut self) {
            if self.0 % 7 == 0 {
                panic_quietly();
            }
        }
    }
    let clock = ManualClock::new();
    let cache: Cache<Panics, u32, B> =
        Cache::builder().max_entries(100).time_to_live(SECOND).clock(clock.clone()).build();
    for n in 0..2_000 {
        cache.insert(&(n % 300), Panics(n));
        if n % 50 == 0 {
            clock.advance(SECOND / 2);
            cache.maintain(20);
        }
        assert!(cache.len() <= 100);
    }
    clock.advance(SECOND);
    cache.maintain(1_000);
    assert_eq!((cache.len(), cache.weight()), (0, 0));
    (1..=100).for_each(|n| _ = cache.insert(&n, Panics(1)));
    assert_eq!((cache.len(), cache.entries().len()), (100, 100));
}

/// A key whose `Eq` panics while this thread says so.
#[derive(Clone, Copy, Debug, PartialOrd, Ord)]
struct Touchy(u64);

impl Hash for Touchy {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

thread_local! {
    static PANICS: Cell<bool> = const { Cell::new(false) };
}

impl PartialEq for Touchy {
    fn eq(&self, other: &Self) -> bool {
        if PANICS.get() {
            panic_quietly();
        }
        self.0 == other.0
    }
}

impl Eq for Touchy {}

impl Key for Touchy {
    type Owned = Self;
    fn to_owned_key(&self) -> Self {
        *self
    }
}

pub(crate) fn totals_after_a_key_that_panics<B: Backend>() {
    let clock = ManualClock::new();
    let cache: Cache<u64, Touchy, B> =
        Cache::builder().max_entries(100).time_to_live(SECOND).clock(clock.clone()).build();
    let counters: Counters<Touchy, B> =
        Counters::builder().max_keys(100).time_to_live(SECOND).clock(clock.clone()).build();
    for n in 0..100 {
        cache.insert(&Touchy(n), n);
        counters.add(&Touchy(n), 1).unwrap();
    }
    clock.advance(SECOND);
    PANICS.set(true);
    let passes = (0..5).filter(|_| panics(|| _ = cache.maintain(1_000))).count();
    let passes = passes + (0..5).filter(|_| panics(|| _ = counters.maintain(1_000))).count();
    PANICS.set(false);
    assert!(passes > 0, "no key was compared");
    // Once for those that were put back, and once for those that follow them.
    (0..2).for_each(|_| _ = cache.maintain(1_000) + counters.maintain(1_000));
    assert_eq!((cache.len(), counters.len()), (0, 0));
    for n in 0..100 {
        cache.insert(&Touchy(n), n);
        counters.add(&Touchy(n), 1).unwrap();
    }
    assert_eq!((cache.len(), cache.entries().len(), counters.len()), (100, 100, 100));
    // New keys whose insert panics keep no place.
    counters.clear();
    PANICS.set(true);
    let inserts = (0..3).filter(|_| panics(|| _ = counters.add(&Touchy(7), 1))).count();
    PANICS.set(false);
    counters.clear();
    assert_eq!(counters.len(), 0, "after {inserts} panics");
}
