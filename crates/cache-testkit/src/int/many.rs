//! Operations on many keys at once, one thread.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use cache_core::{Backend, CompactString, IntCache, IntCacheExt, Options};

use super::{StrCache, str_cache};
use crate::scale;
use crate::violation::panic_message;

/// Enough keys for several growths and every shard.
const KEYS: usize = 1000;

fn filled<B: Backend>() -> (StrCache<B>, HashMap<CompactString, i64>) {
    let cache = str_cache::<B>();
    let mut expected = HashMap::new();
    for index in 0..crate::scale(KEYS) {
        let key = CompactString::from(format!("key {index}"));
        cache.set(&key, index as i64);
        expected.insert(key, index as i64);
    }
    (cache, expected)
}

fn contents<B: Backend>(cache: &StrCache<B>) -> HashMap<CompactString, i64> {
    let mut seen = HashMap::new();
    cache.for_each(&mut |key, value| {
        assert_eq!(seen.insert(key.into(), value), None, "{key:?} came twice");
    });
    seen
}

/// `len` counts the keys, and `clear` removes them all; what is inserted afterwards is there.
pub fn clear_removes_everything<B: Backend>() {
    let (cache, expected) = filled::<B>();
    assert_eq!(cache.len(), expected.len());
    cache.clear();
    assert_eq!(cache.len(), 0);
    assert!(cache.is_empty());
    assert!(cache.keys().is_empty());
    assert!(expected.keys().all(|key| cache.get(key).is_none()));
    assert_eq!(cache.add("key 1", 1), 1);
    assert_eq!(cache.len(), 1);
    cache.clear();
    cache.clear();
    assert!(cache.is_empty());
}

/// `keys` and `for_each` give every key once, with its value.
pub fn iteration_sees_every_key_once<B: Backend>() {
    let (cache, expected) = filled::<B>();
    assert_eq!(contents::<B>(&cache), expected);
    let mut keys = cache.keys();
    let mut expected: Vec<_> = expected.into_keys().collect();
    keys.sort();
    expected.sort();
    assert_eq!(keys, expected);
    for key in expected.iter().step_by(2) {
        assert!(cache.del(key));
    }
    assert_eq!(cache.keys().len(), expected.len() / 2);
}

/// `retain` shows every key once, with its value, and removes exactly those that it is told to.
pub fn retain_removes_what_it_is_told_to<B: Backend>() {
    let (cache, mut expected) = filled::<B>();
    let mut shown = HashMap::new();
    cache.retain(&mut |key, value| {
        assert_eq!(shown.insert(CompactString::from(key), value), None, "{key:?} came twice");
        value % 3 == 0
    });
    assert_eq!(shown, expected);
    expected.retain(|_, value| *value % 3 == 0);
    assert_eq!(contents::<B>(&cache), expected);
    assert_eq!(cache.len(), expected.len());
    for key in shown.keys() {
        assert_eq!(cache.get(key), expected.get(key).copied());
    }
    cache.retain(&mut |_, _| true);
    assert_eq!(cache.len(), expected.len());
    cache.retain(&mut |_, _| false);
    assert!(cache.is_empty());
}

/// `get_many` answers in the order of its keys, with repeats and absent ones, for groups of every size.
pub fn get_many_answers_in_order<B: Backend>() {
    let (cache, expected) = filled::<B>();
    // Around the sizes of the groups in which a table may prefetch.
    for size in [0, 1, 2, 15, 16, 17, 31, 32, 33, 100] {
        let names: Vec<String> = (0..size)
            .map(|index| match index % 5 {
                0 => format!("absent {index}"),
                1 => "key 0".to_owned(),
                _ => format!("key {index}"),
            })
            .collect();
        let keys: Vec<&str> = names.iter().map(String::as_str).collect();
        // Not `None` beforehand, so that an absent key must be written too.
        let mut out = vec![Some(-1); size];
        cache.get_many(&keys, &mut out);
        assert_eq!(cache.get_many_vec(&keys), out);
        let wanted: Vec<_> = keys.iter().map(|key| expected.get(*key).copied()).collect();
        assert_eq!(out, wanted);
    }
}

/// `get_many` with too little or too much room panics, naming both lengths, before it writes anything.
pub fn get_many_refuses_unequal_lengths<B: Backend>() {
    let cache = B::int::<u64, _>(Options::new());
    cache.set(&1, 10);
    for room in [0, 1, 3] {
        let mut out = vec![Some(-1); room];
        let refused = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            cache.get_many(&[&1, &1], &mut out);
        }));
        let message = panic_message(&*refused.expect_err("unequal lengths must panic"));
        assert!(
            message.contains("2 keys") && message.contains(&format!("{room} values")),
            "the message is to name both lengths: {message}"
        );
        assert!(out.iter().all(|value| *value == Some(-1)));
        assert_eq!(cache.get(&1), Some(10));
    }
}

/// An iteration that breaks ends there, and says so.
pub fn try_for_each_ends_early<B: Backend>() {
    let (cache, expected) = filled::<B>();
    for end in [1, expected.len() / 2 + 1, expected.len()] {
        let mut calls = 0;
        let flow = cache.try_for_each(|key, value| {
            calls += 1;
            if calls == end {
                ControlFlow::Break((CompactString::from(key), value))
            } else {
                ControlFlow::Continue(())
            }
        });
        assert_eq!(calls, end);
        match flow {
            ControlFlow::Break((key, value)) => assert_eq!(expected.get(&key), Some(&value)),
            ControlFlow::Continue(()) => panic!("the iteration went on to its end"),
        }
    }
    let mut calls = 0;
    let flow = cache.try_for_each(|_, _| {
        calls += 1;
        ControlFlow::<()>::Continue(())
    });
    assert!(flow.is_continue());
    assert_eq!(calls, expected.len());
}

/// Room that is made and given back changes nothing.
pub fn reserve_and_shrink_change_nothing<B: Backend>() {
    let (cache, mut expected) = filled::<B>();
    for step in 0..4 {
        cache.reserve([0, 1, 100, 10_000][step]);
        assert!(cache.capacity() >= cache.len());
        assert_eq!(contents::<B>(&cache), expected);
        // A table full of what was removed makes room otherwise than one that is full.
        let odd = |value: i64| value % (step as i64 + 2) == 1;
        cache.retain(&mut |_, value| !odd(value));
        expected.retain(|_, value| !odd(*value));
        cache.reserve(100);
        cache.shrink_to_fit();
        assert!(cache.capacity() >= cache.len());
        assert_eq!(contents::<B>(&cache), expected);
    }
    cache.clear();
    cache.shrink_to_fit();
    assert_eq!((cache.len(), cache.add("key 1", 1)), (0, 1));
}

/// The capacity of a cache that is filled is never less than what is in it.
pub fn capacity_is_never_below_len<B: Backend>() {
    let cache = B::int::<u64, _>(Options::new());
    for key in 0..scale(20_000) as u64 {
        cache.set(&key, 1);
        let (capacity, len) = (cache.capacity(), cache.len());
        assert!(capacity >= len, "a capacity of {capacity} with {len} keys");
    }
}

/// More room than any machine has is refused by name, and the cache is usable afterwards.
pub fn an_absurd_reserve_is_refused<B: Backend>() {
    let cache = B::int::<u64, _>(Options::new());
    cache.set(&1, 1);
    for additional in [Options::<()>::MOST_ENTRIES + 1, usize::MAX] {
        let refused = catch_unwind(AssertUnwindSafe(|| cache.reserve(additional)));
        let message = panic_message(&*refused.expect_err("it is refused"));
        assert!(message.contains(&format!("{additional} more entries")), "{message}");
    }
    assert_eq!((cache.get(&1), cache.len()), (Some(1), 1));
}
