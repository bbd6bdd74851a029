//! One key, one thread.

use std::sync::Arc;

use cache_core::{Backend, ObjCache, ObjCacheExt, Options};

use super::str_cache;

/// What is set is what is got: the very object, not a copy; deleted it is gone.
pub fn set_get_del<B: Backend>() {
    let cache = str_cache::<B, String>();
    assert!(cache.get("a").is_none());
    let title = Arc::new("Flash sale".to_owned());
    cache.set("a", Arc::clone(&title));
    assert!(cache.get("a").is_some_and(|there| Arc::ptr_eq(&there, &title)));
    assert!(cache.del("a"));
    assert!(cache.get("a").is_none());
    assert!(!cache.del("a"));
    assert_eq!(*title, "Flash sale");
}

/// A second set replaces the object, and who holds the first keeps it.
pub fn set_replaces<B: Backend>() {
    let cache = str_cache::<B, String>();
    cache.insert("a", "one".to_owned());
    let one = cache.get("a").expect("it was just set");
    cache.insert("a", "two".to_owned());
    assert_eq!(cache.get("a").as_deref().map(String::as_str), Some("two"));
    assert_eq!(*one, "one");
    assert_eq!(cache.len(), 1);
    // The same object again.
    let two = cache.get("a").expect("it was just set");
    cache.set("a", Arc::clone(&two));
    assert!(cache.get("a").is_some_and(|there| Arc::ptr_eq(&there, &two)));
}

/// One object under many keys, and one key's removal leaves the others.
pub fn one_object_under_many_keys<B: Backend>() {
    let cache = str_cache::<B, u8>();
    let shared = Arc::new(7);
    for key in ["a", "b", "c"] {
        cache.set(key, Arc::clone(&shared));
    }
    assert!(cache.del("b"));
    for key in ["a", "c"] {
        assert!(cache.get(key).is_some_and(|there| Arc::ptr_eq(&there, &shared)));
    }
    assert_eq!(cache.len(), 2);
}

/// `get_or_insert` keeps a present object and returns it, and stores and returns a new one where there is none.
pub fn get_or_insert_keeps_what_is_there<B: Backend>() {
    let cache = str_cache::<B, u8>();
    let (first, second) = (Arc::new(1), Arc::new(2));
    let stored = cache.get_or_insert("a", Arc::clone(&first));
    assert!(Arc::ptr_eq(&stored, &first));
    let kept = cache.get_or_insert("a", Arc::clone(&second));
    assert!(Arc::ptr_eq(&kept, &first));
    assert_eq!(Arc::strong_count(&second), 1, "a refused object is let go");
    assert!(cache.del("a"));
    let stored = cache.get_or_insert("a", Arc::clone(&second));
    assert!(Arc::ptr_eq(&stored, &second));
}

/// `with` calls its closure once for a present key and returns what it returns, and never for an absent one.
pub fn with_calls_once<B: Backend>() {
    let cache = str_cache::<B, String>();
    cache.insert("a", "Flash sale".to_owned());
    let mut calls = 0;
    let length = cache.with("a", |title| {
        calls += 1;
        title.len()
    });
    assert_eq!(length, Some(10));
    assert_eq!(
        cache.with("b", |title| {
            calls += 1;
            title.len()
        }),
        None
    );
    assert_eq!(calls, 1);
    assert!(cache.with_dyn("a", &mut |title| {
        assert_eq!(title, "Flash sale");
        calls += 1;
    }));
    assert!(!cache.with_dyn("b", &mut |_| calls += 1));
    assert_eq!(calls, 2);
    // It can move out what it captured, and return a reference into nothing but that.
    let owned = String::from("owned");
    assert_eq!(cache.with("a", move |_| owned).as_deref(), Some("owned"));
}

/// `with` shows the object itself, and holds no reference to it afterwards.
pub fn with_touches_no_reference_count<B: Backend>() {
    let cache = str_cache::<B, u8>();
    let object = Arc::new(7);
    cache.set("a", Arc::clone(&object));
    let inside = cache.with("a", |shown| (std::ptr::eq(shown, &*object), Arc::strong_count(&object)));
    assert_eq!(inside, Some((true, 2)));
    assert_eq!(Arc::strong_count(&object), 2);
}

/// Objects of no size, of a large one, and ones that are no `Clone`, `Debug` or `Default`.
pub fn objects_of_every_kind<B: Backend>() {
    struct Opaque(#[expect(dead_code, reason = "it is there to have a size")] [u64; 1000]);
    let empty = str_cache::<B, ()>();
    empty.insert("a", ());
    assert_eq!(empty.with("a", |()| 7), Some(7));
    let large = str_cache::<B, Opaque>();
    large.insert("a", Opaque([1; 1000]));
    assert!(large.get("a").is_some());
    let functions = str_cache::<B, Box<dyn Fn(i32) -> i32 + Send + Sync>>();
    functions.insert("double", Box::new(|n| n * 2));
    assert_eq!(functions.with("double", |double| double(21)), Some(42));
}

/// Every capacity and number of shards gives a cache that holds what it is given.
pub fn capacity_and_shards_change_nothing<B: Backend>() {
    let keys = crate::scale(500) as u64;
    for capacity in [0, 1, 100, 10_000] {
        for shards in [0, 1, 3, 64] {
            let options = Options::new().capacity(capacity).shards(shards);
            let cache = B::obj::<u64, u64, _>(options);
            for key in 0..keys {
                cache.insert(&key, !key);
            }
            for key in 0..keys {
                assert_eq!(
                    cache.with(&key, |object| *object),
                    Some(!key),
                    "{key} with capacity {capacity} and {shards} shards"
                );
            }
            assert_eq!(cache.len(), keys as usize);
        }
    }
}

/// A new cache is empty, caches do not share anything, and one can be printed without printing its objects.
pub fn caches_are_empty_and_apart<B: Backend>() {
    let (one, other) = (str_cache::<B, u8>(), str_cache::<B, u8>());
    assert!(one.is_empty());
    one.insert("a", 1);
    assert!(!one.is_empty());
    assert!(other.get("a").is_none());
    assert!(!format!("{one:?}").is_empty());
}
