//! Iteration while others write: weakly consistent, and exactly so.

use std::sync::Arc;

use cache_core::{Backend, DefaultHashBuilder, ObjCache, Options};

use crate::scale;
use crate::threads::beside;

/// Keys that are present throughout.
const STABLE: u64 = 1000;

/// Iterations over all of them.
const ROUNDS: usize = 60;

/// A cache with the stable keys, and someone who inserts and removes others, and replaces the objects of the
/// stable ones, while `body` runs. The object of a key is that key.
fn churned<B: Backend>(body: impl Fn(&B::Obj<u64, u64, DefaultHashBuilder>)) {
    let cache = B::obj::<u64, u64, _>(Options::new());
    for key in 0..STABLE {
        cache.set(&key, Arc::new(key));
    }
    let mut next = STABLE;
    let churn = || {
        next += 1;
        cache.set(&next, Arc::new(next));
        if next.is_multiple_of(4000) {
            for key in STABLE..=next {
                cache.del(&key);
            }
            next = STABLE;
        }
        let stable = next % STABLE;
        cache.set(&stable, Arc::new(stable));
    };
    beside(churn, || (0..scale(ROUNDS)).for_each(|_| body(&cache)));
}

/// `for_each` sees each key that is present throughout exactly once, with an object of that key.
pub fn for_each_sees_stable_keys_once<B: Backend>() {
    churned::<B>(|cache| {
        let mut seen = Vec::new();
        cache.for_each(&mut |key, object| {
            assert_eq!(*key, **object);
            if *key < STABLE {
                seen.push(*key);
            }
        });
        seen.sort_unstable();
        assert!(seen.iter().copied().eq(0..STABLE), "{seen:?}");
    });
}

/// `keys` has each key that is present throughout exactly once.
pub fn keys_has_stable_keys_once<B: Backend>() {
    churned::<B>(|cache| {
        let mut seen = cache.keys();
        seen.retain(|key| *key < STABLE);
        seen.sort_unstable();
        assert!(seen.iter().copied().eq(0..STABLE), "{seen:?}");
    });
}

/// `retain` shows each key that is present throughout exactly once, and keeps it if told to.
pub fn retain_shows_stable_keys_once<B: Backend>() {
    churned::<B>(|cache| {
        let mut seen = Vec::new();
        cache.retain(&mut |key, object| {
            assert_eq!(*key, **object);
            if *key < STABLE {
                seen.push(*key);
            }
            *key < STABLE
        });
        seen.sort_unstable();
        assert!(seen.iter().copied().eq(0..STABLE), "{seen:?}");
        assert!((0..STABLE).all(|key| cache.get(&key).is_some()));
    });
}

/// `with` shows a whole object of its key, whatever is replaced meanwhile.
pub fn with_beside_replacements<B: Backend>() {
    churned::<B>(|cache| {
        for key in 0..STABLE {
            let mut shown = None;
            assert!(cache.with_dyn(&key, &mut |object| shown = Some(*object)));
            assert_eq!(shown, Some(key));
        }
    });
}
