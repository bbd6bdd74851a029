//! Bytes per key: what must hold whatever the map.
#![forbid(unsafe_code)]

use hotcache_bench::bounded;
use hotcache_bench::memory::{Phase, measure, measure_bounded, measure_unbounded};
use hotcache_bench::peers::ENTRIES;
use hotcache_bench_plan::{Cache, Garbage, KeyType, Kind, Memory, ROWS};

/// A key's eight bytes and a value: no map keeps them in less.
const LEAST: f64 = 16.0;

// One test, as others would allocate meanwhile.
#[test]
fn every_row_has_a_plausible_footprint() {
    let rows: Vec<_> = ROWS.iter().filter(|row| row.kind != Kind::Floor && row.go.is_none()).collect();
    let plan = Memory {
        caches: Cache::ALL.to_vec(),
        rows: rows.clone(),
        keys: 20_000,
        key_len: 8,
        garbage: Garbage::QUICK,
        bounded: Vec::new(),
    };
    for row in rows {
        let entry = ENTRIES.iter().find(|entry| entry.name == row.name).expect(row.name);
        let mut loaded = Vec::new();
        for cache in Cache::ALL {
            let [first, worst] = measure(&plan, entry, cache, Phase::Grow).expect(row.name);
            let [churned, emptied] = measure(&plan, entry, cache, Phase::Churn).expect(row.name);
            assert_eq!((first.keys, churned.keys, emptied.keys), (20_000, 20_000, 20_000));
            assert!((20_000..=40_000).contains(&worst.keys), "{row}: worst at {}", worst.keys);
            for moment in [first, worst, churned] {
                let bytes = moment.counted_per_key();
                assert!((LEAST..1_000.0).contains(&bytes), "{row} {cache}: {bytes} bytes per key");
            }
            assert!(emptied.counted <= churned.counted, "{row} {cache}: {emptied:?} {churned:?}");
            loaded.push(first.counted_per_key());
        }
        // An object is a pointer in the map, as large as an integer: the objects themselves must not count. moka is
        // given a shared atomic for each integer, which is an allocation of its own.
        let apart = if row.name == "moka" { 16.0 + 24.0 } else { 16.0 };
        assert!((loaded[0] - loaded[1]).abs() < apart, "{row}: {loaded:?} bytes per key");
    }
    for (key_type, most) in [(KeyType::U64, 64.0), (KeyType::Str, 80.0)] {
        let map = measure_unbounded(&plan, key_type).expect("the table is sound").counted_per_key();
        let ours = bounded::ENTRIES.iter().find(|entry| entry.name == "bucket").expect("our cache");
        let ours = measure_bounded(&plan, ours, key_type).expect("our cache is sound").counted_per_key();
        assert!((8.0..=most).contains(&(ours - map)), "{ours} bytes an entry, {map} in the map");
    }
    for entry in bounded::ENTRIES.iter().filter(|entry| entry.unbounded.is_none()) {
        let found = measure_bounded(&plan, entry, KeyType::U64).expect(entry.name).counted_per_key();
        // A value in an allocation of its own, its key, and whatever finds and evicts it.
        assert!((40.0..1_000.0).contains(&found), "{}: {found} bytes an entry", entry.name);
    }
}
