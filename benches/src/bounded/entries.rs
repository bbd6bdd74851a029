//! Everything that is measured: one entry for each of the plan's bounded rows.

use std::time::Duration;

use hotcache::policy::ManualClock;
use hotcache::{Backend, DefaultHashBuilder, Options};
use hotcache_bench_plan::KeyType;

use super::ours::{Ours, Unbounded};
use super::peers::{Foyer, MiniMoka, Moka, QuickCache, TinyUfo};
use super::{Driven, Subject};

/// The parameters for building a cache.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The most entries.
    pub capacity: usize,
    /// The type of its keys: text or integers.
    pub key_type: KeyType,
    /// The time to live of its entries.
    pub lifetime: Option<Duration>,
    /// Its clock, if it is not the default one.
    pub clock: Option<ManualClock>,
    /// Its hasher, with its seed.
    pub hasher: DefaultHashBuilder,
}

impl Setup {
    /// A cache of this many entries that do not expire, with a seed of its own.
    #[must_use]
    pub fn new(capacity: usize, key_type: KeyType) -> Self {
        Self { capacity, key_type, lifetime: None, clock: None, hasher: DefaultHashBuilder::default() }
    }
}

/// Builds a cache.
pub type Build = fn(&Setup) -> Box<dyn Subject>;

/// How a row's caches are built.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The row's name in the plan.
    pub name: &'static str,
    /// Builds the bounded cache.
    pub cache: Build,
    /// Builds the unbounded map below it, if it is ours.
    pub unbounded: Option<Build>,
    /// Whether its entries can have a time to live.
    pub expires: bool,
    /// Whether it takes a clock.
    pub takes_clock: bool,
    /// Frees what can be freed by now.
    pub reclaim: fn(),
}

/// Instantiates generic code for the requested type of keys.
macro_rules! typed {
    ($setup:ident, $key:ident => $build:expr) => {
        match $setup.key_type {
            KeyType::Str => {
                type $key = str;
                Box::new(Driven($build))
            }
            KeyType::U64 => {
                type $key = u64;
                Box::new(Driven($build))
            }
            KeyType::Pair => unreachable!("no plan has a bounded cache of pairs"),
        }
    };
}

macro_rules! peer {
    ($name:literal, $peer:ident, expires: $expires:literal) => {
        Entry {
            name: $name,
            cache: |setup| typed!(setup, K => $peer::<K>::new(setup)),
            unbounded: None,
            expires: $expires,
            takes_clock: false,
            reclaim: || {},
        }
    };
}

/// Every entry.
pub const ENTRIES: &[Entry] = &[
    Entry::backend::<hotcache::rwlock::Backend, 1>("rwlock-1"),
    Entry::backend::<hotcache::rwlock::Backend, 0>("rwlock"),
    Entry::backend::<hotcache::dashmap::Backend, 0>("dashmap"),
    Entry::backend::<hotcache::flurry::Backend, 0>("flurry"),
    Entry::backend::<hotcache::scc::Backend, 0>("scc"),
    Entry::backend::<hotcache::papaya::Backend, 0>("papaya"),
    Entry::backend::<hotcache::bucket::Backend, 0>("bucket"),
    peer!("moka", Moka, expires: true),
    peer!("quick_cache", QuickCache, expires: false),
    peer!("mini-moka", MiniMoka, expires: true),
    peer!("foyer", Foyer, expires: false),
    peer!("tinyufo", TinyUfo, expires: false),
];

impl Entry {
    /// Our cache over a backend with this many shards; 0 leaves them to the backend.
    #[must_use]
    pub const fn backend<B: Backend, const SHARDS: usize>(name: &'static str) -> Self {
        Self {
            name,
            cache: |setup| typed!(setup, K => Ours::<K, B>::new(setup, SHARDS)),
            unbounded: Some(|setup| {
                typed!(setup, K => {
                    let options = Options::new().shards(SHARDS).hasher(setup.hasher.clone());
                    Unbounded::<_, K>::new(B::obj::<u64, K, _>(options))
                })
            }),
            expires: true,
            takes_clock: true,
            reclaim: B::reclaim,
        }
    }
}
