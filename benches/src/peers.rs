//! Everything that is measured: one entry for each of the plan's rows.

mod backend;
mod by_hand;
mod instead;
mod one_lock;
mod roof;

use hotcache::{Backend, DefaultHashBuilder, Options};
use hotcache_bench_plan::{Cache, KeyType, Row};

use crate::keys::Keys;
use crate::peer::{IntPeer, ObjPeer};
use crate::slowed;
use crate::subject::{Empty, Int, Obj, Subject};

use backend::{IntBackend, ObjBackend};

/// How a row's subjects are built.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The row's name in the plan.
    pub name: &'static str,
    /// Builds the subject for the integer cache.
    pub int: Option<Build>,
    /// Builds the subject for the object cache.
    pub obj: Option<Build>,
    /// Frees what can be freed by now.
    pub reclaim: fn(),
}

/// Builds a subject.
pub type Build = fn(&Setup) -> Box<dyn Subject>;

/// The parameters for building a subject.
#[derive(Clone, Debug)]
pub struct Setup {
    /// How many keys it will hold, for what cannot grow. Maps start empty all the same.
    pub keys: usize,
    /// The type of its keys.
    pub key_type: KeyType,
    /// Its hasher, with its seed.
    pub hasher: DefaultHashBuilder,
}

impl Setup {
    /// A subject for this many keys of text, with a seed of its own.
    #[must_use]
    pub fn for_keys(keys: usize) -> Self {
        Self { keys, key_type: KeyType::Str, hasher: DefaultHashBuilder::default() }
    }

    /// A subject for these keys, with a seed of its own.
    #[must_use]
    pub fn of(keys: &Keys) -> Self {
        Self { key_type: keys.key_type(), ..Self::for_keys(keys.count()) }
    }

    fn options<const SHARDS: usize>(&self) -> Options {
        Options::new().shards(SHARDS).hasher(self.hasher.clone())
    }
}

/// Instantiates generic code for the requested type of keys.
macro_rules! typed {
    ($setup:ident, $key:ident => $build:expr) => {
        match $setup.key_type {
            KeyType::Str => {
                type $key = str;
                $build
            }
            KeyType::U64 => {
                type $key = u64;
                $build
            }
            KeyType::Pair => {
                type $key = (u64, u64);
                $build
            }
        }
    };
}

/// Names a map used without hotcache.
macro_rules! map {
    ($name:literal, $sort:ident::$module:ident) => {
        Entry {
            name: $name,
            int: Some(|setup| typed!(setup, K => int($sort::$module::Int::<K>::new(setup.hasher.clone())))),
            obj: Some(|setup| typed!(setup, K => obj($sort::$module::Obj::<K>::new(setup.hasher.clone())))),
            reclaim: || {},
        }
    };
}

/// Every entry.
pub const ENTRIES: &[Entry] = &[
    Entry::floor(
        "empty",
        |setup| typed!(setup, K => Box::new(Empty::<K>::new())),
        |setup| typed!(setup, K => Box::new(Empty::<K>::new())),
    ),
    Entry::floor(
        "roof",
        |setup| typed!(setup, K => Box::new(roof::IntRoof::<K>::new(setup))),
        |setup| typed!(setup, K => Box::new(roof::ObjRoof::<K>::new(setup))),
    ),
    Entry::backend::<hotcache::rwlock::Backend, 1>("rwlock-1"),
    Entry::backend::<hotcache::rwlock::Backend, 0>("rwlock"),
    Entry::backend::<hotcache::dashmap::Backend, 0>("dashmap"),
    Entry::backend::<hotcache::flurry::Backend, 0>("flurry"),
    Entry::backend::<hotcache::scc::Backend, 0>("scc"),
    Entry::backend::<hotcache::papaya::Backend, 0>("papaya"),
    Entry::backend::<hotcache::bucket::Backend, 0>("bucket"),
    map!("rwlock-1-by-hand", by_hand::rwlock_one),
    map!("rwlock-by-hand", by_hand::rwlock),
    map!("dashmap-by-hand", by_hand::dashmap),
    map!("flurry-by-hand", by_hand::flurry),
    map!("scc-by-hand", by_hand::scc),
    map!("papaya-by-hand", by_hand::papaya),
    map!("std", instead::std_rwlock),
    map!("moka", instead::moka),
    map!("quick_cache", instead::quick_cache),
];

impl Entry {
    /// The entry of a row.
    #[must_use]
    pub fn of(row: &Row) -> Option<&'static Entry> {
        ENTRIES.iter().find(|entry| entry.name == row.name)
    }

    /// A backend of hotcache, with this many shards; 0 leaves them to the backend.
    #[must_use]
    pub const fn backend<B: Backend, const SHARDS: usize>(name: &'static str) -> Self {
        Self {
            name,
            int: Some(|setup| {
                let built = typed!(setup, K => {
                    let cache = B::int::<K, _>(setup.options::<SHARDS>());
                    int(IntBackend::<_, K>::new(cache))
                });
                slowed::if_asked(B::NAME, built)
            }),
            obj: Some(|setup| {
                let built = typed!(setup, K => {
                    let cache = B::obj::<_, K, _>(setup.options::<SHARDS>());
                    obj(ObjBackend::<_, K>::new(cache))
                });
                slowed::if_asked(B::NAME, built)
            }),
            reclaim: B::reclaim,
        }
    }

    const fn floor(name: &'static str, int: Build, obj: Build) -> Self {
        Self { name, int: Some(int), obj: Some(obj), reclaim: || {} }
    }

    /// Builds the subject for this cache, if the row has that.
    #[must_use]
    pub fn build(&self, cache: Cache, setup: &Setup) -> Option<Box<dyn Subject>> {
        self.builder(cache).map(|build| build(setup))
    }

    /// Returns the constructor of the subject for this cache, if the row has one.
    #[must_use]
    pub fn builder(&self, cache: Cache) -> Option<Build> {
        match cache {
            Cache::Int => self.int,
            Cache::Obj => self.obj,
        }
    }
}

fn int<P: IntPeer + 'static>(peer: P) -> Box<dyn Subject> {
    Box::new(Int(peer))
}

fn obj<P: ObjPeer + 'static>(peer: P) -> Box<dyn Subject> {
    Box::new(Obj(peer))
}
