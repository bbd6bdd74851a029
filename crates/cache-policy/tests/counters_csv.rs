//! Counters from and to comma-separated values. Needs the feature `csv`.
#![cfg(feature = "csv")]
#![expect(clippy::unwrap_used, reason = "a test that unwraps says what it expects by failing")]

use std::io::Read;
use std::net::IpAddr;
use std::time::Duration;

use cache_bucket::BucketBackend;
use cache_core::{Backend, IntCache, Options};
use cache_policy::csv::{Csv, CsvError};
use cache_policy::{Counters, ManualClock};

fn ints() -> impl IntCache {
    BucketBackend::int::<str, _>(Options::new())
}

/// Imports into a cache that has one counter, and checks that a refusal leaves it alone.
fn refusal(csv: Csv, text: impl AsRef<[u8]>) -> String {
    let cache = ints();
    cache.set("a", -1);
    let error = csv.import_int(&cache, text.as_ref()).unwrap_err();
    assert_eq!((cache.get("a"), cache.len()), (Some(-1), 1), "{error}");
    error.to_string()
}

#[test]
fn quoting_is_that_of_the_rfc() {
    let cache = ints();
    let text = "\u{feff}\"plain\",1\r\n\"with, comma\",-2\r\n\"with \"\"quotes\"\"\",3\r\n\"two\r\nlines\",4\r\n\r\n,5\r\n\"quoted\",\"6\"";
    assert_eq!(Csv::new().import_int(&cache, text.as_bytes()).unwrap(), 6);
    let expected = [
        ("plain", 1),
        ("with, comma", -2),
        ("with \"quotes\"", 3),
        ("two\r\nlines", 4),
        ("", 5),
        ("quoted", 6),
    ];
    for (key, value) in expected {
        assert_eq!(cache.get(key), Some(value), "{key:?}");
    }
    assert_eq!(cache.len(), 6);
}

#[test]
fn what_was_exported_is_imported() {
    let cache = ints();
    for (n, key) in
        ["", "a", "a,b", "\"", "line\nend", "\r", " space ", "ü", "'", "#"].into_iter().enumerate()
    {
        cache.set(key, i64::MIN + n as i64);
    }
    for csv in [Csv::new(), Csv::new().header(true), Csv::new().delimiter(b'\t'), Csv::new().delimiter(b';')]
    {
        let mut text = Vec::new();
        assert_eq!(csv.export_int(&cache, &mut text).unwrap(), 10);
        let after = ints();
        assert_eq!(csv.import_int(&after, &text[..]).unwrap(), 10);
        cache.for_each(&mut |key, value| assert_eq!(after.get(key), Some(value), "{key:?}"));
        let mut again = Vec::new();
        csv.export_int(&after, &mut again).unwrap();
        assert_eq!(text, again);
    }
}

#[test]
fn an_error_names_line_and_column() {
    let csv = Csv::new();
    let value = "expected an integer from -9223372036854775808 to 9223372036854775807";
    let cases = [
        ("b,1\nc,x\n", format!("line 2, column 2 (value): invalid value \"x\": {value}")),
        ("b,1\r\nc,1\r\nd,1.5\r\n", format!("line 3, column 2 (value): invalid value \"1.5\": {value}")),
        ("b,1\n\n\nc,\n", format!("line 4, column 2 (value): invalid value \"\": {value}")),
        (
            "b,9223372036854775808",
            format!("line 1, column 2 (value): invalid value \"9223372036854775808\": {value}"),
        ),
        ("b, 1\n", format!("line 1, column 2 (value): invalid value \" 1\": {value}")),
        ("\"b\nb\",1\nc,x\n", format!("line 3, column 2 (value): invalid value \"x\": {value}")),
        ("b,1\nc\n", "line 2, column 2 (value): 1 field: expected 2, a key and a value".to_owned()),
        ("b,1,2\n", "line 1, column 3: 3 fields: expected 2, a key and a value".to_owned()),
        (
            "b,1\nc,2\nb,3\n",
            "line 3, column 1 (key): the key \"b\" was on line 1: each key is allowed once".to_owned(),
        ),
    ];
    for (text, message) in cases {
        assert_eq!(refusal(csv, text), message, "{text:?}");
    }
    assert_eq!(refusal(csv, b"b,1\n\xff,2\n"), "line 2, column 1 (key): the field is not valid UTF-8");
    assert_eq!(refusal(csv, b"b,\xff\n"), "line 1, column 2 (value): the field is not valid UTF-8");
    for (text, place) in [
        ("b,1\nc,\"2\n", "line 2, column 2 (value)"),
        ("b,1\r\n\"c,2\r\nd,3\r\n", "line 2, column 1 (key)"),
        ("b,1\nc\"c,2\nd\"d,3\n", "line 2, column 1 (key)"),
        ("\"b\"b,1\n", "line 1, column 1 (key)"),
        ("\"b\n\nb\",1\nc,\"2\"2\n", "line 4, column 2 (value)"),
    ] {
        let message = "a quote out of place: quotes surround a whole field, and are doubled inside it";
        assert_eq!(refusal(csv, text), format!("{place}: {message}"), "{text:?}");
    }
}

#[test]
fn a_header_is_one_or_is_refused() {
    let cache = ints();
    let csv = Csv::new().header(true);
    assert_eq!(csv.import_int(&cache, &b"sku,stock\nb,1\n"[..]).unwrap(), 1);
    assert_eq!(csv.import_int(&cache, &b"sku,stock\n"[..]).unwrap(), 0);
    assert_eq!(csv.import_int(&cache, &b""[..]).unwrap(), 0);
    let refused =
        "line 1, column 2 (value): expected a header, found the value 1; if there is no header, say so";
    assert_eq!(refusal(csv, "b,1\nc,2\n"), refused);
    assert!(
        refusal(Csv::new(), "key,value\nb,1\n")
            .starts_with("line 1, column 2 (value): invalid value \"value\"")
    );
}

#[test]
fn keys_of_other_types() {
    let cache = BucketBackend::int::<IpAddr, _>(Options::new());
    assert_eq!(Csv::new().import_int(&cache, &b"10.0.0.7,1\n::1,2\n"[..]).unwrap(), 2);
    assert_eq!(cache.get(&IpAddr::from([10, 0, 0, 7])), Some(1));
    let error = Csv::new().import_int(&cache, &b"10.0.0.8,1\n10.0.0,2\n"[..]).unwrap_err();
    let text = "line 2, column 1 (key): invalid key \"10.0.0\": invalid IP address syntax";
    assert_eq!(error.to_string(), text);
    assert_eq!(cache.len(), 2);
}

#[test]
fn counters_keep_their_bound_and_their_time() {
    let clock = ManualClock::new();
    let counters = Counters::<u64, BucketBackend>::builder()
        .max_keys(3)
        .time_to_live(Duration::from_secs(10))
        .clock(clock.clone())
        .build();
    counters.set(&1, 1).unwrap();
    clock.advance(Duration::from_secs(4));
    assert_eq!(Csv::new().import_counters(&counters, &b"1,10\n2,20\n"[..]).unwrap(), 2);
    assert_eq!((counters.get(&1), counters.get(&2)), (Some(10), Some(20)));
    let seconds = |key: u64| counters.ttl(&key).unwrap().as_secs();
    assert_eq!((seconds(1), seconds(2)), (6, 10));

    let error = Csv::new().import_counters(&counters, &b"1,11\n3,30\n4,40\n"[..]).unwrap_err();
    assert!(matches!(error, CsvError::Full { new: 2, max_keys: 3 }), "{error}");
    assert_eq!((counters.get(&1), counters.get(&3), counters.len()), (Some(10), None, 2));
    assert_eq!(Csv::new().import_counters(&counters, &b"1,11\n3,30\n"[..]).unwrap(), 2);
    let mut text = Vec::new();
    assert_eq!(Csv::new().header(true).export_counters(&counters, &mut text).unwrap(), 3);
    assert_eq!(text, b"key,value\n1,11\n2,20\n3,30\n");
}

#[test]
fn an_input_that_fails() {
    let cache = ints();
    let broken = (&b"a,1\n"[..]).chain(Broken);
    let error = Csv::new().import_int(&cache, broken).unwrap_err();
    assert!(matches!(error, CsvError::Io(_)) && cache.is_empty(), "{error}");

    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _bytes: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::ConnectionReset.into())
        }
    }
}
