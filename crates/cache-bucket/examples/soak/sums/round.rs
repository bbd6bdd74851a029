use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use cache_bucket::{BucketIntCache, BucketObjCache};
use cache_core::IntCache;

use super::worker::Canary;

/// The number of keys that every thread adds to: few enough for contention.
pub(super) const STOCK: usize = 300;

/// The caches, and their expected contents.
pub(super) struct Round {
    pub(super) stock: BucketIntCache<str>,
    pub(super) owned: BucketIntCache<str>,
    pub(super) told: BucketIntCache<u64>,
    pub(super) objects: BucketObjCache<Canary, str>,
    /// The sum that was added to each stock key since it was last emptied.
    pub(super) added: Vec<AtomicI64>,
    /// The number of keys that all owners have together.
    pub(super) owners_keys: AtomicUsize,
}

impl Round {
    pub(super) fn new() -> Self {
        Self {
            stock: BucketIntCache::default(),
            owned: BucketIntCache::default(),
            told: BucketIntCache::default(),
            objects: BucketObjCache::default(),
            added: (0..STOCK).map(|_| AtomicI64::new(0)).collect(),
            owners_keys: AtomicUsize::new(0),
        }
    }

    /// The name of a stock key. Each has another length.
    pub(super) fn stock_key(number: usize) -> String {
        format!("{number:>width$}", width = 3 + number % 90)
    }

    /// Sums up and checks. Every thread has entered its account and waits.
    pub(super) fn check(&self) {
        let mut sum = 0;
        self.stock.for_each(&mut |_, value| sum += value);
        let added: Vec<i64> = self.added.iter().map(|added| added.load(Ordering::Acquire)).collect();
        assert_eq!(sum, added.iter().sum::<i64>(), "the stock as a whole");
        for (number, added) in added.into_iter().enumerate() {
            let value = self.stock.get(&Self::stock_key(number)).unwrap_or(0);
            assert_eq!(value, added, "stock key {number}");
        }
        // Keys without an owner may be left over.
        self.owned.retain(&mut |key, _| !key.starts_with(super::worker::NOBODYS));
        let (mut keys, owned) = (0, self.owners_keys.load(Ordering::Acquire));
        self.owned.for_each(&mut |_, _| keys += 1);
        assert_eq!((keys, self.owned.len()), (owned, owned), "the owners' keys");
    }

    /// Empties the stock, so that the next sum begins at nothing.
    pub(super) fn stock_taken(&self) {
        self.stock.clear();
        assert_eq!(self.stock.len(), 0);
        self.added.iter().for_each(|added| added.store(0, Ordering::Release));
    }
}
