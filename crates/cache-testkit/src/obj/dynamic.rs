//! The trait as `dyn`, through whatever points at a cache, and caches of any object.

use std::any::Any;
use std::ops::ControlFlow;
use std::sync::Arc;

use cache_core::{Backend, LoadError, ObjCache, ObjCacheAsyncExt, ObjCacheExt};

use super::str_cache;
use crate::block_on;
use crate::threads::together;

/// An object of any type.
type AnyObject = Box<dyn Any + Send + Sync>;

/// Calls every method once; `cache` is of any type that forwards.
fn every_method(cache: impl ObjCache<u8>) {
    assert!(cache.is_empty());
    cache.set("a", Arc::new(1));
    assert_eq!(cache.get("a").as_deref(), Some(&1));
    assert_eq!(*cache.get_or_insert("a", Arc::new(2)), 1);
    let mut shown = None;
    assert!(cache.with_dyn("a", &mut |object| shown = Some(*object)));
    assert_eq!(shown, Some(1));
    assert_eq!(cache.with("a", |object| *object), Some(1));
    cache.insert("b", 2);
    assert!(cache.contains("b"));
    assert_eq!(cache.swap("c", Arc::new(3)), None);
    let three = cache.get("c").expect("it was swapped in");
    assert_eq!(cache.replace_if_same("c", &three, Arc::new(4)), Ok(()));
    assert_eq!(cache.update("c", |object| Some(Arc::new(**object + 1))), Ok(Arc::new(5)));
    assert!(!cache.del_if("c", |object| **object == 4));
    assert_eq!(cache.take("c"), Some(Arc::new(5)));
    assert!(cache.try_for_each(|_, _| ControlFlow::Break(())).is_break());
    cache.reserve(10);
    assert!(cache.capacity() >= 2);
    cache.shrink_to_fit();
    assert_eq!(cache.get_many_vec(&["a", "none"]), [Some(Arc::new(1)), None]);
    assert_eq!(cache.len(), 2);
    assert!(!cache.is_empty());
    let mut keys = cache.keys();
    keys.sort();
    assert_eq!(keys, ["a", "b"]);
    let mut sum = 0;
    cache.for_each(&mut |_, object| sum += **object);
    assert_eq!(sum, 3);
    assert_eq!(*cache.get_or_insert_with("b", || 9), 2);
    assert_eq!(*cache.get_or_insert_with("c", || 9), 9);
    assert_eq!(
        cache.get_or_try_insert_with("d", || Err::<u8, _>("none")).map_err(|error| error.into_failure()),
        Err(Ok("none"))
    );
    assert_eq!(*block_on(cache.get_or_load_async("f", async || 9)), 9);
    assert_eq!(
        block_on(cache.get_or_try_load_async("g", async || Err::<u8, _>("none"))),
        Err(LoadError::failed("none"))
    );
    // The table of loads that a forwarded call finds is the cache's own.
    let loaded = cache.get_or_insert_with("e", || {
        cache.set("e", Arc::new(5));
        6
    });
    assert_eq!(*loaded, 5);
    cache.retain(&mut |key, _| key == "b");
    assert!(!cache.del("a"));
    assert!(cache.del("b"));
    cache.insert("c", 1);
    cache.clear();
    assert_eq!(cache.len(), 0);
}

/// References, boxes and shared pointers, to the cache and to the trait.
pub fn every_pointer_forwards<B: Backend>() {
    let cache = str_cache::<B, u8>();
    every_method(&cache);
    every_method(&cache as &dyn ObjCache<u8>);
    every_method(Box::new(&cache));
    every_method(Arc::new(&cache));
    every_method(Box::new(str_cache::<B, u8>()) as Box<dyn ObjCache<u8>>);
    every_method(Arc::new(str_cache::<B, u8>()) as Arc<dyn ObjCache<u8>>);
}

/// One cache of objects of any type, shared as `dyn` between threads.
pub fn any_object_shared_between_threads<B: Backend>() {
    let cache: Arc<dyn ObjCache<AnyObject>> = Arc::new(str_cache::<B, AnyObject>());
    cache.insert("title", Box::new("Flash sale".to_owned()));
    cache.insert("price", Box::new(1999_u32));
    together(3, |_| {
        let cache = Arc::clone(&cache);
        for _ in 0..crate::scale(200) {
            let title = cache.with("title", |any| any.downcast_ref::<String>().cloned());
            assert_eq!(title.flatten().as_deref(), Some("Flash sale"));
            let price = cache.get("price").and_then(|any| any.downcast_ref().copied());
            assert_eq!(price, Some(1999_u32));
            assert_eq!(cache.with("title", |any| any.is::<u32>()), Some(false));
            let loaded = cache.get_or_insert_with("loaded", || Box::new('x'));
            assert_eq!(loaded.downcast_ref(), Some(&'x'));
        }
    });
}
