//! Correct maps pass, and all cells are there.

use hotcache_bench::latency;
use hotcache_bench::peers::{ENTRIES, Entry};
use hotcache_bench_plan::{Cache, KeyCount, KeyType, Op, Profile, ROWS, Work};
use hotcache_report::Percentiles;

use crate::broken::{Fault, broken};
use crate::{counted, hot, mix, run, rwlock, works};

#[test]
fn latencies_are_of_as_many_operations_as_were_due() {
    let sound = broken!(None);
    for (op, threads) in [(Op::Grow, 1), (Op::Grow, 2), (Op::Get, 2)] {
        let max_key = KeyCount(2_000);
        let work = Work { threads, max_key, ..counted(Cache::Int, op)[0] };
        let mut touched = false;
        let found = latency::measure(&work, &sound, 100_000.0, || touched = true).expect("it is sound");
        // At this rate for two seconds, in whole rounds; or each key once.
        let due = if op == Op::Grow { 2_000..=2_000 } else { 200_000..=220_000 };
        assert!(touched && due.contains(&found.count), "{op}: {} operations", found.count);
        let Percentiles { p50, p90, p99, p999, p9999, max } = found.percentiles;
        assert!(p50 > 0.0 && [p50, p90, p99, p999, p9999, max].is_sorted(), "{op}: {:?}", found.percentiles);
        assert!(found.curve.is_sorted() && found.curve.len() > 8, "{op}: {:?}", found.curve);
        assert!(latency::capacity(&work, &sound).expect("it is sound") > 0.0);
    }
}

#[test]
fn a_sound_map_passes_everything() {
    let mut works: Vec<_> = Cache::ALL
        .into_iter()
        .flat_map(|cache| cache.ops().iter().filter(|op| !op.churns()).flat_map(move |op| works(cache, *op)))
        .collect();
    for cache in Cache::ALL {
        let mixes = [
            "get=5,set=2,del=1",
            "get=5,set=2",
            "get=3",
            "get=6,insert=1,del=1",
            "get=4,add=1",
            "add=3,set=1",
        ];
        let ops = [Op::Churn, Op::Reinsert].into_iter().chain(mixes.map(mix));
        works.extend(ops.filter(|op| cache.does(*op)).flat_map(|op| counted(cache, op)));
    }
    works.extend([Op::Get, Op::Set, Op::Add].map(|op| hot(Cache::Int, op, 2)));
    works.extend([Op::Get, Op::Set, Op::With].map(|op| hot(Cache::Obj, op, 2)));
    let results = run(rwlock(), &[broken!(None)], works.clone(), 2).expect("it is sound");
    assert!(!results.partial);
    results.to_json().expect("a document that can be read again");
    assert_eq!(results.cells.len(), works.len());
    for cell in &results.cells {
        let grows = cell.op == "grow";
        let samples = if grows { 10 } else { 20 };
        assert_eq!(cell.samples.len(), samples, "{}: five or ten in each of two passes", cell.name());
        assert_eq!(cell.worst_ns.is_some_and(|ns| ns > 0.0), grows, "{}", cell.name());
        let deletes = cell.op.contains("del=");
        let tells = !matches!(cell.op.as_str(), "set" | "add" | "insert" | "grow" | "mix:set=1,add=3");
        match cell.hit_rate {
            // Keys are absent for a while.
            Some(rate) if deletes => assert!(rate > 0.3 && rate < 1.0, "{}: {rate}", cell.name()),
            rate => assert_eq!(rate, tells.then_some(1.0), "{}", cell.name()),
        }
        assert!(
            cell.ns_per_op.min > 0.0 && cell.iterations > Some(0) && cell.verified == Some(true),
            "{}",
            cell.name()
        );
    }
}

#[test]
fn every_row_of_the_plan_is_built_and_passes() {
    let names =
        |cache| ENTRIES.iter().filter(move |entry| entry.builder(cache).is_some()).map(|entry| entry.name);
    for cache in Cache::ALL {
        let here: Vec<_> = ROWS.iter().filter(|row| row.go.is_none()).collect();
        let planned = here.iter().filter(|row| row.does(cache, Op::Get)).map(|row| row.name);
        assert!(names(cache).eq(planned), "the plan's rows and the entries differ for {cache}");
        let ops = cache.ops().iter().filter(|op| !op.churns());
        let mut works: Vec<_> = ops.flat_map(|op| works(cache, *op).into_iter().skip(2).take(1)).collect();
        works.extend([Op::Get, Op::Set].map(|op| hot(cache, op, 2)));
        let mixes = ["get=5,set=2,add=1", "get=5,insert=2,del=1", "get=1,add=1"].map(mix);
        let counts = [Op::Churn, Op::Reinsert, Op::Profile(Profile::Lists)].into_iter().chain(mixes);
        works.extend(counts.filter(|op| cache.does(*op)).map(|op| counted(cache, op)[1]));
        // And with keys of every other type.
        let typed: Vec<_> = works
            .iter()
            .filter(|work| !matches!(work.op, Op::Profile(_)))
            .zip([(KeyType::U64, 8), (KeyType::Pair, 16)].into_iter().cycle())
            .map(|(work, (key_type, key_len))| Work { key_type, key_len, ..*work })
            .collect();
        assert!(typed.iter().any(|work| work.op == Op::Get && work.key_type == KeyType::U64));
        works.extend(typed);
        let results = run(ROWS.iter().collect(), ENTRIES, works.clone(), 1).expect("all rows are sound");
        for work in works {
            for row in ROWS.iter().filter(|row| row.does_work(&work)) {
                let of_row = results.cells.iter().filter(|cell| cell.backend == row.name);
                let found = of_row.filter(|cell| cell.work() == (&work).into()).count();
                let is_skipped = results.skipped.iter().any(|skipped| skipped.backend == row.name);
                // Without Go, its rows say so.
                let expected = usize::from(row.go.is_none() || !is_skipped);
                assert_eq!(found, expected, "{}", work.cell(row.name));
            }
        }
    }
}
