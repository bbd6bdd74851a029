//! Keys whose own code uses the cache in the middle of a load.

use std::sync::Arc;

use cache_core::{ObjCache, ObjCacheExt};
use cache_testkit::{Signals, ends_within, patience};

use crate::gated::{Code, Gated, Probe, has_run, in_the_next};

/// While a load of another key is in flight, the code of a key calls everything that has to do with loads.
fn may_call_the_cache(code: Code) {
    let ended = ends_within(patience(), "a load whose key calls the cache", move || {
        let cache = Arc::new(Gated::new(|_| {}));
        let signals = Signals::new();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                cache.get_or_insert_with(&Probe(1), || {
                    signals.raise("loading");
                    signals.wait("ended");
                    1
                })
            });
            signals.wait("loading");
            let within = Arc::clone(&cache);
            in_the_next(code, move || {
                within.insert(&Probe(3), 3);
                within.del(&Probe(2));
                within.clear();
                assert_eq!(*within.get_or_insert_with(&Probe(4), || 4), 4);
            });
            assert_eq!(*cache.get_or_insert_with(&Probe(2), || 2), 2);
            // Raised before it is asserted, so that a failure ends both threads.
            let has_run = has_run();
            signals.raise("ended");
            assert!(has_run, "{code:?} was not called");
        });
        assert_eq!(cache.get(&Probe(4)).as_deref(), Some(&4));
    });
    ended.unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn in_hash() {
    may_call_the_cache(Code::Hash);
}

#[test]
fn in_eq() {
    may_call_the_cache(Code::Eq);
}

#[test]
fn in_to_owned_key() {
    may_call_the_cache(Code::ToOwned);
}

#[test]
fn in_drop() {
    may_call_the_cache(Code::Drop);
}
