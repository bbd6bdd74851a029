//! The trait as `dyn`, and through whatever points at a cache.

use std::ops::ControlFlow;
use std::sync::Arc;

use cache_core::{AddError, Backend, IntCache, IntCacheExt, Options};

use super::str_cache;
use crate::threads::together;

/// Calls every method once; `cache` is of any type that forwards.
fn every_method(cache: impl IntCache) {
    assert!(cache.is_empty());
    cache.set("a", 1);
    assert_eq!(cache.get("a"), Some(1));
    assert_eq!(cache.add("a", 5), 6);
    assert_eq!(cache.try_add("a", 1, 0..=7), Ok(7));
    assert_eq!(cache.try_add("a", 1, 0..=7), Err(AddError::OutOfBounds { current: 7 }));
    assert_eq!(cache.try_add_or_insert("b", 2, 0..=7), Ok(2));
    assert!(cache.contains("b"));
    assert_eq!(cache.swap("c", 3), None);
    assert_eq!(cache.insert_new("c", 4), Err(3));
    assert_eq!(cache.compare_exchange("c", 3, 5), Ok(()));
    assert_eq!(cache.update("c", |value| Some(value + 1)), Ok(6));
    assert_eq!(cache.update_or_insert("d", 1, |value| Some(value + 1)), Ok(1));
    assert!(cache.del_if("d", |value| value == 1));
    assert_eq!(cache.take("c"), Some(6));
    assert!(cache.try_for_each(|_, _| ControlFlow::Break(())).is_break());
    cache.reserve(10);
    assert!(cache.capacity() >= 2);
    cache.shrink_to_fit();
    assert_eq!(cache.get_many_vec(&["a"]), [Some(7)]);
    assert_eq!(cache.len(), 2);
    assert!(!cache.is_empty());
    let mut out = [None; 3];
    cache.get_many(&["b", "none", "a"], &mut out);
    assert_eq!(out, [Some(2), None, Some(7)]);
    let mut keys = cache.keys();
    keys.sort();
    assert_eq!(keys, ["a", "b"]);
    let mut sum = 0;
    cache.for_each(&mut |_, value| sum += value);
    assert_eq!(sum, 9);
    cache.retain(&mut |key, _| key == "b");
    assert!(!cache.del("a"));
    assert!(cache.del("b"));
    cache.set("c", 1);
    cache.clear();
    assert_eq!(cache.len(), 0);
}

/// References, boxes and shared pointers, to the cache and to the trait.
pub fn every_pointer_forwards<B: Backend>() {
    let cache = str_cache::<B>();
    every_method(&cache);
    every_method(&cache as &dyn IntCache);
    every_method(Box::new(&cache));
    every_method(Arc::new(&cache));
    every_method(Box::new(str_cache::<B>()) as Box<dyn IntCache>);
    every_method(Arc::new(str_cache::<B>()) as Arc<dyn IntCache>);
}

/// One `Arc<dyn IntCache>` in several threads, chosen at run time among key types' caches.
pub fn shared_between_threads<B: Backend>() {
    let cache: Arc<dyn IntCache<u64>> = Arc::new(B::int::<u64, _>(Options::new()));
    let adds = crate::scale(1000) as u64;
    together(3, |_| {
        let cache = Arc::clone(&cache);
        for add in 0..adds {
            cache.add(&(add % 7), 1);
        }
    });
    let mut sum = 0;
    cache.for_each(&mut |_, value| sum += value);
    assert_eq!(sum, 3 * adds as i64);
}
