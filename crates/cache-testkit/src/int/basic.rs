//! One key, one thread.

use cache_core::{Backend, IntCache, Options};

use super::str_cache;

/// 1 is set and read, 5 is added and makes 6, the key is deleted and gone.
pub fn set_get_add_del<B: Backend>() {
    let cache = str_cache::<B>();
    cache.set("a", 1);
    assert_eq!(cache.get("a"), Some(1));
    assert_eq!(cache.add("a", 5), 6);
    assert_eq!(cache.get("a"), Some(6));
    assert!(cache.del("a"));
    assert_eq!(cache.get("a"), None);
}

/// Sums, from absent keys and present ones, with every sign of delta, past both ends.
pub fn adds_return_and_keep_the_sum<B: Backend>() {
    let table: [(Option<i64>, &[i64], i64); 12] = [
        (None, &[0], 0),
        (None, &[5], 5),
        (None, &[-5], -5),
        (None, &[1, 2, 3], 6),
        (Some(0), &[0], 0),
        (Some(1), &[5], 6),
        (Some(1), &[-5], -4),
        (Some(-7), &[7, 0, -1], -1),
        (Some(i64::MAX), &[1], i64::MIN),
        (Some(i64::MIN), &[-1], i64::MAX),
        (Some(i64::MIN), &[i64::MAX, 1], 0),
        (None, &[i64::MAX, i64::MAX], -2),
    ];
    let cache = str_cache::<B>();
    for (row, (start, deltas, end)) in table.into_iter().enumerate() {
        let key = format!("row {row}");
        if let Some(start) = start {
            cache.set(&key, start);
        }
        let mut sum = start.unwrap_or(0);
        for delta in deltas {
            sum = sum.wrapping_add(*delta);
            assert_eq!(cache.add(&key, *delta), sum, "{key}: adding {delta}");
            assert_eq!(cache.get(&key), Some(sum), "{key}: after adding {delta}");
        }
        assert_eq!(sum, end, "{key}: the table itself");
    }
    assert_eq!(cache.len(), 12);
}

/// A second set wins; the ends of the range are values like any other.
pub fn set_replaces<B: Backend>() {
    let cache = str_cache::<B>();
    for value in [1, 2, 0, -1, i64::MIN, i64::MAX] {
        cache.set("a", value);
        assert_eq!(cache.get("a"), Some(value));
        assert_eq!(cache.len(), 1);
    }
}

/// A removal tells whether the key was there, once.
pub fn del_tells_whether_the_key_was_there<B: Backend>() {
    let cache = str_cache::<B>();
    assert!(!cache.del("a"));
    for _ in 0..3 {
        cache.set("a", 0);
        assert!(cache.del("a"));
        assert!(!cache.del("a"));
        assert_eq!(cache.len(), 0);
    }
}

/// A deleted key is absent in every respect: it counts from 0 again.
pub fn a_deleted_key_counts_from_0_again<B: Backend>() {
    let cache = str_cache::<B>();
    cache.set("a", 41);
    assert!(cache.del("a"));
    assert_eq!(cache.add("a", 1), 1);
}

/// A new cache is empty, and caches do not share anything.
pub fn caches_are_empty_and_apart<B: Backend>() {
    let (one, other) = (str_cache::<B>(), str_cache::<B>());
    assert!(one.is_empty());
    assert_eq!(one.len(), 0);
    one.set("a", 1);
    assert!(!one.is_empty());
    assert_eq!(other.get("a"), None);
    assert!(other.is_empty());
}

/// Every capacity and number of shards gives a cache that holds what it is given.
pub fn capacity_and_shards_change_nothing<B: Backend>() {
    let keys = crate::scale(500) as u64;
    for capacity in [0, 1, 100, 10_000] {
        for shards in [0, 1, 3, 64] {
            let cache = B::int::<u64, _>(Options::new().capacity(capacity).shards(shards));
            for key in 0..keys {
                cache.set(&key, key as i64);
            }
            for key in 0..keys {
                assert_eq!(
                    cache.get(&key),
                    Some(key as i64),
                    "{key} with capacity {capacity} and {shards} shards"
                );
            }
            assert_eq!(cache.len(), keys as usize);
        }
    }
}

/// The backend has a name to choose it by, and a cache can be printed.
pub fn has_a_name_and_can_be_printed<B: Backend>() {
    assert!(!B::NAME.is_empty());
    assert!(
        B::NAME.chars().all(|c| c.is_ascii_lowercase() || c == '-'),
        "{} is to be typed as a feature and on a command line",
        B::NAME
    );
    let cache = str_cache::<B>();
    cache.set("a", 1);
    assert!(!format!("{cache:?}").is_empty());
}
