//! On a hit, no integer operation of any backend allocates.
#![forbid(unsafe_code)]

use std::ops::{ControlFlow, RangeInclusive};

use hotcache::{AddError, Backend, IntCache, IntCacheExt, Options};
use hotcache_bench::alloc::{Allocated, by_this_thread};

const KEYS: usize = 1_000;
const ALL: RangeInclusive<i64> = i64::MIN..=i64::MAX;

/// A key that fits into the stored form without the heap, and one that does not.
fn keys() -> Vec<String> {
    let short = (0..KEYS).map(|i| format!("sku:{i}"));
    let long = (0..KEYS).map(|i| format!("a key that is longer than twenty-four bytes: {i}"));
    short.chain(long).collect()
}

/// The operations that allocated, with what they did, when all keys but those of `del` are present.
fn allocating(cache: &dyn IntCache) -> Vec<(&'static str, Allocated)> {
    let keys = keys();
    let absent: Vec<_> = keys.iter().map(|key| format!("absent {key}")).collect();
    keys.iter().for_each(|key| cache.set(key, 1));
    let group: Vec<&str> = keys.iter().map(String::as_str).collect();
    let group = &group[..];
    let mut out = vec![None; group.len()];

    type Do<'a> = Box<dyn FnMut() + 'a>;
    let each = |f: fn(&dyn IntCache, &str)| -> Do<'_> {
        Box::new(move || group.iter().for_each(|key| f(cache, key)))
    };
    let operations: Vec<(&str, Do<'_>)> = vec![
        ("get", each(|cache, key| assert!(cache.get(key).is_some()))),
        ("set", each(|cache, key| cache.set(key, 5))),
        ("add", each(|cache, key| assert_eq!(cache.add(key, 1), cache.get(key).unwrap_or(0)))),
        ("try_add", each(|cache, key| assert!(cache.try_add(key, 1, ALL).is_ok()))),
        ("try_add, refused", each(|cache, key| assert!(cache.try_add(key, 1, 0..=0).is_err()))),
        ("try_add_or_insert", each(|cache, key| assert!(cache.try_add_or_insert(key, 1, ALL).is_ok()))),
        (
            "try_add_or_insert, refused",
            each(|cache, key| assert!(cache.try_add_or_insert(key, 1, 0..=0).is_err())),
        ),
        (
            "get_many",
            Box::new(|| {
                cache.get_many(group, &mut out);
                assert!(out.iter().all(Option::is_some));
            }),
        ),
        ("del, absent", Box::new(|| absent.iter().for_each(|key| assert!(!cache.del(key))))),
        (
            "try_add, absent",
            Box::new(|| {
                let refused = |key: &String| cache.try_add(key, 1, ALL) == Err(AddError::Absent);
                assert!(absent.iter().all(refused));
            }),
        ),
    ];
    let mut allocating = Vec::new();
    for (name, mut operation) in operations {
        // Once before: what a thread sets up for itself on its first call is no part of a hit.
        operation();
        let before = by_this_thread();
        operation();
        let allocated = by_this_thread().since(before);
        if allocated != Allocated::default() {
            allocating.push((name, allocated));
        }
    }
    allocating
}

fn assert_no_allocation<B: Backend>() {
    for shards in [0, 1] {
        let cache = B::int::<str, _>(Options::new().shards(shards));
        assert_eq!(allocating(&cache), [], "{}, {shards} shards", B::NAME);
    }
}

#[test]
fn rwlock() {
    assert_no_allocation::<hotcache::rwlock::Backend>();
}

#[test]
fn dashmap() {
    assert_no_allocation::<hotcache::dashmap::Backend>();
}

#[test]
fn flurry() {
    assert_no_allocation::<hotcache::flurry::Backend>();
}

#[test]
fn scc() {
    assert_no_allocation::<hotcache::scc::Backend>();
}

#[test]
fn papaya() {
    assert_no_allocation::<hotcache::papaya::Backend>();
}

/// A cache that owns the key before it looks whether it needs to: right, and slow.
struct Eager(hotcache::rwlock::IntCache);

/// The key, once more, on the heap.
fn owned(key: &str) -> String {
    key.to_owned()
}

impl IntCache for Eager {
    fn get(&self, key: &str) -> Option<i64> {
        self.0.get(key)
    }
    fn set(&self, key: &str, value: i64) {
        self.0.set(&owned(key), value);
    }
    fn swap(&self, key: &str, value: i64) -> Option<i64> {
        self.0.swap(&owned(key), value)
    }
    fn insert_new(&self, key: &str, value: i64) -> Result<(), i64> {
        self.0.insert_new(&owned(key), value)
    }
    fn compare_exchange(&self, key: &str, current: i64, new: i64) -> Result<(), Option<i64>> {
        self.0.compare_exchange(&owned(key), current, new)
    }
    fn take(&self, key: &str) -> Option<i64> {
        self.0.take(&owned(key))
    }
    fn del_if_dyn(&self, key: &str, f: &mut dyn FnMut(i64) -> bool) -> bool {
        self.0.del_if_dyn(&owned(key), f)
    }
    fn add(&self, key: &str, delta: i64) -> i64 {
        self.0.add(&owned(key), delta)
    }
    fn del(&self, key: &str) -> bool {
        self.0.del(&owned(key))
    }
    fn try_add_dyn(&self, key: &str, delta: i64, bounds: RangeInclusive<i64>) -> Result<i64, AddError> {
        self.0.try_add_dyn(&owned(key), delta, bounds)
    }
    fn try_add_or_insert_dyn(
        &self,
        key: &str,
        delta: i64,
        bounds: RangeInclusive<i64>,
    ) -> Result<i64, AddError> {
        self.0.try_add_or_insert_dyn(&owned(key), delta, bounds)
    }
    fn len(&self) -> usize {
        self.0.len()
    }
    fn clear(&self) {
        self.0.clear();
    }
    fn try_for_each_dyn(&self, f: &mut dyn FnMut(&str, i64) -> ControlFlow<()>) -> ControlFlow<()> {
        self.0.try_for_each_dyn(f)
    }
    fn retain(&self, f: &mut dyn FnMut(&str, i64) -> bool) {
        self.0.retain(f);
    }
    fn get_many(&self, keys: &[&str], out: &mut [Option<i64>]) {
        let owned: Vec<_> = keys.to_vec();
        self.0.get_many(&owned, out);
    }
}

#[test]
fn a_cache_that_allocates_is_caught_at_every_operation_that_does() {
    let caught = allocating(&Eager(hotcache::rwlock::IntCache::new()));
    let names: Vec<_> = caught.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        names,
        [
            "set",
            "add",
            "try_add",
            "try_add, refused",
            "try_add_or_insert",
            "try_add_or_insert, refused",
            "get_many",
            "del, absent",
            "try_add, absent",
        ]
    );
    let set = caught[0].1;
    assert_eq!(set.count as usize, 2 * KEYS, "one for each key");
}
