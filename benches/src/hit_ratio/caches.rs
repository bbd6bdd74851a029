//! Every cache, as a function that asks for a key and tells whether it was there.

use std::collections::{HashMap, VecDeque};

use hotcache::policy::Eviction;
use hotcache::policy::layer::policy::Simulator;
use hotcache::{Cache, bucket};
use hotcache_bench_plan::Kind;

/// Asks for a key, and inserts it on a miss. Tells whether it hit.
pub(super) type Request = Box<dyn FnMut(u64) -> bool>;

pub(super) type Build = fn(usize) -> Request;

/// The yardstick, ours, and then the peers as they come.
pub(super) const CACHES: &[(&str, Kind, Build)] = &[
    ("lru", Kind::Peer, lru),
    ("fifo", Kind::Backend, |capacity| simulated(Eviction::Fifo, capacity)),
    ("clock", Kind::Backend, |capacity| simulated(Eviction::Clock, capacity)),
    ("s3-fifo", Kind::Backend, |capacity| simulated(Eviction::S3Fifo, capacity)),
    ("adaptive", Kind::Backend, |capacity| simulated(Eviction::Adaptive, capacity)),
    ("cache", Kind::Backend, cache),
    ("moka", Kind::Peer, moka),
    ("quick_cache", Kind::Peer, quick_cache),
    ("mini-moka", Kind::Peer, mini_moka),
    ("foyer", Kind::Peer, foyer),
    ("tinyufo", Kind::Peer, tinyufo),
];

fn simulated(eviction: Eviction, capacity: usize) -> Request {
    let mut cache = Simulator::new(eviction.policy(capacity), capacity);
    Box::new(move |key| cache.request(key))
}

/// The whole cache, not only its policy: its queues are in shards.
fn cache(capacity: usize) -> Request {
    let cache = Cache::<(), u64, bucket::Backend>::builder().max_entries(capacity).build();
    Box::new(move |key| {
        let hit = cache.with(&key, |_| ()).is_some();
        if !hit {
            cache.insert(&key, ());
        }
        hit
    })
}

fn moka(capacity: usize) -> Request {
    let cache = moka::sync::Cache::new(capacity as u64);
    Box::new(move |key| {
        let hit = cache.get(&key).is_some();
        if !hit {
            cache.insert(key, ());
            cache.run_pending_tasks();
        }
        hit
    })
}

fn mini_moka(capacity: usize) -> Request {
    use mini_moka::sync::ConcurrentCacheExt as _;
    let cache = mini_moka::sync::Cache::new(capacity as u64);
    Box::new(move |key| {
        let hit = cache.get(&key).is_some();
        if !hit {
            cache.insert(key, ());
            cache.sync();
        }
        hit
    })
}

fn quick_cache(capacity: usize) -> Request {
    let cache = quick_cache::sync::Cache::new(capacity);
    Box::new(move |key| {
        let hit = cache.get(&key).is_some();
        if !hit {
            cache.insert(key, ());
        }
        hit
    })
}

fn foyer(capacity: usize) -> Request {
    let cache: foyer_memory::Cache<u64, ()> = foyer_memory::CacheBuilder::new(capacity).build();
    Box::new(move |key| {
        let hit = cache.get(&key).is_some();
        if !hit {
            cache.insert(key, ());
        }
        hit
    })
}

fn tinyufo(capacity: usize) -> Request {
    let cache = tinyufo::TinyUfo::new(capacity, capacity);
    Box::new(move |key: u64| {
        let hit = cache.get(&key).is_some();
        if !hit {
            cache.put(key, (), 1);
        }
        hit
    })
}

/// An exact LRU.
fn lru(capacity: usize) -> Request {
    let mut last_use: HashMap<u64, usize> = HashMap::new();
    // Every use, oldest first; those that are not their key's last are skipped.
    let mut uses = VecDeque::new();
    let mut now = 0;
    Box::new(move |key| {
        now += 1;
        uses.push_back((key, now));
        let hit = last_use.insert(key, now).is_some();
        while last_use.len() > capacity {
            let Some((oldest, used)) = uses.pop_front() else { break };
            if last_use.get(&oldest) == Some(&used) {
                last_use.remove(&oldest);
            }
        }
        hit
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hit_ratio::workload::made_up;

    fn hits(mut request: Request, keys: &[u64]) -> usize {
        keys.iter().filter(|&&key| request(key)).count()
    }

    #[test]
    fn the_least_recently_used_key_leaves() {
        assert_eq!(hits(lru(2), &[1, 2, 1, 3, 1, 2]), 2);
        assert_eq!(hits(lru(2), &[1, 2, 3, 1, 2, 3]), 0);
        assert_eq!(hits(lru(3), &[1, 2, 3, 1, 2, 3]), 3);
    }

    #[test]
    fn every_cache_hits_what_fits() {
        let keys: Vec<u64> = (0..1_000).map(|n| n % 100).collect();
        for (name, _, build) in CACHES {
            let hits = hits(build(1_000), &keys);
            assert!(hits >= 850, "{name} hit {hits} of 1,000 requests for 100 keys");
        }
    }

    #[test]
    fn the_whole_cache_hits_as_its_policy_does() {
        let zipf = &made_up(200_000)[0];
        let hits = |request| hits(request, &zipf.keys) as f64;
        for capacity in [100, 1_000, 10_000] {
            let (policy, whole) = (hits(simulated(Eviction::Adaptive, capacity)), hits(cache(capacity)));
            let difference = (policy - whole).abs() / zipf.keys.len() as f64;
            assert!(
                difference < 0.01,
                "capacity {capacity}: {policy} hits of the policy, {whole} of the cache"
            );
        }
    }
}
