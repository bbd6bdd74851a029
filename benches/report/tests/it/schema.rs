use hotcache_report::{Machine, Run, Skipped};
use serde_json::{Value, json};

use crate::fixture;

fn minimal() -> Value {
    json!({
        "version": 1,
        "machine": {
            "cpu": "c", "cores": 2, "memory": 1, "os": "o", "allocator": "a", "hasher": "h", "compiler": "r",
            "commit": "0", "flags": "f", "date": "2026-01-31T18:00:00Z"
        },
        "cells": [{
            "cache": "int", "backend": "papaya", "op": "get", "max_key": 100, "threads": 1, "dist": "uniform",
            "key_len": 8, "ns_per_op": {"median": 18.7, "min": 18.6, "max": 18.9}, "mops": 53.5,
            "bytes_per_op": 0.0, "allocs_per_op": 0.0, "hit_rate": 1.0
        }]
    })
}

/// The garbage of a workload at these moments.
fn garbage(moments: Value) -> Value {
    json!({
        "workload": "churn", "about": "two threads", "cache": "int", "backend": "papaya", "repeats": 1,
        "object_bytes": 0, "verified": true, "moments": moments
    })
}

fn moment(counted: i64) -> Value {
    json!({"moment": "left", "counted": counted})
}

/// A cell of a bounded cache, with what may not be missing.
fn bounded(capacity: Value) -> Value {
    with(minimal()["cells"][0].clone(), "capacity", capacity)
}

fn with(mut object: Value, field: &str, value: Value) -> Value {
    object[field] = value;
    object
}

/// The memory of a bounded cache, given the bytes of an entry.
fn weighed(counted: f64) -> Value {
    json!({"backend": "moka", "capacity": 100, "key_type": "u64", "key_len": 8, "entry": {"counted": counted}})
}

/// A cache that hit so often.
fn counted(hits: u64) -> Value {
    json!({
        "workload": "loop", "capacity": 8, "backend": "lru", "requests": 100, "distinct_keys": 10, "hits": hits
    })
}

/// The error for the minimal document with the value at a place changed, or removed.
fn refused(place: &str, value: Option<Value>) -> String {
    let mut document = minimal();
    let (parent, key) = place.rsplit_once('/').expect("a place");
    let parent = document.pointer_mut(parent).expect("a parent");
    match (parent, value) {
        (Value::Object(fields), Some(value)) => drop(fields.insert(key.to_owned(), value)),
        (Value::Object(fields), None) => assert!(fields.remove(key).is_some(), "no {place}"),
        (Value::Array(all), Some(value)) => all.push(value),
        _ => unreachable!("{place}"),
    }
    match Run::from_json(&document.to_string()) {
        Ok(run) => panic!("{place} was accepted: {run:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn the_fields_of_a_cell_are_enough_and_are_all_needed() {
    let run = Run::from_json(&minimal().to_string()).expect("the minimal document");
    assert_eq!((run.cells[0].ns_per_op.median, run.cells[0].kind.is_reference()), (18.7, false));
    let cell = minimal()["cells"][0].clone();
    for field in cell.as_object().expect("a cell").keys() {
        let error = refused(&format!("/cells/0/{field}"), None);
        assert!(error.contains("cells[0]") && error.contains(&format!("missing field `{field}`")), "{error}");
    }
    for field in minimal()["machine"].as_object().expect("a machine").keys() {
        let error = refused(&format!("/machine/{field}"), None);
        assert!(error.starts_with("machine: ") && error.contains(&format!("`{field}`")), "{error}");
    }
}

#[test]
fn what_cannot_be_is_refused_by_its_place() {
    for (place, value, wanted) in [
        ("/version", json!(2), "version: this is version 2; this program reads version 1"),
        ("/version", json!("1"), "version: this is version \"1\""),
        ("/machine/cores", json!(0), "machine.cores: must be at least 1"),
        ("/machine/cores", json!("two"), "machine.cores: invalid type: string \"two\""),
        ("/cells/0/threads", json!(0), "cells[0].threads: must be at least 1"),
        ("/cells/0/threads", json!(-1), "cells[0].threads: invalid value"),
        ("/cells/0/backend", json!(" "), "cells[0].backend: is empty"),
        ("/cells/0/op", json!("a\nb"), "cells[0].op: is not a valid name"),
        ("/cells/0/ns_per_op/median", json!("fast"), "cells[0].ns_per_op.median: invalid type"),
        ("/cells/0/ns_per_op/min", json!(0), "cells[0].ns_per_op.min: is 0; must be above 0"),
        ("/cells/0/ns_per_op/max", json!(18.0), "cells[0].ns_per_op: the median 18.7 does not lie between"),
        ("/cells/0/ns_per_op/max", Value::Null, "cells[0].ns_per_op.max: invalid type: null"),
        ("/cells/0/mops", json!(-3), "cells[0].mops: is -3; must be 0 or more"),
        ("/cells/0/hit_rate", json!(1.5), "cells[0].hit_rate: is 1.5; must lie in 0 to 1"),
        ("/cells/0/samples", json!([1.0, 0.0]), "cells[0].samples[1]: is 0; must be above 0"),
        ("/cells/0/busy", json!([1.5]), "cells[0].busy[0]: is 1.5; must lie in 0 to 1"),
        ("/cells/0/busy", json!([0.0, 0.0]), "cells[0].busy: has 2 passes, among which 0 samples"),
        ("/cells/0/kind", json!("friend"), "cells[0].kind: unknown variant `friend`"),
        ("/cells/1", minimal()["cells"][0].clone(), "cells[1]: measures the same as cells[0]"),
        ("/latency", json!([{"cache": "int"}]), "latency[0]: missing field"),
        ("/garbage", json!([{"cache": "int"}]), "garbage[0]: missing field `workload`"),
        ("/garbage", json!([garbage(json!([]))]), "garbage[0].moments: has no moment"),
        ("/garbage", json!([garbage(json!([moment(-1)]))]), "garbage[0].moments[0].counted: invalid value"),
        (
            "/garbage",
            json!([garbage(json!([moment(1), moment(2)]))]),
            "garbage[0].moments[1]: measures the same as garbage[0].moments[0]",
        ),
        (
            "/garbage",
            json!([garbage(json!([moment(1)])), garbage(json!([moment(2)]))]),
            "garbage[1]: measures the same as garbage[0]",
        ),
        ("/bounded", json!([{"capacity": 1}]), "bounded[0]: missing field"),
        ("/bounded", json!([bounded(json!(-1))]), "bounded[0]"),
        ("/bounded", json!([bounded(json!(210)), bounded(json!(210))]), "bounded[1]: measures the same as"),
        (
            "/bounded",
            json!([with(bounded(json!(210)), "threads", json!(0))]),
            "bounded[0].threads: must be at least",
        ),
        (
            "/bounded",
            json!([with(
                bounded(json!(210)),
                "single",
                json!({"p50":2,"p90":1,"p99":3,"p99.9":4,"p99.99":5,"max":6})
            )]),
            "bounded[0].single.p90: is 1, below p50 of 2",
        ),
        ("/bounded_memory", json!([{"backend": "moka"}]), "bounded_memory[0]: missing field"),
        (
            "/bounded_memory",
            json!([weighed(-1.0)]),
            "bounded_memory[0].entry.counted: is -1; must be 0 or more",
        ),
        ("/bounded_memory", json!([weighed(1.0), weighed(2.0)]), "bounded_memory[1]: measures the same as"),
        ("/hit_ratio", json!([{"workload": "loop"}]), "hit_ratio[0]: missing field"),
        ("/hit_ratio", json!([counted(5), counted(6)]), "hit_ratio[1]: measures the same as hit_ratio[0]"),
        (
            "/hit_ratio",
            json!([counted(91)]),
            "hit_ratio[0].hits: is 91; of 100 requests for 10 keys at most 90 can hit",
        ),
        ("/partial", json!("no"), "partial: invalid type"),
    ] {
        let error = refused(place, Some(value));
        assert!(error.starts_with(wanted), "{place}: {error}");
    }
}

#[test]
fn rubbish_is_refused_without_a_panic() {
    for (text, wanted) in [
        ("", "EOF"),
        ("{", "EOF"),
        ("[]", "invalid"),
        ("{}", "no field `version`"),
        ("null", "invalid type"),
        ("\u{feff}{}", "expected value"),
        ("{\"version\": 1, \"machine\": 1e999}", "out of range"),
    ] {
        let error = Run::from_json(text).expect_err(text).to_string();
        assert!(error.contains(wanted), "{text:?}: {error}");
    }
    let twice = format!("{}{}", minimal(), minimal());
    assert!(Run::from_json(&twice).expect_err("two documents").to_string().contains("trailing characters"));
}

#[test]
fn fields_that_are_not_known_are_passed_over() {
    let mut document = minimal();
    document["weather"] = json!({"rain": true});
    document["cells"][0]["humidity"] = json!(0.4);
    assert_eq!(
        Run::from_json(&document.to_string()).expect("more fields"),
        Run::from_json(&minimal().to_string()).expect("the minimal document"),
    );
}

#[test]
fn garbage_came_later_and_may_be_missing() {
    let run = Run::from_json(&minimal().to_string()).expect("a document of before");
    assert!(run.garbage.is_empty() && run.bounded.is_empty() && run.hit_ratio.is_empty());
    let json = run.to_json().expect("a run");
    for later in ["garbage", "bounded", "hit_ratio"] {
        assert!(!json.contains(later), "{later}: {json}");
    }
    let mut document = minimal();
    document["garbage"] = json!([garbage(json!([moment(7)]))]);
    let run = Run::from_json(&document.to_string()).expect("without what may be missing");
    assert_eq!((run.garbage[0].moments[0].rss, run.garbage[0].moments[0].objects), (None, None));
}

#[test]
fn a_run_survives_being_written() {
    let run = fixture::complete(1);
    let json = run.to_json().expect("a run");
    assert_eq!(Run::from_json(&json).expect("what was written"), run);
    let mut interrupted = run;
    interrupted.partial = true;
    let json = interrupted.to_json().expect("a run");
    assert!(json.contains("\"partial\": true"));
    assert!(Run::from_json(&json).expect("what was written").partial);
}

#[test]
fn the_names_of_the_fields_are_those_that_are_documented() {
    let json = fixture::complete(1).to_json().expect("a run");
    let written: Value = serde_json::from_str(&json).expect("JSON");
    let has = |value: &Value, fields: &[&str]| {
        for field in fields {
            assert!(value.get(field).is_some(), "{field} in {value}");
        }
    };
    has(&written, &["version", "machine", "cells", "latency", "memory", "garbage", "trace", "skipped"]);
    has(&written, &["bounded", "bounded_memory", "hit_ratio"]);
    has(&written["bounded"][2], &["capacity", "single", "cache", "backend", "op", "ns_per_op", "hit_rate"]);
    has(&written["bounded_memory"][1], &["backend", "capacity", "key_type", "key_len", "entry", "overhead"]);
    has(&written["hit_ratio"][0], &["workload", "capacity", "backend", "requests", "distinct_keys", "hits"]);
    let cell = &written["cells"][0];
    let fields = minimal()["cells"][0].clone();
    has(cell, &fields.as_object().expect("a cell").keys().map(String::as_str).collect::<Vec<_>>());
    has(cell, &["kind", "samples", "iterations", "verified"]);
    has(&written["latency"][0]["percentiles"], &["p50", "p90", "p99", "p99.9", "p99.99", "max"]);
    has(&written["memory"][0], &["after_load", "worst", "after_churn", "after_delete_all"]);
    let fields =
        ["workload", "about", "cache", "backend", "kind", "repeats", "object_bytes", "verified", "moments"];
    has(&written["garbage"][0], &fields);
    has(&written["garbage"][0]["moments"][0], &["moment", "counted", "rss", "objects"]);
    let kinds = written["cells"].as_array().expect("cells").iter().map(|cell| cell["kind"].as_str());
    let kinds: std::collections::BTreeSet<_> = kinds.map(Option::unwrap_or_default).collect();
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), ["backend", "by-hand", "floor", "peer"]);
}

#[test]
fn what_would_be_refused_is_not_written() {
    let mut run = fixture::complete(1);
    run.cells[3].ns_per_op.max = f64::NAN;
    assert_eq!(run.to_json().expect_err("no number").at(), "cells[3].ns_per_op.max");
    let mut run = fixture::complete(1);
    run.latency[0].percentiles.p99 = 1.0;
    assert_eq!(run.to_json().expect_err("falls").at(), "latency[0].percentiles.p99");
    let mut run = fixture::complete(1);
    run.latency[0].curve.swap(3, 9);
    assert!(run.to_json().expect_err("falls").at().starts_with("latency[0].curve["));
    let mut run = fixture::complete(1);
    run.memory[2].after_load.counted = Some(-1.0);
    assert_eq!(run.to_json().expect_err("negative").at(), "memory[2].after_load.counted");
}

#[test]
fn an_interrupted_run_taken_up_again_is_whole() {
    let whole = fixture::complete(2);
    let mut first = whole.clone();
    let rest = first.cells.split_off(100);
    first.partial = true;
    first.skipped.push(Skipped::new("scc", "interrupted"));
    let mut second = Run::new(Machine { cores: 2, ..Machine::default() });
    second.cells = rest;
    second.cells.push(whole.cells[5].clone());
    first.absorb(second);
    first.partial = false;
    assert_eq!(first.cells.len(), whole.cells.len());
    let json = first.to_json().expect("no cell is there twice");
    assert_eq!(Run::from_json(&json).expect("what was written"), first);
}

#[test]
fn keys_are_text_unless_a_cell_says_otherwise() {
    let run = Run::from_json(&minimal().to_string()).expect("the minimal document");
    assert_eq!(
        (run.cells[0].key_type.as_str(), run.cells[0].work().to_string()),
        ("str", "int get, 100 keys, 1 thread, uniform, 8-byte keys".to_owned())
    );
    assert!(!run.to_json().expect("a run").contains("key_type"), "as documents always were");
    let mut both = minimal();
    let mut typed = both["cells"][0].clone();
    typed["key_type"] = json!("u64");
    both["cells"].as_array_mut().expect("cells").push(typed.clone());
    let run = Run::from_json(&both.to_string()).expect("two cells that measure different things");
    assert_eq!(run.cells[1].work().to_string(), "int get, 100 keys, 1 thread, uniform, u64 keys");
    assert_eq!(Run::from_json(&run.to_json().expect("a run")), Ok(run));
    both["cells"].as_array_mut().expect("cells").push(typed);
    let twice = Run::from_json(&both.to_string()).expect_err("the same twice").to_string();
    assert!(twice.contains("cells[2]: measures the same as cells[1]"), "{twice}");
    assert!(refused("/cells/0/key_type", Some(json!(""))).contains("cells[0].key_type: is empty"));
}
