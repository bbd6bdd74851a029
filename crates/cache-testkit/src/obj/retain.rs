//! What is set while `retain` asks about the object that was there.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use cache_core::{Backend, ObjCache, ObjCacheExt};

use super::{StrCache, str_cache};
use crate::Signals;

/// Time for a write beside `retain`. On a map whose write waits for `retain` it passes in vain.
const A_MOMENT: Duration = Duration::from_millis(100);

/// Keys that make any table grow.
const GROWTH: usize = 2_000;

type Write<B> = fn(&StrCache<B, u8>, Arc<u8>);

/// While `retain` asks about the object of "a", another thread runs `write`, and then inserts keys.
fn keeps_what_is_set_meanwhile<B: Backend>(write: Write<B>, growth: usize) {
    let cache = str_cache::<B, u8>();
    let old = Arc::new(1);
    let new = Arc::new(2);
    cache.set("a", Arc::clone(&old));
    let signals = Signals::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            signals.wait("asked");
            write(&cache, Arc::clone(&new));
            (0..growth).for_each(|key| cache.insert(&format!("other {key}"), 3));
            signals.raise("written");
        });
        cache.retain(&mut |_, object| {
            if !Arc::ptr_eq(object, &old) {
                return true;
            }
            signals.raise("asked");
            signals.wait_for("written", A_MOMENT);
            false
        });
    });
    let there = cache.get("a");
    assert!(
        there.as_ref().is_some_and(|there| Arc::ptr_eq(there, &new)),
        "{there:?} is there: `retain` was told to remove the old object, and never to remove the new one"
    );
    assert_eq!(cache.len(), 1 + growth);
}

/// An object that replaces another while `retain` asks about that one stays.
pub fn keeps_what_replaced_the_object<B: Backend>() {
    let replace: Write<B> = |cache, new| cache.set("a", new);
    keeps_what_is_set_meanwhile::<B>(replace, 0);
    keeps_what_is_set_meanwhile::<B>(replace, GROWTH);
}

/// An object that is inserted anew while `retain` asks about the one that was deleted stays.
pub fn keeps_what_was_inserted_anew<B: Backend>() {
    let insert: Write<B> = |cache, new| {
        cache.del("a");
        cache.set("a", new);
    };
    keeps_what_is_set_meanwhile::<B>(insert, 0);
    keeps_what_is_set_meanwhile::<B>(insert, GROWTH);
}
