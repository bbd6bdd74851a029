//! Bounded adds, one thread.

use std::ops::RangeInclusive;

use cache_core::{AddError, Backend, IntCache, IntCacheExt};

use super::str_cache;

const ALL: RangeInclusive<i64> = i64::MIN..=i64::MAX;

/// What both bounded adds do on a present key: current value, delta, bounds, and the sum if it is not refused.
fn table() -> Vec<(i64, i64, RangeInclusive<i64>, Option<i64>)> {
    vec![
        (1, -1, 0..=i64::MAX, Some(0)),
        (0, -1, 0..=i64::MAX, None),
        (5, -5, 0..=5, Some(0)),
        (5, -6, 0..=5, None),
        (0, 5, 0..=5, Some(5)),
        (0, 6, 0..=5, None),
        (3, 0, 3..=3, Some(3)),
        // A value out of bounds may come back in, but may not stay out by an add of nothing.
        (10, -5, 0..=5, Some(5)),
        (10, 0, 0..=5, None),
        (-3, 3, 0..=5, Some(0)),
        // Overflow is out of all bounds.
        (i64::MAX, 1, ALL, None),
        (i64::MIN, -1, ALL, None),
        (i64::MAX, 0, ALL, Some(i64::MAX)),
        (i64::MIN, i64::MAX, ALL, Some(-1)),
        // An empty range refuses everything.
        (1, 0, RangeInclusive::new(1, 0), None),
        (0, 0, RangeInclusive::new(i64::MAX, i64::MIN), None),
        (0, 0, exhausted(), None),
    ]
}

/// A range that holds 0 and nothing else until it is iterated over, and is empty then.
fn exhausted() -> RangeInclusive<i64> {
    let mut range = 0..=0;
    range.next();
    range
}

/// A bounded add of a present key returns and keeps a sum within bounds, and else changes nothing.
pub fn present_keys_stay_within_bounds<B: Backend>() {
    let cache = str_cache::<B>();
    for (current, delta, bounds, sum) in table() {
        let expected = sum.ok_or(AddError::OutOfBounds { current });
        let shown = format!("{current} + {delta} within {bounds:?}");
        cache.set("a", current);
        assert_eq!(cache.try_add("a", delta, bounds.clone()), expected, "{shown}");
        assert_eq!(cache.get("a"), Some(sum.unwrap_or(current)), "{shown}");
        cache.set("b", current);
        assert_eq!(cache.try_add_or_insert("b", delta, bounds), expected, "{shown}, or insert");
        assert_eq!(cache.get("b"), Some(sum.unwrap_or(current)), "{shown}, or insert");
    }
}

/// `try_add` refuses an absent key as absent, whatever the bounds, and does not insert it.
pub fn try_add_refuses_an_absent_key<B: Backend>() {
    let cache = str_cache::<B>();
    for (_, delta, bounds, _) in table() {
        assert_eq!(cache.try_add("a", delta, bounds), Err(AddError::Absent));
        assert!(cache.is_empty());
    }
    cache.set("a", 1);
    assert!(cache.del("a"));
    assert_eq!(cache.try_add("a", 0, ALL), Err(AddError::Absent));
}

/// `try_add_or_insert` counts an absent key from 0, and inserts it only if the sum is within bounds.
pub fn try_add_or_insert_counts_an_absent_key_from_0<B: Backend>() {
    let cache = str_cache::<B>();
    let from_0 = [
        (2, 0..=2, Some(2)),
        (3, 0..=2, None),
        (0, 0..=0, Some(0)),
        (0, 1..=2, None),
        (-1, 0..=2, None),
        (i64::MIN, ALL, Some(i64::MIN)),
        (i64::MAX, ALL, Some(i64::MAX)),
        (0, RangeInclusive::new(1, 0), None),
        (0, exhausted(), None),
    ];
    for (delta, bounds, sum) in from_0 {
        let shown = format!("{delta} within {bounds:?}");
        assert_eq!(
            cache.try_add_or_insert("a", delta, bounds),
            sum.ok_or(AddError::OutOfBounds { current: 0 }),
            "{shown}"
        );
        assert_eq!(cache.get("a"), sum, "{shown}");
        assert_eq!(cache.len(), usize::from(sum.is_some()), "{shown}");
        assert_eq!(cache.keys().len(), usize::from(sum.is_some()), "{shown}");
        assert_eq!(cache.del("a"), sum.is_some(), "{shown}");
    }
}
