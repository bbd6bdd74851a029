use std::sync::{Arc, Mutex};
use std::time::Duration;

use cache_core::Backend;
use cache_policy::policy::Eviction;
use cache_policy::{Cache, Clock, Counters, Expiry, Group, Handle, ManualClock};

const SECOND: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_nanos(1);

pub(crate) fn to_the_tick<B: Backend>() {
    let clock = ManualClock::new();
    let cache: Cache<u8, str, B> = Cache::builder().time_to_live(SECOND).clock(clock.clone()).build();
    cache.insert("a", 1);
    cache.insert_with_ttl("b", 2, SECOND * 2);
    cache.insert_with_ttl("c", 3, Duration::MAX);
    clock.advance(SECOND - TICK);
    assert_eq!(cache.get("a").as_deref(), Some(&1));
    assert_eq!(cache.with("a", |value| *value), Some(1));
    assert_eq!(cache.ttl("a"), Some(TICK));
    clock.advance(TICK);
    assert!(cache.get("a").is_none());
    assert!(cache.with("a", |value| *value).is_none());
    assert!(!cache.contains("a") && cache.ttl("a").is_none());
    assert!(cache.take("a").is_none() && !cache.remove("a"));
    clock.advance(SECOND - TICK);
    assert!(cache.contains("b"));
    clock.advance(TICK);
    assert!(!cache.contains("b"));
    clock.advance(Duration::from_secs(1 << 40));
    assert_eq!(cache.get("c").as_deref(), Some(&3));
}

/// A caller is told that a key is absent while another one, who looked at the clock before, is about to replace its value.
pub(crate) fn what_is_absent_stays_absent<B: Backend>() {
    type Says<B> = fn(&Cache<u8, str, B>) -> bool;
    let says_absent: [(&str, Says<B>); 13] = [
        ("get", |cache| cache.get("a").is_none()),
        ("with", |cache| cache.with("a", |value| *value).is_none()),
        ("contains", |cache| !cache.contains("a")),
        ("ttl", |cache| cache.ttl("a").is_none()),
        ("get_many", |cache| {
            let mut out = [None];
            cache.get_many(&["a"], &mut out);
            out[0].is_none()
        }),
        ("expire_in", |cache| !cache.expire_in("a", SECOND)),
        ("update", |cache| cache.update("a", |_| Some(3)).is_err()),
        ("take", |cache| cache.take("a").is_none()),
        ("remove", |cache| !cache.remove("a")),
        ("remove_if", |cache| !cache.remove_if("a", |_| true)),
        ("entries", |cache| cache.entries().is_empty()),
        ("retain", |cache| {
            cache.retain(|_, _| true);
            true
        }),
        ("get_or_load", |cache| cache.get_or_load("a", || Err::<u8, _>("down")).is_err()),
    ];
    for (name, says_absent) in says_absent {
        let clock = ManualClock::new();
        let cache: Cache<u8, str, B> = Cache::builder().time_to_live(SECOND).clock(clock.clone()).build();
        cache.insert("a", 1);
        let updated = cache.update("a", |_| {
            clock.advance(SECOND);
            assert!(says_absent(&cache), "{name}");
            Some(2)
        });
        assert!(updated.is_err(), "{name} said that the key was absent, and then it was updated");
        assert!(cache.get("a").is_none(), "{name}");
    }

    let clock = ManualClock::new();
    let cache: Cache<u8, str, B> = Cache::builder().time_to_live(SECOND).clock(clock.clone()).build();
    let one = cache.insert("a", 1);
    let updated = cache.update("a", |_| {
        clock.advance(SECOND);
        assert_eq!(cache.replace_if_same("a", &one, 3).unwrap_err(), 3);
        Some(2)
    });
    assert!(updated.is_err());
}

/// A clock that calls `hook` once, the next time that it is read.
#[derive(Clone, Default)]
struct HookedClock {
    time: ManualClock,
    hook: Arc<Mutex<Option<Hook>>>,
}

type Hook = Box<dyn FnOnce() + Send>;

impl Clock for HookedClock {
    fn now(&self) -> u64 {
        let hook = self.hook.lock().unwrap().take();
        let now = self.time.now();
        if let Some(hook) = hook {
            hook();
        }
        now
    }
}

/// The value's time ends while it is taken.
pub(crate) fn what_was_there_is_taken<B: Backend>() {
    let clock = HookedClock::default();
    let cache: Arc<Cache<u8, str, B>> =
        Arc::new(Cache::builder().time_to_live(SECOND).clock(clock.clone()).build());
    cache.insert("a", 1);
    let seen = Arc::new(Mutex::new(false));
    let (other, time, saw) = (Arc::clone(&cache), clock.time.clone(), Arc::clone(&seen));
    *clock.hook.lock().unwrap() = Some(Box::new(move || {
        *saw.lock().unwrap() = other.get("a").is_some();
        time.advance(SECOND);
    }));
    let taken = cache.take("a").is_some();
    assert!(*seen.lock().unwrap() || taken, "it was absent before its end, and nobody has taken it");
}

/// A value belongs to the cache that it is in, by the clock of that cache.
pub(crate) fn handles_of_other_caches_and_keys<B: Backend>() {
    let ahead = ManualClock::new();
    ahead.advance(SECOND * 3_600);
    let one: Cache<u32, str, B> = Cache::builder().time_to_live(SECOND).clock(ahead).build();
    let other: Cache<u32, str, B> = Cache::builder()
        .max_weight(10)
        .weigher(|_: &str, value: &u32| *value)
        .clock(ManualClock::new())
        .build();
    one.insert("a", 1);
    let a = other.insert_with_ttl("a", 1, SECOND);
    assert_eq!(one.replace_if_same("a", &a, 2).unwrap_err(), 2);
    assert_eq!(other.get("a").as_deref(), Some(&1));
    other.insert("b", 1);
    // One that is too heavy is refused at once, and its key is then absent; not so the key of the handle.
    assert_eq!(other.replace_if_same("b", &a, 11).unwrap_err(), 11);
    assert!(other.contains("a") && other.contains("b"));
}

/// A listener that stores what is over at once cannot keep a reader for ever.
pub(crate) fn what_is_over_at_once<B: Backend>() {
    type Shared<B> = Arc<Cache<u8, str, B>>;
    let again: Arc<Mutex<Option<Shared<B>>>> = Arc::default();
    let stores = Arc::clone(&again);
    let cache: Cache<u8, str, B> = Cache::builder()
        .clock(ManualClock::new())
        .listener(move |_: &Handle<u8, str>, _| {
            let cache = stores.lock().unwrap().clone();
            if let Some(cache) = cache {
                cache.insert_with_ttl("a", 1, Duration::ZERO);
            }
        })
        .build();
    let cache = Arc::new(cache);
    cache.insert_with_ttl("a", 1, Duration::ZERO);
    *again.lock().unwrap() = Some(Arc::clone(&cache));
    assert!(cache.get("a").is_none());
    again.lock().unwrap().take();
}

pub(crate) fn an_insert_starts_anew<B: Backend>() {
    let clock = ManualClock::new();
    let cache: Cache<u8, str, B> = Cache::builder().time_to_live(SECOND).clock(clock.clone()).build();
    cache.insert("a", 1);
    clock.advance(SECOND / 2);
    cache.insert("a", 2);
    cache.insert("b", 2);
    clock.advance(SECOND / 2);
    assert_eq!(cache.get("a").as_deref(), Some(&2));
    assert!(cache.update("a", |value| Some(value + 1)).is_ok());
    clock.advance(SECOND / 2);
    assert_eq!(cache.get("a").as_deref(), Some(&3));
    assert!(cache.update("b", |value| Some(value + 1)).is_err());
    assert!(!cache.remove_if("b", |_| true));
}

pub(crate) fn only_the_expiry_changes<B: Backend>() {
    let clock = ManualClock::new();
    let cache: Cache<u8, str, B> = Cache::builder().clock(clock.clone()).build();
    let one = cache.insert("a", 1);
    assert!(cache.expire_in("a", SECOND));
    assert!(!cache.expire_in("b", SECOND));
    assert!(cache_policy::Handle::same(&one, &cache.get("a").unwrap()));
    clock.advance(SECOND - TICK);
    assert!(cache.expire_in("a", SECOND));
    clock.advance(SECOND - TICK);
    assert!(cache.contains("a"));
    assert!(cache.expire_in("a", Duration::MAX));
    clock.advance(SECOND);
    assert_eq!(cache.ttl("a"), Some(Duration::MAX));
    assert!(cache.expire_in("a", Duration::ZERO));
    assert!(!cache.contains("a") && !cache.expire_in("a", SECOND));
}

pub(crate) fn idle_entries_leave<B: Backend>() {
    let clock = ManualClock::new();
    let idle = Duration::from_secs(64);
    let cache: Cache<u8, str, B> =
        Cache::builder().time_to_idle(idle).time_to_live(idle * 10).clock(clock.clone()).build();
    cache.insert("read", 1);
    cache.insert("unread", 2);
    for _ in 0..9 {
        clock.advance(SECOND * 40);
        assert!(cache.get("read").is_some());
    }
    assert!(!cache.contains("unread"));
    // Up to a 64th early, and never late.
    clock.advance(SECOND * 63 - TICK);
    assert!(cache.contains("read"));
    clock.advance(SECOND + TICK);
    assert!(!cache.contains("read"));
    // The time to live holds for what is read too.
    cache.insert("read", 1);
    for _ in 0..16 {
        assert!(cache.with("read", |_| ()).is_some());
        clock.advance(SECOND * 40);
    }
    assert!(!cache.contains("read"));
}

pub(crate) fn jitter_spreads<B: Backend>() {
    let clock = ManualClock::new();
    let cache: Cache<u8, u32, B> =
        Cache::builder().time_to_live(SECOND * 100).jitter(20).clock(clock.clone()).build();
    (0..1_000).for_each(|key| _ = cache.insert(&key, 0));
    let present = || (0..1_000).filter(|key| cache.contains(key)).count();
    clock.advance(SECOND * 80 - TICK);
    assert_eq!(present(), 1_000);
    clock.advance(SECOND * 10);
    assert!((400..600).contains(&present()), "{} of 1,000 live past the middle", present());
    clock.advance(SECOND * 10 + TICK);
    assert_eq!(present(), 0);
}

pub(crate) fn each_entry_as_it_says<B: Backend>() {
    struct InSeconds;
    impl Expiry<u64, str> for InSeconds {
        fn on_create(&self, key: &str, value: &u64) -> Option<Duration> {
            (key != "default").then(|| Duration::from_secs(*value))
        }
        fn on_update(&self, _key: &str, value: &u64) -> Option<Duration> {
            Some(Duration::from_secs(10 * *value))
        }
        fn on_read(&self, _key: &str, _value: &u64, rest: Duration) -> Option<Duration> {
            (rest < SECOND).then_some(SECOND * 3)
        }
    }
    let clock = ManualClock::new();
    let cache: Cache<u64, str, B> =
        Cache::builder().expiry(InSeconds).time_to_live(SECOND * 7).clock(clock.clone()).build();
    cache.insert("a", 2);
    cache.insert("default", 2);
    cache.insert_with_ttl("told", 2, SECOND * 5);
    assert_eq!(cache.ttl("a"), Some(SECOND * 2));
    assert_eq!(cache.ttl("default"), Some(SECOND * 7));
    assert_eq!(cache.ttl("told"), Some(SECOND * 5));
    cache.insert("a", 2);
    assert_eq!(cache.ttl("a"), Some(SECOND * 20));
    clock.advance(SECOND * 19 + SECOND / 2);
    assert!(cache.with("a", |_| ()).is_some());
    assert_eq!(cache.ttl("a"), Some(SECOND * 3));
}

pub(crate) fn memory_comes_back_by_writes<B: Backend>() {
    let clock = ManualClock::new();
    let cache: Cache<u8, u32, B> = Cache::builder().time_to_live(SECOND).clock(clock.clone()).build();
    (0..1_000).for_each(|key| _ = cache.insert(&key, 0));
    clock.advance(SECOND);
    assert_eq!(cache.len(), 1_000);
    (1_000..1_600).for_each(|key| _ = cache.insert(&key, 0));
    assert_eq!(cache.len(), 600);
}

pub(crate) fn memory_comes_back_by_maintain<B: Backend>() {
    let clock = ManualClock::new();
    let cache: Cache<u8, u32, B> = Cache::builder().max_entries(100_000).clock(clock.clone()).build();
    (0..10_000).for_each(|key| _ = cache.insert_with_ttl(&key, 0, SECOND * (1 + key % 2)));
    assert_eq!(cache.maintain(100_000), 0);
    clock.advance(SECOND);
    assert_eq!(cache.maintain(100_000), 5_000);
    clock.advance(SECOND);
    assert_eq!(cache.maintain(100_000), 5_000);
    assert!(cache.is_empty() && cache.entries().is_empty());
}

pub(crate) fn groups_are_dropped_at_once<B: Backend>() {
    let cache: Cache<u32, u32, B> = Cache::new();
    let (one, other) = (Group::new(), Group::new());
    for key in 0..1_000 {
        cache.insert_in(if key % 2 == 0 { &one } else { &other }, &key, key);
    }
    // A newer value of an entry is in its group too.
    assert!(cache.update(&0, |value| Some(value + 1)).is_ok());
    one.drop_entries();
    let mut present = Vec::new();
    cache.for_each(|key, _| present.push(key % 2));
    assert_eq!(present, [1; 500]);
    assert!((0..20).all(|key| cache.contains(&key) == (key % 2 == 1)));
    assert!(cache.get(&0).is_none());
    cache.insert_in(&one, &0, 7);
    assert_eq!(cache.get(&0).as_deref(), Some(&7));
    // The insert has freed some.
    assert!(cache.maintain(10_000) > 450);
    assert_eq!(cache.len(), 501);
    other.drop_entries();
    assert_eq!(cache.maintain(10_000), 500);
}

pub(crate) fn iteration_skips_what_is_over<B: Backend>() {
    let clock = ManualClock::new();
    let cache: Cache<u32, u32, B> = Cache::builder().clock(clock.clone()).build();
    (0..100).for_each(|key| _ = cache.insert_with_ttl(&key, key, SECOND * (1 + key % 2)));
    clock.advance(SECOND);
    let mut keys = Vec::new();
    cache.for_each(|key, _| keys.push(*key));
    keys.sort_unstable();
    let odd: Vec<_> = (0..100).filter(|key| key % 2 == 1).collect();
    assert_eq!(keys, odd);
    assert_eq!(cache.entries().len(), 50);
    let mut out = vec![None; 2];
    cache.get_many(&[&0, &1], &mut out);
    assert!(out[0].is_none() && out[1].is_some());
}

/// A clock that, once, lets another thread go on between a caller's look at it and what the caller does with the time.
#[derive(Clone)]
struct Interrupted {
    time: ManualClock,
    between: Arc<Mutex<Option<Between>>>,
}

type Between = Box<dyn FnOnce() + Send>;

impl Clock for Interrupted {
    fn now(&self) -> u64 {
        let now = self.time.now();
        let between = self.between.lock().unwrap().take();
        if let Some(between) = between {
            between();
        }
        now
    }
}

/// A caller that is interrupted after it looked at the clock finds entries that were read after that.
pub(crate) fn what_was_just_read_is_not_idle<B: Backend>() {
    let clock = Interrupted { time: ManualClock::new(), between: Arc::default() };
    let idle = Duration::from_secs(64);
    let cache: Cache<u8, u8, B> = Cache::builder().time_to_idle(idle).clock(clock.clone()).build();
    let cache = Arc::new(cache);
    (0..10).for_each(|n| _ = cache.insert(&n, n));
    let read_later = || {
        let (other, time) = (Arc::clone(&cache), clock.time.clone());
        *clock.between.lock().unwrap() = Some(Box::new(move || {
            time.advance(Duration::from_secs(2));
            (0..10).for_each(|n| assert!(other.get(&n).is_some()));
        }));
    };
    read_later();
    assert_eq!(cache.maintain(100), 0);
    read_later();
    assert!(cache.get(&1).is_some());
    read_later();
    let mut seen = 0;
    cache.for_each(|_, _| seen += 1);
    assert_eq!((seen, cache.len()), (10, 10));
    // A reader that is late does not make an entry older.
    read_later();
    assert!(cache.get(&1).is_some());
    clock.time.advance(idle - Duration::from_secs(2));
    assert!(cache.get(&1).is_some());
    clock.time.advance(idle);
    assert!(cache.get(&1).is_none());
}

/// More looks than there are entries end.
pub(crate) fn maintain_ends<B: Backend>() {
    let clock = ManualClock::new();
    for eviction in Eviction::ALL {
        let cache: Cache<u64, u64, B> = Cache::builder()
            .max_entries(10_000)
            .eviction(eviction)
            .time_to_live(Duration::from_secs(1))
            .clock(clock.clone())
            .build();
        assert_eq!(cache.maintain(usize::MAX), 0);
        (0..1_000).for_each(|n| _ = cache.insert(&n, n));
        assert_eq!(cache.maintain(usize::MAX), 0);
        clock.advance(Duration::from_secs(1));
        assert_eq!((cache.maintain(usize::MAX), cache.len()), (1_000, 0), "{}", eviction.name());
    }
    let counters: Counters<u64, B> =
        Counters::builder().time_to_live(Duration::from_secs(1)).clock(clock.clone()).build();
    (0..1_000).for_each(|n| _ = counters.add(&n, 1));
    assert_eq!(counters.maintain(usize::MAX), 0);
    clock.advance(Duration::from_secs(1));
    assert_eq!((counters.maintain(usize::MAX), counters.len()), (1_000, 0));
}

/// A value past its time that is served while it is replaced is not made valid by `on_read`.
pub(crate) fn a_stale_value_is_not_revived<B: Backend>() {
    struct Tens;
    impl Expiry<u8> for Tens {
        fn on_create(&self, _key: &str, _value: &u8) -> Option<Duration> {
            Some(Duration::from_secs(10))
        }
        fn on_read(&self, _key: &str, _value: &u8, _left: Duration) -> Option<Duration> {
            Some(Duration::from_secs(10))
        }
    }
    let clock = ManualClock::new();
    let cache: Cache<u8, str, B> =
        Cache::builder().expiry(Tens).stale_for(Duration::from_secs(60)).clock(clock.clone()).build();
    cache.insert("a", 1);
    clock.advance(Duration::from_secs(15));
    assert_eq!(*cache.get_or_load("a", || Err::<u8, _>("down")).unwrap(), 1);
    assert!(cache.get("a").is_none());
}
