use anyhow::Result;
use hotcache::bucket::Backend as Bucket;
use hotcache::{Backend, ObjCache, ObjCacheExt, Options};
use hotcache_bench_plan::{KeyType, Memory};

use super::base::Base;
use super::measure::Footprint;
use crate::bounded::{Entry, Setup};
use crate::fault::Fault;
use crate::keys::{KeyForm, Keys};

/// How often a cache is built and filled: a table doubles early if one bucket gets far more keys than others, which depends
/// on the seed of its hasher. The least counts.
const TRIES: usize = 3;

/// As many times the entries of a full cache go through it: its queues and what remembers the evicted are full then.
const TURNS: usize = 3;

/// The footprint of a full cache, for each of its entries.
///
/// # Errors
///
/// If the cache exceeds its bound by more than a tenth.
pub fn measure_bounded(plan: &Memory, entry: &Entry, key_type: KeyType) -> Result<Footprint> {
    let keys = keys(plan, key_type);
    let cell = format!("bounded/memory/{key_type}/{}", entry.name);
    least_of(|| {
        (entry.reclaim)();
        let base = Base::now();
        let cache = (entry.cache)(&Setup::new(plan.keys, key_type));
        cache.insert(keys.all(), &mut || {});
        // What was put off is done now.
        let held = cache.count().unwrap_or(plan.keys);
        (entry.reclaim)();
        let found = Footprint::since(&base, held);
        let is_bounded = held <= plan.keys + plan.keys / 10 && held > 0;
        Fault::unless_equal(
            &cell,
            &format!("whether {held} entries are within the bound"),
            is_bounded,
            true,
        )?;
        Ok(found)
    })
}

/// The footprint of an unbounded bucket table with the same history, its oldest keys being deleted.
///
/// # Errors
///
/// If the table does not hold the keys that it should.
pub fn measure_unbounded(plan: &Memory, key_type: KeyType) -> Result<Footprint> {
    match key_type {
        KeyType::Str => unbounded::<str>(plan, key_type),
        KeyType::U64 => unbounded::<u64>(plan, key_type),
        KeyType::Pair => unbounded::<(u64, u64)>(plan, key_type),
    }
}

fn unbounded<K: KeyForm + ?Sized>(plan: &Memory, key_type: KeyType) -> Result<Footprint> {
    let keys = keys(plan, key_type);
    least_of(|| {
        Bucket::reclaim();
        let base = Base::now();
        let map = Bucket::obj::<u64, K, _>(Options::new());
        let mut oldest = K::of(keys.all());
        for (i, key) in K::of(keys.all()).enumerate() {
            map.insert(key, key.tag());
            if i >= plan.keys
                && let Some(oldest) = oldest.next()
            {
                map.del(oldest);
            }
        }
        Bucket::reclaim();
        let found = Footprint::since(&base, plan.keys);
        Fault::unless_equal("bounded/memory/unbounded", "keys", map.len(), plan.keys)?;
        Ok(found)
    })
}

fn keys(plan: &Memory, key_type: KeyType) -> Keys {
    Keys::of(key_type, 0..(plan.keys * TURNS) as u32, plan.key_len)
}

/// The least counted bytes of some tries; resident ones of the first, as later ones use memory again.
fn least_of(mut measure: impl FnMut() -> Result<Footprint>) -> Result<Footprint> {
    let first = measure()?;
    let mut least = first;
    for _ in 1..TRIES {
        let again = measure()?;
        if again.counted_per_key() < least.counted_per_key() {
            least = again;
        }
    }
    let resident = first.resident_per_key().map(|bytes| (bytes * least.keys as f64) as i64);
    Ok(Footprint { resident, ..least })
}
