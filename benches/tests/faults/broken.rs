//! A correct map, broken on purpose.

use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hotcache::rwlock::Backend;
use hotcache::{Backend as _, IntCache, ObjCache, Options};
use hotcache_bench::keys::KeyForm;
use hotcache_bench::peer::{IntPeer, ObjPeer, Object};
use hotcache_bench::peers::Setup;
use hotcache_bench::subject::{Int, Obj, Subject};
use hotcache_bench_plan::KeyType;

/// A fault that occurs now and then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    Misses,
    ReadsAnother,
    LosesAdds,
    LosesSets,
    LosesOverwrites,
    KeepsDeleted,
    DeniesDeleting,
}

/// A correct map, broken on purpose.
pub(crate) struct Broken<C, K: ?Sized> {
    cache: C,
    keys: PhantomData<fn(&K)>,
    fault: Fault,
    /// The fault shows once in so many times.
    every: u64,
    calls: &'static AtomicU64,
}

impl<C, K: ?Sized> Broken<C, K> {
    pub(crate) fn new(cache: C, fault: Fault, every: u64) -> Self {
        // One count for all maps of a fault: a small map alone is not used a thousand times.
        static CALLS: [AtomicU64; 8] = [const { AtomicU64::new(0) }; 8];
        Self { cache, keys: PhantomData, fault, every, calls: &CALLS[fault as usize] }
    }

    fn now(&self, fault: Fault) -> bool {
        self.fault == fault && self.calls.fetch_add(1, Ordering::Relaxed) % self.every == self.every - 1
    }
}

impl<C: IntCache<K>, K: KeyForm + ?Sized> IntPeer for Broken<C, K> {
    type Key = K;

    fn get(&self, key: &K) -> Option<i64> {
        if self.now(Fault::Misses) {
            return None;
        }
        let another = i64::from(self.now(Fault::ReadsAnother));
        self.cache.get(key).map(|value| value + another)
    }

    fn set(&self, key: &K, value: i64) {
        let lost = self.cache.get(key).is_some() && self.now(Fault::LosesOverwrites);
        if !lost && !self.now(Fault::LosesSets) {
            self.cache.set(key, value);
        }
    }

    fn add(&self, key: &K, delta: i64) -> i64 {
        let lost = self.now(Fault::LosesAdds);
        self.cache.add(key, if lost { 0 } else { delta })
    }

    fn insert_if_absent(&self, key: &K) {
        self.cache.add(key, 0);
    }

    fn del(&self, key: &K) -> bool {
        self.now(Fault::KeepsDeleted) || (self.cache.del(key) && !self.now(Fault::DeniesDeleting))
    }

    fn count(&self) -> usize {
        self.cache.len()
    }

    fn total(&self) -> i64 {
        let mut total = 0_i64;
        self.cache.for_each(&mut |_, value| total = total.wrapping_add(value));
        total
    }
}

impl<C: ObjCache<Object, K>, K: KeyForm + ?Sized> ObjPeer for Broken<C, K> {
    type Key = K;

    fn get(&self, key: &K) -> Option<Arc<Object>> {
        if self.now(Fault::Misses) {
            return None;
        }
        let object = self.cache.get(key)?;
        Some(if self.now(Fault::ReadsAnother) { Arc::new(Object::new(object.id + 1)) } else { object })
    }

    fn set(&self, key: &K, value: Arc<Object>) {
        let lost = self.cache.get(key).is_some() && self.now(Fault::LosesOverwrites);
        if !lost && !self.now(Fault::LosesSets) {
            self.cache.set(key, value);
        }
    }

    fn insert_if_absent(&self, key: &K, value: Arc<Object>) {
        self.cache.get_or_insert(key, value);
    }

    fn del(&self, key: &K) -> bool {
        self.now(Fault::KeepsDeleted) || (self.cache.del(key) && !self.now(Fault::DeniesDeleting))
    }

    fn count(&self) -> usize {
        self.cache.len()
    }

    fn total(&self) -> i64 {
        let mut total = 0_i64;
        self.cache.for_each(&mut |_, object| total = total.wrapping_add(object.id));
        total
    }
}

/// A broken map of integers.
pub(crate) fn int(setup: &Setup, fault: Fault, every: u64) -> Box<dyn Subject> {
    fn of<K: KeyForm + ?Sized>(fault: Fault, every: u64) -> Box<dyn Subject> {
        Box::new(Int(Broken::<_, K>::new(Backend::int::<K, _>(Options::new()), fault, every)))
    }
    match setup.key_type {
        KeyType::Str => of::<str>(fault, every),
        KeyType::U64 => of::<u64>(fault, every),
        KeyType::Pair => of::<(u64, u64)>(fault, every),
    }
}

/// A broken map of objects.
pub(crate) fn obj(setup: &Setup, fault: Fault, every: u64) -> Box<dyn Subject> {
    fn of<K: KeyForm + ?Sized>(fault: Fault, every: u64) -> Box<dyn Subject> {
        Box::new(Obj(Broken::<_, K>::new(Backend::obj::<Object, K, _>(Options::new()), fault, every)))
    }
    match setup.key_type {
        KeyType::Str => of::<str>(fault, every),
        KeyType::U64 => of::<u64>(fault, every),
        KeyType::Pair => of::<(u64, u64)>(fault, every),
    }
}

/// An entry that takes the place of the row `rwlock`.
macro_rules! broken {
    ($fault:ident) => {
        broken!($fault, once in 1_000)
    };
    ($fault:ident, once in $every:expr) => {
        Entry {
            name: "rwlock",
            int: Some(|setup| $crate::broken::int(setup, Fault::$fault, $every)),
            obj: Some(|setup| $crate::broken::obj(setup, Fault::$fault, $every)),
            reclaim: || {},
        }
    };
}

pub(crate) use broken;
