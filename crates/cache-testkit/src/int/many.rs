//! Operations on many keys at once, one thread.

use std::collections::HashMap;

use cache_core::{Backend, CompactString, IntCache, Options};

use super::{StrCache, str_cache};
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
