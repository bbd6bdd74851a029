//! Operations on many keys at once, one thread.

use std::collections::HashMap;
use std::sync::Arc;

use cache_core::{Backend, CompactString, ObjCache};

use super::{StrCache, str_cache};

/// Enough keys for several growths and every shard.
const KEYS: usize = 1000;

type Contents = HashMap<CompactString, Arc<usize>>;

fn filled<B: Backend>() -> (StrCache<B, usize>, Contents) {
    let cache = str_cache::<B, usize>();
    let mut expected = HashMap::new();
    for index in 0..crate::scale(KEYS) {
        let key = CompactString::from(format!("key {index}"));
        let object = Arc::new(index);
        cache.set(&key, Arc::clone(&object));
        expected.insert(key, object);
    }
    (cache, expected)
}

fn contents<B: Backend>(cache: &StrCache<B, usize>) -> Contents {
    let mut seen = HashMap::new();
    cache.for_each(&mut |key, object| {
        let before = seen.insert(CompactString::from(key), Arc::clone(object));
        assert!(before.is_none(), "{key:?} came twice");
    });
    seen
}

/// `len` counts the keys, and `clear` removes them all and lets go of every object.
pub fn clear_removes_everything<B: Backend>() {
    let (cache, expected) = filled::<B>();
    assert_eq!(cache.len(), expected.len());
    cache.clear();
    assert_eq!(cache.len(), 0);
    assert!(cache.is_empty());
    assert!(cache.keys().is_empty());
    assert!(expected.keys().all(|key| cache.get(key).is_none()));
    let again = Arc::new(7);
    cache.set("key 1", Arc::clone(&again));
    assert_eq!(cache.get("key 1"), Some(again));
    assert_eq!(cache.len(), 1);
    cache.clear();
    cache.clear();
    assert!(cache.is_empty());
}

/// `keys` and `for_each` give every key once, with its very object.
pub fn iteration_sees_every_key_once<B: Backend>() {
    let (cache, expected) = filled::<B>();
    let seen = contents::<B>(&cache);
    assert_eq!(seen, expected);
    assert!(seen.iter().all(|(key, object)| Arc::ptr_eq(object, &expected[key])));
    let mut keys = cache.keys();
    let mut expected: Vec<_> = expected.into_keys().collect();
    keys.sort();
    expected.sort();
    assert_eq!(keys, expected);
}

/// `retain` shows every key once, with its object, and removes exactly those that it is told to.
pub fn retain_removes_what_it_is_told_to<B: Backend>() {
    let (cache, mut expected) = filled::<B>();
    let mut shown = HashMap::new();
    cache.retain(&mut |key, object| {
        let before = shown.insert(CompactString::from(key), Arc::clone(object));
        assert!(before.is_none(), "{key:?} came twice");
        **object % 3 == 0
    });
    assert_eq!(shown, expected);
    expected.retain(|_, object| **object % 3 == 0);
    assert_eq!(contents::<B>(&cache), expected);
    assert_eq!(cache.len(), expected.len());
    for key in shown.keys() {
        assert_eq!(cache.get(key), expected.get(key).cloned());
    }
    cache.retain(&mut |_, _| true);
    assert_eq!(cache.len(), expected.len());
    cache.retain(&mut |_, _| false);
    assert!(cache.is_empty());
}
