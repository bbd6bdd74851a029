//! One cache for objects of any type, like a map from strings to `interface{}` in Go.
//!
//! A cache of a single type is faster and safer. Use this only for a true mix of types.
use std::any::Any;

use hotcache::bucket::ObjCache;
use hotcache::prelude::*;

/// Any object that threads can share.
type Object = Box<dyn Any + Send + Sync>;

struct Event {
    title: &'static str,
}

fn main() {
    let cache: ObjCache<Object> = ObjCache::new();
    cache.insert("event:1", Box::new(Event { title: "Flash sale" }));
    cache.insert("opening hours", Box::new((9_u8, 17_u8)));

    let title = cache.with("event:1", |object| object.downcast_ref::<Event>().map(|event| event.title));
    assert_eq!(title, Some(Some("Flash sale")));

    // The wrong type is a `None`, not a panic.
    let wrong = cache.with("opening hours", |object| object.downcast_ref::<Event>().is_some());
    assert_eq!(wrong, Some(false));
    println!("{}", title.flatten().unwrap_or("no title"));
}
