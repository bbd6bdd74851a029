use std::time::Duration;

use cache_core::{Backend, IntCache, ObjCache, ObjCacheExt, Options};
use cache_policy::snapshot::{Snapshot, SnapshotError};
use cache_policy::{Cache, Counters, Group, ManualClock};

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A manual clock, so long after its start.
fn clock(at: u64) -> ManualClock {
    let clock = ManualClock::new();
    clock.advance(seconds(at));
    clock
}

fn cache<B: Backend>(clock: &ManualClock) -> Cache<u32, str, B> {
    Cache::builder().clock(clock.clone()).build()
}

pub(crate) fn what_is_left_of_the_time<B: Backend>() {
    let now = clock(1_000);
    let before = cache::<B>(&now);
    before.insert("for ever", 1);
    before.insert_with_ttl("ten", 2, seconds(10));
    before.insert_with_ttl("over", 3, seconds(4));
    now.advance(seconds(4));
    let mut bytes = Vec::new();
    assert_eq!(before.snapshot().write_to(&mut bytes).unwrap().entries, 2);

    let after = cache::<B>(&now);
    let restored = after.snapshot().read_from(&bytes[..]).unwrap();
    assert_eq!((restored.inserted, restored.expired), (2, 0));
    assert_eq!(after.ttl("for ever"), Some(Duration::MAX));
    assert_eq!(after.ttl("ten"), Some(seconds(6)));
    assert_eq!(after.ttl("over"), None);
    now.advance(seconds(6));
    assert!(after.get("ten").is_none() && after.get("for ever").is_some());

    let now = clock(50);
    let before: Counters<str, B> = Counters::builder().time_to_live(seconds(60)).clock(now.clone()).build();
    before.set("a", 7).unwrap();
    now.advance(seconds(20));
    let mut bytes = Vec::new();
    assert_eq!(before.snapshot().write_to(&mut bytes).unwrap().entries, 1);
    let after: Counters<str, B> = Counters::builder().time_to_live(seconds(60)).clock(now.clone()).build();
    let _ = after.snapshot().read_from(&bytes[..]).unwrap();
    assert_eq!((after.get("a"), after.ttl("a")), (Some(7), Some(seconds(40))));
    now.advance(seconds(40));
    assert_eq!(after.get("a"), None);
}

pub(crate) fn time_passes_on_the_disk<B: Backend>() {
    let before = cache::<B>(&clock(1_000));
    before.insert_with_ttl("ten", 1, seconds(10));
    before.insert_with_ttl("five", 2, seconds(5));
    let mut bytes = Vec::new();
    let _ = before.snapshot().write_to(&mut bytes).unwrap();

    let after = cache::<B>(&clock(1_005));
    let restored = after.snapshot().read_from(&bytes[..]).unwrap();
    assert_eq!((restored.inserted, restored.expired), (1, 1));
    assert_eq!((after.ttl("ten"), after.ttl("five")), (Some(seconds(5)), None));

    // With the stale time of a cache on top, but not in what is valid.
    let after: Cache<u32, str, B> = Cache::builder().stale_for(seconds(100)).clock(clock(1_005)).build();
    let restored = after.snapshot().read_from(&bytes[..]).unwrap();
    assert_eq!((restored.inserted, restored.expired), (1, 1));
    assert_eq!(after.ttl("ten"), Some(seconds(5)));
    let mut again = Vec::new();
    let _ = after.snapshot().write_to(&mut again).unwrap();
    let last = cache::<B>(&clock(1_005));
    let _ = last.snapshot().read_from(&again[..]).unwrap();
    assert_eq!(last.ttl("ten"), Some(seconds(5)));
}

pub(crate) fn a_clock_set_back_gives_no_time<B: Backend>() {
    let before = cache::<B>(&clock(1_000));
    before.insert_with_ttl("ten", 1, seconds(10));
    let mut bytes = Vec::new();
    let _ = before.snapshot().write_to(&mut bytes).unwrap();
    let after = cache::<B>(&clock(3));
    let _ = after.snapshot().read_from(&bytes[..]).unwrap();
    assert_eq!(after.ttl("ten"), Some(seconds(10)));
}

pub(crate) fn idle_time_begins_anew<B: Backend>() {
    let idle = |now: &ManualClock| -> Cache<u32, str, B> {
        Cache::builder().time_to_idle(seconds(64)).clock(now.clone()).build()
    };
    let now = clock(1_000);
    let before = idle(&now);
    before.insert("a", 1);
    now.advance(seconds(60));
    let mut bytes = Vec::new();
    let _ = before.snapshot().write_to(&mut bytes).unwrap();
    let now = clock(5_000);
    let after = idle(&now);
    let _ = after.snapshot().read_from(&bytes[..]).unwrap();
    now.advance(seconds(60));
    assert!(after.contains("a"));
    now.advance(seconds(4));
    assert!(!after.contains("a"));
}

pub(crate) fn an_endless_entry_gets_the_caches_time<B: Backend>() {
    let before = cache::<B>(&clock(0));
    before.insert("a", 1);
    let mut bytes = Vec::new();
    let _ = before.snapshot().write_to(&mut bytes).unwrap();
    let after: Cache<u32, str, B> = Cache::builder().time_to_live(seconds(60)).clock(clock(9)).build();
    let _ = after.snapshot().read_from(&bytes[..]).unwrap();
    assert_eq!(after.ttl("a"), Some(seconds(60)));
}

pub(crate) fn groups_by_name<B: Backend>() {
    let before = cache::<B>(&clock(0));
    let (one, other, nameless, dropped) = (Group::new(), Group::new(), Group::new(), Group::new());
    before.insert("none", 0);
    before.insert_in(&one, "one", 1);
    before.insert_in(&other, "other", 2);
    before.insert_in(&nameless, "nameless", 3);
    before.insert_in(&dropped, "dropped", 4);
    dropped.drop_entries();
    let mut bytes = Vec::new();
    let written = before.snapshot().group("1", &one).group("2", &other).write_to(&mut bytes).unwrap();
    assert_eq!((written.entries, written.left_out), (3, 1));

    let after = cache::<B>(&clock(0));
    // In another order, with one that the snapshot does not know.
    let (one, other) = (Group::new(), Group::new());
    let snapshot = after.snapshot().group("2", &other).group("3", &Group::new()).group("1", &one);
    assert_eq!(snapshot.read_from(&bytes[..]).unwrap().inserted, 3);
    other.drop_entries();
    assert!(after.contains("none") && after.contains("one") && !after.contains("other"));
    one.drop_entries();
    assert!(after.contains("none") && !after.contains("one"));

    let counters: Counters<str, B> = Counters::new();
    let sale = Group::new();
    counters.insert_in(&sale, "user", 2).unwrap();
    let mut bytes = Vec::new();
    let _ = counters.snapshot().group("sale", &sale).write_to(&mut bytes).unwrap();
    let after: Counters<str, B> = Counters::new();
    let sale = Group::new();
    let _ = after.snapshot().group("sale", &sale).read_from(&bytes[..]).unwrap();
    assert_eq!(after.get("user"), Some(2));
    sale.drop_entries();
    assert_eq!(after.get("user"), None);
}

pub(crate) fn a_group_that_was_not_given<B: Backend>() {
    let before = cache::<B>(&clock(0));
    let sale = Group::new();
    before.insert("a", 1);
    before.insert_in(&sale, "b", 2);
    let mut bytes = Vec::new();
    let _ = before.snapshot().group("sale", &sale).write_to(&mut bytes).unwrap();
    let after = cache::<B>(&clock(0));
    let error = after.snapshot().read_from(&bytes[..]).unwrap_err();
    assert!(matches!(error, SnapshotError::UnknownGroup { name } if name == "sale"));
    assert!(after.is_empty());
}

pub(crate) fn bounds_are_kept<B: Backend>() {
    let before: Cache<u64, u64, B> = Cache::new();
    (0..1_000).for_each(|n| _ = before.insert(&n, n));
    let mut bytes = Vec::new();
    let _ = before.snapshot().write_to(&mut bytes).unwrap();
    let after: Cache<u64, u64, B> = Cache::builder().max_entries(100).build();
    assert_eq!(after.snapshot().read_from(&bytes[..]).unwrap().inserted, 1_000);
    assert_eq!((after.len(), after.entries().len()), (100, 100));
}

pub(crate) fn what_was_hot_stays<B: Backend>() {
    let build = || -> Cache<u64, u64, B> { Cache::builder().max_entries(1_000).build() };
    let before = build();
    (0..1_000).for_each(|n| _ = before.insert(&n, n));
    for _ in 0..5 {
        (0..100).for_each(|n| _ = before.get(&n));
    }
    let mut bytes = Vec::new();
    let _ = before.snapshot().write_to(&mut bytes).unwrap();
    let after = build();
    let _ = after.snapshot().read_from(&bytes[..]).unwrap();
    // A flood of keys that are asked for once.
    (1_000..2_500).for_each(|n| _ = after.insert(&n, n));
    let hot = (0..100).filter(|n| after.contains(n)).count();
    let cold = (100..1_000).filter(|n| after.contains(n)).count();
    assert!(hot >= 95, "{hot} of 100 hot keys are left, and {cold} of 900 cold ones");
}

pub(crate) fn too_heavy_is_refused<B: Backend>() {
    let before: Cache<u32, str, B> = Cache::new();
    before.insert("light", 1);
    before.insert("heavy", 100);
    let mut bytes = Vec::new();
    let _ = before.snapshot().write_to(&mut bytes).unwrap();
    let after: Cache<u32, str, B> =
        Cache::builder().max_weight(10).weigher(|_key, value: &u32| *value).build();
    let restored = after.snapshot().read_from(&bytes[..]).unwrap();
    assert_eq!((restored.inserted, restored.refused), (1, 1));
    assert_eq!(after.weight(), 1);
}

pub(crate) fn counters_all_or_none<B: Backend>() {
    let before: Counters<u64, B> = Counters::new();
    (0..100).for_each(|n| before.set(&n, 1).unwrap());
    let mut bytes = Vec::new();
    let _ = before.snapshot().write_to(&mut bytes).unwrap();

    let now = ManualClock::new();
    let build = || Counters::<u64, B>::builder().max_keys(100).time_to_live(seconds(9)).clock(now.clone());
    let after = build().build();
    after.set(&1_000, 7).unwrap();
    let error = after.snapshot().read_from(&bytes[..]).unwrap_err();
    assert!(matches!(error, SnapshotError::Full { new: 100, max_keys: 100 }), "{error}");
    assert_eq!(after.entries(), [(1_000, 7)]);
    // No place is taken by what was refused.
    (0..99).for_each(|n| after.set(&n, 2).unwrap());
    assert!(after.set(&2_000, 1).is_err());

    // Present keys need no place, and those past their time give theirs.
    let after = build().build();
    (0..100).for_each(|n| after.set(&n, 2).unwrap());
    assert_eq!(after.snapshot().read_from(&bytes[..]).unwrap().present, 100);
    assert_eq!((after.get(&7), after.len()), (Some(2), 100));
    now.advance(seconds(9));
    assert_eq!(after.snapshot().read_from(&bytes[..]).unwrap().inserted, 100);
    assert_eq!((after.get(&7), after.len()), (Some(1), 100));
}

pub(crate) fn present_keys_keep_their_value<B: Backend>() {
    let ints = B::int::<str, _>(Options::new());
    let objects = B::obj::<u32, str, _>(Options::new());
    let cache = cache::<B>(&clock(0));
    ints.set("a", 1);
    objects.insert("a", 1);
    cache.insert("a", 1);
    let mut files = [const { Vec::new() }; 3];
    let _ = Snapshot::of_int(&ints).write_to(&mut files[0]).unwrap();
    let _ = Snapshot::of_obj(&objects).write_to(&mut files[1]).unwrap();
    let _ = cache.snapshot().write_to(&mut files[2]).unwrap();
    ints.set("a", 2);
    objects.insert("a", 2);
    cache.insert("a", 2);
    assert_eq!(Snapshot::of_int(&ints).read_from(&files[0][..]).unwrap().present, 1);
    assert_eq!(Snapshot::of_obj(&objects).read_from(&files[1][..]).unwrap().present, 1);
    assert_eq!(cache.snapshot().read_from(&files[2][..]).unwrap().present, 1);
    assert_eq!(ints.get("a"), Some(2));
    assert_eq!(objects.get("a").as_deref(), Some(&2));
    assert_eq!(cache.get("a").as_deref(), Some(&2));
}
