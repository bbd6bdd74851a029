//! A correct map, broken on purpose.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hotcache::{IntCache as _, ObjCache as _};
use hotcache_bench::peer::{IntPeer, ObjPeer, Object};

/// What goes wrong, now and then.
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
#[derive(Debug)]
pub(crate) struct Broken<C> {
    cache: C,
    fault: Fault,
    /// The fault shows once in so many times.
    every: u64,
    calls: &'static AtomicU64,
}

impl<C> Broken<C> {
    pub(crate) fn new(cache: C, fault: Fault, every: u64) -> Self {
        // One count for all maps of a fault: a small map alone is not used a thousand times.
        static CALLS: [AtomicU64; 8] = [const { AtomicU64::new(0) }; 8];
        Self { cache, fault, every, calls: &CALLS[fault as usize] }
    }

    fn now(&self, fault: Fault) -> bool {
        self.fault == fault && self.calls.fetch_add(1, Ordering::Relaxed) % self.every == self.every - 1
    }
}

impl IntPeer for Broken<hotcache::rwlock::IntCache> {
    fn get(&self, key: &str) -> Option<i64> {
        if self.now(Fault::Misses) {
            return None;
        }
        let another = i64::from(self.now(Fault::ReadsAnother));
        self.cache.get(key).map(|value| value + another)
    }

    fn set(&self, key: &str, value: i64) {
        let lost = self.cache.get(key).is_some() && self.now(Fault::LosesOverwrites);
        if !lost && !self.now(Fault::LosesSets) {
            self.cache.set(key, value);
        }
    }

    fn add(&self, key: &str, delta: i64) -> i64 {
        let lost = self.now(Fault::LosesAdds);
        self.cache.add(key, if lost { 0 } else { delta })
    }

    fn insert_if_absent(&self, key: &str) {
        self.cache.add(key, 0);
    }

    fn del(&self, key: &str) -> bool {
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

impl ObjPeer for Broken<hotcache::rwlock::ObjCache<Object>> {
    fn get(&self, key: &str) -> Option<Arc<Object>> {
        if self.now(Fault::Misses) {
            return None;
        }
        let object = self.cache.get(key)?;
        Some(if self.now(Fault::ReadsAnother) { Arc::new(Object::new(object.id + 1)) } else { object })
    }

    fn set(&self, key: &str, value: Arc<Object>) {
        let lost = self.cache.get(key).is_some() && self.now(Fault::LosesOverwrites);
        if !lost && !self.now(Fault::LosesSets) {
            self.cache.set(key, value);
        }
    }

    fn insert_if_absent(&self, key: &str, value: Arc<Object>) {
        self.cache.get_or_insert(key, value);
    }

    fn del(&self, key: &str) -> bool {
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

/// An entry that takes the place of the row `rwlock`.
macro_rules! broken {
    ($fault:ident) => {
        broken!($fault, once in 1_000)
    };
    ($fault:ident, once in $every:expr) => {
        Entry {
            name: "rwlock",
            int: Some(|_| Box::new(Int(Broken::new(hotcache::rwlock::IntCache::new(), Fault::$fault, $every)))),
            obj: Some(|_| Box::new(Obj(Broken::new(hotcache::rwlock::ObjCache::new(), Fault::$fault, $every)))),
            reclaim: || {},
        }
    };
}

pub(crate) use broken;
