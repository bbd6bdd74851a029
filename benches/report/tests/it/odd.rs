//! For any contents of a run, nothing panics, and the output is well-formed.

use hotcache_report::{
    Advice, Bounded, BoundedMemory, Cell, Footprint, Garbage, HitRatio, Kind, Latency, Memory, Moment,
    Percentiles, Report, Run, Scaling, Settings, Spread, compare,
};
use proptest::prelude::*;

use crate::{fixture, pages};

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => 0.1..1e6,
        1 => prop::sample::select(vec![
            f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, -1.0, f64::MAX, f64::MIN_POSITIVE, 5e-324, 1e300,
        ]),
    ]
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(vec!["get", "add", "insert", "scc", "papaya", "int", "obj"]).prop_map(str::to_owned),
        1 => any::<String>(),
    ]
}

fn kind() -> impl Strategy<Value = Kind> {
    prop::sample::select(vec![Kind::Backend, Kind::ByHand, Kind::Peer, Kind::Floor])
}

fn cell() -> impl Strategy<Value = Cell> {
    let words = (name(), name(), name(), name());
    let numbers = (any::<u64>(), 0_usize..5, any::<usize>(), prop::collection::vec(value(), 4));
    (words, numbers, kind(), prop::collection::vec(value(), 0..6)).prop_map(
        |((cache, backend, op, dist), (max_key, threads, key_len, v), kind, samples)| Cell {
            cache,
            backend,
            op,
            max_key: if max_key % 2 == 0 { max_key % 4 } else { max_key },
            threads,
            dist,
            key_type: if threads == 3 { "u64".to_owned() } else { "str".to_owned() },
            key_len,
            ns_per_op: Spread { median: v[0], min: v[1], max: v[2] },
            mops: v[3],
            bytes_per_op: Some(v[0]),
            allocs_per_op: None,
            hit_rate: Some(v[1]),
            kind,
            busy: samples.iter().map(|ns| ns.fract()).collect(),
            samples,
            iterations: None,
            worst_ns: None,
            verified: None,
        },
    )
}

fn latency() -> impl Strategy<Value = Latency> {
    let curve = prop::collection::vec((value(), value()), 0..5);
    (name(), name(), kind(), prop::collection::vec(value(), 7), curve).prop_map(
        |(backend, op, kind, v, curve)| Latency {
            page_faults: None,
            cache: "int".to_owned(),
            backend,
            kind,
            op,
            max_key: 100,
            threads: 1,
            dist: "uniform".to_owned(),
            key_len: 8,
            per_second: v[0],
            count: 1,
            percentiles: Percentiles { p50: v[1], p90: v[2], p99: v[3], p999: v[4], p9999: v[5], max: v[6] },
            curve: curve.into_iter().map(|(x, y)| [x, y]).collect(),
        },
    )
}

fn memory() -> impl Strategy<Value = Memory> {
    (name(), kind(), value(), prop::option::of(value())).prop_map(|(backend, kind, counted, rss)| Memory {
        cache: "int".to_owned(),
        backend,
        kind,
        keys: 1,
        key_len: 8,
        after_load: Footprint { counted: Some(counted), rss },
        worst: Some(Footprint { counted: rss, rss: None }),
        after_churn: None,
        after_delete_all: Some(Footprint::default()),
    })
}

fn garbage() -> impl Strategy<Value = Garbage> {
    let moment = (name(), any::<u64>(), any::<Option<i64>>(), any::<Option<u64>>())
        .prop_map(|(moment, counted, rss, objects)| Moment { moment, counted, rss, objects });
    (name(), name(), kind(), prop::collection::vec(moment, 0..4)).prop_map(
        |(workload, backend, kind, moments)| Garbage {
            about: workload.clone(),
            workload,
            cache: "obj".to_owned(),
            backend,
            kind,
            repeats: 1,
            object_bytes: 0,
            verified: true,
            moments,
        },
    )
}

fn bounded() -> impl Strategy<Value = Bounded> {
    let single = prop::option::of(prop::collection::vec(value(), 6));
    (any::<u64>(), cell(), single).prop_map(|(capacity, cell, single)| {
        let of =
            |v: Vec<f64>| Percentiles { p50: v[0], p90: v[1], p99: v[2], p999: v[3], p9999: v[4], max: v[5] };
        Bounded { capacity, single: single.map(of), cell }
    })
}

fn bounded_memory() -> impl Strategy<Value = BoundedMemory> {
    (name(), kind(), any::<u64>(), value(), prop::option::of(value())).prop_map(
        |(backend, kind, capacity, counted, overhead)| BoundedMemory {
            key_type: backend.clone(),
            backend,
            kind,
            capacity,
            key_len: 8,
            entry: Footprint { counted: Some(counted), rss: overhead },
            overhead,
        },
    )
}

fn hit_ratio() -> impl Strategy<Value = HitRatio> {
    (name(), name(), kind(), prop::collection::vec(any::<u64>(), 4)).prop_map(
        |(workload, backend, kind, n)| HitRatio {
            workload,
            capacity: n[0],
            backend,
            kind,
            requests: n[1],
            distinct_keys: n[2] % 100,
            hits: n[3] % 1_000,
        },
    )
}

fn run() -> impl Strategy<Value = Run> {
    let cells = prop::collection::vec(cell(), 0..12);
    let latency = prop::collection::vec(latency(), 0..4);
    let weights = (prop::collection::vec(memory(), 0..4), prop::collection::vec(garbage(), 0..4));
    let caches = (
        prop::collection::vec(bounded(), 0..6),
        prop::collection::vec(bounded_memory(), 0..4),
        prop::collection::vec(hit_ratio(), 0..6),
    );
    let all = (cells, latency, weights, caches, 0_usize..4);
    all.prop_map(|(cells, latency, (memory, garbage), (bounded, bounded_memory, hit_ratio), cores)| {
        let mut run = Run::new(fixture::machine());
        run.machine.cores = cores;
        (run.cells, run.latency, run.memory, run.garbage) = (cells, latency, memory, garbage);
        (run.bounded, run.bounded_memory, run.hit_ratio) = (bounded, bounded_memory, hit_ratio);
        run
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn no_run_makes_a_page_panic_or_ill_formed(run in run(), other in run()) {
        let report = Report::of(vec![run.clone(), other]);
        pages::parse(&report.html());
        let _ = (report.markdown(), hotcache_report::garbage(&run), hotcache_report::bounded(&run));
        let _ = (hotcache_report::bounded_memory(&run), hotcache_report::hit_ratios(&run));
        let _ = (Advice::of(&run), Scaling::of(&run));
    }

    #[test]
    fn no_two_runs_make_a_comparison_panic(old in run(), new in run()) {
        let settings = Settings { resamples: 20, ..Settings::default() };
        for (old, new) in [(&old, &new), (&old, &old)] {
            let comparison = compare(old, new, &settings);
            let _ = (comparison.to_string(), comparison.has_regressed_beyond(5.0));
        }
    }

    #[test]
    fn what_is_written_is_read_again_or_refused_beforehand(run in run()) {
        if let Ok(json) = run.to_json() {
            prop_assert_eq!(Run::from_json(&json).expect("what was written"), run);
        }
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in any::<String>()) {
        prop_assert!(Run::from_json(&text).is_err());
    }
}
