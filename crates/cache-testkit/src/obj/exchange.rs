//! `swap`, `take`, `del_if`, `replace_if_same` and `update`.

use std::sync::Arc;

use cache_core::{Backend, ObjCache, ObjCacheExt, UpdateError};

use super::str_cache;
use crate::scale;
use crate::threads::{beside, together};

/// More threads than cores on the machines that test, so that they are also interrupted at every point.
const THREADS: usize = 4;

/// A swap stores its object and returns the very one that was there.
pub fn swap_returns_the_object_before<B: Backend>() {
    let cache = str_cache::<B, u8>();
    let (one, two) = (Arc::new(1), Arc::new(2));
    assert!(cache.swap("a", Arc::clone(&one)).is_none());
    assert_eq!(cache.len(), 1);
    let before = cache.swap("a", Arc::clone(&two));
    assert!(before.is_some_and(|before| Arc::ptr_eq(&before, &one)));
    assert!(cache.get("a").is_some_and(|there| Arc::ptr_eq(&there, &two)));
    assert_eq!(cache.len(), 1);
}

/// A take removes the key and returns its very object, once.
pub fn take_returns_the_object<B: Backend>() {
    let cache = str_cache::<B, u8>();
    assert!(cache.take("a").is_none());
    let object = Arc::new(1);
    cache.set("a", Arc::clone(&object));
    assert!(cache.take("a").is_some_and(|taken| Arc::ptr_eq(&taken, &object)));
    assert!(cache.take("a").is_none());
    assert!(!cache.contains("a") && cache.is_empty());
}

/// `del_if` shows the object, removes the key if it is told to, and leaves it otherwise.
pub fn del_if_removes_what_it_is_told_to<B: Backend>() {
    let cache = str_cache::<B, u8>();
    assert!(!cache.del_if("a", |_| panic!("the key is absent")));
    let object = Arc::new(1);
    cache.set("a", Arc::clone(&object));
    let mut shown = 0;
    assert!(!cache.del_if("a", |there| {
        shown += 1;
        assert!(Arc::ptr_eq(there, &object));
        false
    }));
    assert_eq!(shown, 1);
    assert!(cache.get("a").is_some_and(|there| Arc::ptr_eq(&there, &object)));
    assert!(cache.del_if("a", |there| **there == 1));
    assert!(!cache.del_if("a", |_| true));
    assert!(cache.is_empty());
}

/// `del_if_same` goes by identity, not by equality.
pub fn del_if_same_needs_the_object<B: Backend>() {
    let cache = str_cache::<B, u8>();
    let (one, equal) = (Arc::new(1), Arc::new(1));
    assert!(!cache.del_if_same("a", &one));
    cache.set("a", Arc::clone(&one));
    assert!(!cache.del_if_same("a", &equal) && !cache.del_if_same("b", &one));
    assert_eq!((cache.len(), Arc::strong_count(&equal)), (1, 1));
    assert!(cache.del_if_same("a", &one));
    assert!(!cache.del_if_same("a", &one) && cache.is_empty());
    // Through a trait object, and with the object set again.
    let dynamic: &dyn ObjCache<u8> = &cache;
    cache.set("a", Arc::clone(&one));
    cache.set("a", Arc::clone(&equal));
    assert!(!dynamic.del_if_same("a", &one) && dynamic.del_if_same("a", &equal));
}

/// `evict_if_same` goes by identity, and is no write: what is being loaded is cached.
pub fn evict_if_same_spoils_no_load<B: Backend>() {
    let cache = str_cache::<B, u8>();
    let (one, equal) = (Arc::new(1), Arc::new(1));
    assert!(!cache.evict_if_same("a", &one));
    cache.set("a", Arc::clone(&one));
    assert!(!cache.evict_if_same("a", &equal) && !cache.evict_if_same("b", &one));
    let dynamic: &dyn ObjCache<u8> = &cache;
    assert!(dynamic.evict_if_same("a", &one) && !dynamic.evict_if_same("a", &one));
    assert!(cache.is_empty());

    let loaded = cache.get_or_insert_with("a", || {
        assert!(!cache.evict_if_same("a", &one));
        2
    });
    assert!(cache.get("a").is_some_and(|cached| Arc::ptr_eq(&cached, &loaded)));
    cache.del("a");
    // The same of a removal that a caller asked for: it wins.
    cache.get_or_insert_with("a", || {
        assert!(!cache.del_if_same("a", &one));
        2
    });
    assert!(cache.get("a").is_none());
}

/// `replace_if_same` goes by identity, not by equality, and hands back what it does not store.
pub fn replace_if_same_needs_the_object<B: Backend>() {
    let cache = str_cache::<B, u8>();
    let (one, equal, new) = (Arc::new(1), Arc::new(1), Arc::new(2));
    let refused = cache.replace_if_same("a", &one, Arc::clone(&new));
    assert!(refused.is_err_and(|back| Arc::ptr_eq(&back, &new)));
    assert!(cache.is_empty());
    cache.set("a", Arc::clone(&one));
    let refused = cache.replace_if_same("a", &equal, Arc::clone(&new));
    assert!(refused.is_err_and(|back| Arc::ptr_eq(&back, &new)));
    assert!(cache.get("a").is_some_and(|there| Arc::ptr_eq(&there, &one)));
    assert_eq!(Arc::strong_count(&new), 1, "what was refused is kept nowhere");
    assert!(cache.replace_if_same("a", &one, Arc::clone(&new)).is_ok());
    assert!(cache.get("a").is_some_and(|there| Arc::ptr_eq(&there, &new)));
    // By itself: nothing changes, and that is no refusal.
    assert!(cache.replace_if_same("a", &new, Arc::clone(&new)).is_ok());
    assert!(cache.get("a").is_some_and(|there| Arc::ptr_eq(&there, &new)));
    assert_eq!(cache.len(), 1);
}

/// An update stores what its closure makes of the object, or keeps the object and says so.
pub fn update_applies_or_keeps<B: Backend>() {
    let cache = str_cache::<B, u8>();
    let absent = cache.update("a", |_| panic!("the key is absent"));
    assert_eq!(absent, Err(UpdateError::Absent));
    let object = Arc::new(1);
    cache.set("a", Arc::clone(&object));
    match cache.update("a", |_| None) {
        Err(UpdateError::Kept { current }) => assert!(Arc::ptr_eq(&current, &object)),
        other => panic!("{other:?}"),
    }
    let updated = cache.update("a", |there| Some(Arc::new(**there + 1)));
    assert_eq!(updated.as_deref(), Ok(&2));
    assert!(cache.get("a").zip(updated.ok()).is_some_and(|(there, updated)| Arc::ptr_eq(&there, &updated)));
}

/// `get_many` answers in the order of its keys, with repeats and absent ones.
pub fn get_many_answers_in_order<B: Backend>() {
    let cache = str_cache::<B, usize>();
    let names: Vec<String> = (0..40).map(|index| format!("key {index}")).collect();
    for (index, name) in names.iter().enumerate().step_by(2) {
        cache.insert(name, index);
    }
    let keys: Vec<&str> = names.iter().chain(&names[..3]).map(String::as_str).collect();
    let found = cache.get_many_vec(&keys);
    for (found, key) in found.iter().zip(&keys) {
        assert_eq!(*found, cache.get(key), "{key}");
    }
    // Not `None` beforehand, so that an absent key must be written too.
    let mut out = vec![Some(Arc::new(usize::MAX)); keys.len()];
    cache.get_many(&keys, &mut out);
    assert_eq!(out, found);
}

/// An iteration that breaks ends there, and says so.
pub fn try_for_each_ends_early<B: Backend>() {
    use std::ops::ControlFlow;
    let cache = str_cache::<B, usize>();
    for index in 0..100 {
        cache.insert(&format!("key {index}"), index);
    }
    for end in [1, 50, 100] {
        let mut calls = 0;
        let flow = cache.try_for_each(|_, object| {
            calls += 1;
            if calls == end { ControlFlow::Break(**object) } else { ControlFlow::Continue(()) }
        });
        assert_eq!(calls, end);
        assert!(matches!(flow, ControlFlow::Break(object) if object < 100), "{flow:?}");
    }
    let flow = cache.try_for_each(|_, _| ControlFlow::<()>::Continue(()));
    assert!(flow.is_continue());
}

/// Room that is made and given back changes nothing.
pub fn reserve_and_shrink_change_nothing<B: Backend>() {
    let cache = str_cache::<B, usize>();
    for step in 0..6 {
        match step % 3 {
            0 => cache.reserve(3000),
            1 => (0..1000).for_each(|index| cache.insert(&format!("key {index}"), index)),
            _ => {
                cache.retain(&mut |_, object| **object % 10 == 0);
                cache.shrink_to_fit();
            }
        }
        assert!(cache.capacity() >= cache.len());
        assert!(cache.get("key 10").is_none_or(|object| *object == 10));
        assert_eq!(cache.keys().len(), cache.len());
    }
    assert_eq!(cache.len(), 100);
}

/// Updates are applied one after the other: none works on an object that another has replaced.
pub fn updates_are_atomic<B: Backend>() {
    let cache = str_cache::<B, usize>();
    cache.insert("counter", 0);
    let updates = scale(2000);
    together(THREADS, |_| {
        for _ in 0..updates {
            let updated = cache.update("counter", |count| Some(Arc::new(**count + 1)));
            assert!(updated.is_ok());
        }
    });
    assert_eq!(cache.get("counter").as_deref(), Some(&(THREADS * updates)));
}

/// Each object that is set is removed or replaced once, by the operation that says so.
pub fn each_object_is_told_once<B: Backend>() {
    let cache = str_cache::<B, usize>();
    let mut deleted = 0;
    let del_odd = || {
        let mut last = 0;
        if cache.del_if("key", |object| {
            last = **object;
            last % 2 == 1
        }) {
            deleted += last;
        }
    };
    let rounds = scale(5000);
    let sums = beside(del_odd, || {
        together(THREADS, |thread| {
            let (mut stored, mut told) = (0, 0);
            for round in 0..rounds {
                let number = round * THREADS + thread + 1;
                stored += number;
                told += cache.swap("key", Arc::new(number)).map_or(0, |object| *object);
                if round % 3 == 0 {
                    told += cache.take("key").map_or(0, |object| *object);
                }
            }
            (stored, told)
        })
    });
    let stored: usize = sums.iter().map(|(stored, _)| stored).sum();
    let told: usize = sums.iter().map(|(_, told)| told).sum();
    let left = cache.take("key").map_or(0, |object| *object);
    assert_eq!(stored, told + deleted + left);
}
