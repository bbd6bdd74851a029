//! No object is dropped under a lock: a `Drop` may call any cache, its own included.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use cache_core::{Backend, ObjCache, ObjCacheExt, Options};

use crate::threads::{eventually, together};
use crate::violation::OrPanic;
use crate::{Random, Violation, ends_within, fresh_seed, patience, scale};

/// Keys of a cache; enough for every shard of a sharded one.
const KEYS: usize = 100;

/// An object whose `Drop` uses caches, in every way that takes a lock of any kind.
#[derive(Debug)]
pub struct Reentrant {
    key: String,
    caches: Vec<Weak<dyn ObjCache<Reentrant>>>,
    drops: Arc<AtomicUsize>,
}

impl Reentrant {
    fn inert() -> Self {
        Self { key: String::new(), caches: Vec::new(), drops: Arc::default() }
    }
}

impl Drop for Reentrant {
    fn drop(&mut self) {
        for cache in self.caches.iter().filter_map(Weak::upgrade) {
            cache.get(&self.key);
            cache.with(&self.key, |_| ());
            cache.insert(&self.key, Reentrant::inert());
            cache.for_each(&mut |_, _| {});
            assert!(cache.keys().len() <= 2 * KEYS);
            cache.del(&self.key);
            cache.get_or_insert_with(&self.key, Reentrant::inert);
            cache.get_or_insert(&self.key, Arc::new(Reentrant::inert()));
            cache.retain(&mut |key, _| key != self.key);
        }
        self.drops.fetch_add(1, Ordering::AcqRel);
    }
}

type Cache = Arc<dyn ObjCache<Reentrant>>;

/// The cache whose objects are dropped, another of the same backend that their `Drop` uses too, and how many
/// were dropped.
struct Scene {
    cache: Cache,
    other: Cache,
    drops: Arc<AtomicUsize>,
}

impl Scene {
    fn new<B: Backend>() -> Self {
        Self {
            cache: Arc::new(B::obj::<Reentrant, str, _>(Options::new())),
            other: Arc::new(B::obj::<Reentrant, str, _>(Options::new())),
            drops: Arc::default(),
        }
    }

    fn object(&self, key: &str) -> Reentrant {
        Reentrant {
            key: key.to_owned(),
            caches: vec![Arc::downgrade(&self.cache), Arc::downgrade(&self.other)],
            drops: Arc::clone(&self.drops),
        }
    }

    fn fill(&self) -> Vec<String> {
        let keys: Vec<String> = (0..KEYS).map(|key| format!("key {key}")).collect();
        for key in &keys {
            self.cache.insert(key, self.object(key));
        }
        keys
    }
}

/// Fills a cache with reentrant objects and lets `work` drop them, all of them `objects` in number.
fn does_not_hang<B: Backend>(
    what: &str,
    objects: usize,
    work: impl FnOnce(Scene, Vec<String>) + Send + 'static,
) -> Result<(), Violation> {
    ends_within(patience(), what, move || {
        let scene = Scene::new::<B>();
        let keys = scene.fill();
        let drops = Arc::clone(&scene.drops);
        work(scene, keys);
        let all = eventually(patience() / 2, || {
            B::reclaim();
            (drops.load(Ordering::Acquire) == objects).then_some(())
        });
        all.ok_or_else(|| {
            Violation::leak(format!("{} objects of {objects} were dropped", drops.load(Ordering::Acquire)))
        })
    })?
}

/// Replaced objects.
pub fn in_set<B: Backend>() {
    does_not_hang::<B>("set", KEYS, |scene, keys| {
        for key in keys {
            scene.cache.insert(&key, Reentrant::inert());
        }
    })
    .or_panic();
}

/// Removed objects.
pub fn in_del<B: Backend>() {
    does_not_hang::<B>("del", KEYS, |scene, keys| {
        for key in keys {
            // An earlier object's `Drop` may have removed it, where objects are dropped late.
            scene.cache.del(&key);
        }
    })
    .or_panic();
}

/// Objects that `del_if` and `take` remove.
pub fn in_del_if<B: Backend>() {
    does_not_hang::<B>("del_if and take", KEYS, |scene, keys| {
        for (index, key) in keys.iter().enumerate() {
            if index % 2 == 0 {
                scene.cache.del_if(key, |_| true);
            } else {
                drop(scene.cache.take(key));
            }
        }
    })
    .or_panic();
}

/// Objects that a swap returns, or `replace_if_same` replaces.
pub fn in_swap<B: Backend>() {
    does_not_hang::<B>("swap and replace_if_same", KEYS, |scene, keys| {
        for (index, key) in keys.iter().enumerate() {
            let new = Arc::new(Reentrant::inert());
            if index % 2 == 0 {
                drop(scene.cache.swap(key, new));
            } else if let Some(current) = scene.cache.get(key) {
                drop(scene.cache.replace_if_same(key, &current, new));
            }
        }
    })
    .or_panic();
}

/// Objects that are cleared away.
pub fn in_clear<B: Backend>() {
    does_not_hang::<B>("clear", KEYS, |scene, _| scene.cache.clear()).or_panic();
}

/// Objects that are not retained.
pub fn in_retain<B: Backend>() {
    does_not_hang::<B>("retain", KEYS, |scene, _| {
        scene.cache.retain(&mut |_, _| false);
    })
    .or_panic();
}

/// Objects that `get_or_insert` refuses, while the key's own stay.
pub fn in_get_or_insert<B: Backend>() {
    does_not_hang::<B>("get_or_insert", 2 * KEYS, |scene, keys| {
        for key in keys {
            let offered = Arc::new(scene.object(&key));
            drop(scene.cache.get_or_insert(&key, offered));
        }
    })
    .or_panic();
}

/// Loaded objects that a set during the load keeps out of the cache.
pub fn in_an_overtaken_load<B: Backend>() {
    does_not_hang::<B>("get_or_insert_with", 2 * KEYS, |scene, keys| {
        for key in keys {
            let loaded = scene.cache.get_or_insert_with(&format!("new {key}"), || {
                scene.cache.insert(&format!("new {key}"), Reentrant::inert());
                scene.object(&key)
            });
            drop(loaded);
        }
    })
    .or_panic();
}

/// Objects that go with their cache, and then use another.
pub fn in_the_drop_of_the_cache<B: Backend>() {
    does_not_hang::<B>("dropping the cache", KEYS, |scene, _| {
        let Scene { cache, other, .. } = scene;
        drop(cache);
        B::reclaim();
        drop(other);
    })
    .or_panic();
}

/// Many threads at once, each dropping objects whose `Drop` writes what the others work on.
pub fn under_contention<B: Backend>() {
    let seed = fresh_seed();
    let rounds = scale(100);
    ends_within(patience(), "churning reentrant objects", move || {
        let scene = Scene::new::<B>();
        let keys = ["a", "b", "c"];
        together(3, |thread| {
            let mut random = Random::new(seed ^ thread as u64);
            for _ in 0..rounds {
                let key = keys[random.below(keys.len())];
                match random.below(8) {
                    0..4 => scene.cache.insert(key, scene.object(key)),
                    4 => drop(scene.cache.get_or_insert_with(key, || scene.object(key))),
                    5 => {
                        scene.cache.del(key);
                    }
                    6 => scene.cache.retain(&mut |_, _| false),
                    _ => scene.cache.clear(),
                }
            }
        });
    })
    .map_err(|violation| violation.at(format_args!("HOTCACHE_TEST_SEED={seed}")))
    .or_panic();
}
