//! `swap`, `insert_new`, `compare_exchange` and the updates, one thread.

use cache_core::counter::Closable;
use cache_core::{AddError, Backend, IntCache, IntCacheExt, UpdateError};

use super::str_cache;

/// Values that a backend might mistake for something else: the ends, and what a closed counter holds.
const ODD_VALUES: [i64; 9] = [
    i64::MIN,
    i64::MIN + 1,
    -1,
    0,
    1,
    i64::MAX,
    Closable::SENTINEL - 1,
    Closable::SENTINEL,
    Closable::SENTINEL + 1,
];

/// A swap stores its value and returns the one before, `None` for a key that it inserts.
pub fn swap_returns_the_value_before<B: Backend>() {
    let cache = str_cache::<B>();
    assert_eq!(cache.swap("a", 1), None);
    assert_eq!(cache.len(), 1);
    assert_eq!(cache.swap("a", 2), Some(1));
    assert_eq!(cache.swap("a", 2), Some(2));
    assert_eq!(cache.get("a"), Some(2));
    assert_eq!(cache.add("a", 3), 5);
    assert_eq!(cache.swap("a", 0), Some(5));
    assert!(cache.del("a"));
    assert_eq!(cache.swap("a", 7), None);
    assert_eq!(cache.len(), 1);
}

/// `insert_new` inserts an absent key, and tells the value of a present one, which stays.
pub fn insert_new_keeps_what_is_there<B: Backend>() {
    let cache = str_cache::<B>();
    assert_eq!(cache.insert_new("a", 1), Ok(()));
    assert_eq!(cache.insert_new("a", 2), Err(1));
    assert_eq!(cache.get("a"), Some(1));
    assert_eq!(cache.len(), 1);
    assert!(cache.del("a"));
    assert_eq!(cache.insert_new("a", 3), Ok(()));
    assert_eq!(cache.get("a"), Some(3));
}

/// `compare_exchange` stores only over the value that is expected, and inserts nothing.
pub fn compare_exchange_needs_the_value<B: Backend>() {
    let cache = str_cache::<B>();
    assert_eq!(cache.compare_exchange("a", 0, 1), Err(None));
    assert!(cache.is_empty());
    cache.set("a", 1);
    assert_eq!(cache.compare_exchange("a", 0, 2), Err(Some(1)));
    assert_eq!(cache.get("a"), Some(1));
    assert_eq!(cache.compare_exchange("a", 1, 2), Ok(()));
    assert_eq!(cache.compare_exchange("a", 2, 2), Ok(()));
    assert_eq!(cache.get("a"), Some(2));
}

/// An update stores what its closure makes of the value, or keeps the value and says so.
pub fn update_applies_or_keeps<B: Backend>() {
    let cache = str_cache::<B>();
    let mut calls = 0;
    let count = |value: i64, calls: &mut i32| {
        *calls += 1;
        Some(value)
    };
    assert_eq!(cache.update("a", |value| count(value, &mut calls)), Err(UpdateError::Absent));
    assert_eq!((calls, cache.len()), (0, 0));
    cache.set("a", 4);
    assert_eq!(cache.update("a", |value| count(value + 1, &mut calls)), Ok(5));
    assert_eq!((calls, cache.get("a")), (1, Some(5)));
    assert_eq!(cache.update("a", |_| None), Err(UpdateError::Kept { current: 5 }));
    assert_eq!(cache.get("a"), Some(5));
}

/// An absent key starts with the first value, on which the closure is not asked.
pub fn update_or_insert_starts_with_first<B: Backend>() {
    let cache = str_cache::<B>();
    assert_eq!(cache.update_or_insert("a", 3, |_| panic!("the key is absent")), Ok(3));
    assert_eq!(cache.update_or_insert("a", 0, |value| Some(2 * value)), Ok(6));
    assert_eq!(cache.update_or_insert("a", 0, |_| None), Err(UpdateError::Kept { current: 6 }));
    assert_eq!(cache.get("a"), Some(6));
    assert_eq!(cache.len(), 1);
}

/// Every `i64` is a value like any other, for every operation.
pub fn every_value_is_a_value<B: Backend>() {
    let cache = str_cache::<B>();
    let all = i64::MIN..=i64::MAX;
    for value in ODD_VALUES {
        cache.set("a", value);
        assert_eq!(cache.get("a"), Some(value));
        assert!(cache.contains("a"));
        assert_eq!(cache.insert_new("a", 1), Err(value));
        assert_eq!(cache.add("a", 0), value);
        assert_eq!(cache.try_add("a", 0, value..=value), Ok(value));
        assert_eq!(cache.update("a", Some), Ok(value));
        assert_eq!(cache.update("a", |_| None), Err(UpdateError::Kept { current: value }));
        let mut seen = Vec::new();
        cache.for_each(&mut |_, value| seen.push(value));
        cache.retain(&mut |_, value| {
            seen.push(value);
            true
        });
        assert!(!cache.del_if("a", |value| {
            seen.push(value);
            false
        }));
        assert_eq!(seen, [value; 3]);
        for other in ODD_VALUES {
            assert_eq!(cache.swap("a", other), Some(value));
            assert_eq!(cache.compare_exchange("a", other, value), Ok(()));
            if other != value {
                assert_eq!(cache.compare_exchange("a", other, 5), Err(Some(value)));
            }
            let delta = other.wrapping_sub(value);
            assert_eq!(cache.add("a", delta), other);
            assert_eq!(cache.add("a", 0_i64.wrapping_sub(delta)), value);
            let sum = value.checked_add(other).ok_or(AddError::OutOfBounds { current: value });
            assert_eq!(cache.try_add("a", other, all.clone()), sum);
            cache.set("a", value);
        }
        assert_eq!(cache.take("a"), Some(value));
        assert_eq!(cache.insert_new("a", value), Ok(()));
        assert!(cache.del_if("a", |seen| seen == value));
        assert_eq!(cache.add("a", value), value);
        cache.retain(&mut |_, seen| seen != value);
        assert!(cache.is_empty());
        assert_eq!(cache.try_add_or_insert("a", value, ..), Ok(value));
        assert!(cache.del("a"));
    }
}

/// Bounded adds take ranges of every type; exclusive ends and empty ranges mean what they say.
pub fn ranges_of_every_type<B: Backend>() {
    let cache = str_cache::<B>();
    let refused = Err(AddError::OutOfBounds { current: 1 });
    cache.set("a", 1);
    assert_eq!(cache.try_add("a", -2, 0..), refused);
    assert_eq!(cache.try_add("a", 4, ..5), refused);
    assert_eq!(cache.try_add("a", 4, ..=5), Ok(5));
    assert_eq!(cache.try_add("a", -4, 1..5), Ok(1));
    assert_eq!(cache.try_add("a", 0, 1..1), refused);
    assert_eq!(cache.try_add("a", 0, ..i64::MIN), refused);
    assert_eq!(cache.try_add("a", 0, ..), Ok(1));
    assert_eq!(cache.try_add_or_insert("b", -1, 0..), Err(AddError::OutOfBounds { current: 0 }));
    assert_eq!(cache.try_add_or_insert("b", 2, ..2), Err(AddError::OutOfBounds { current: 0 }));
    assert!(!cache.contains("b"));
    assert_eq!(cache.try_add_or_insert("b", 1, ..2), Ok(1));
}
